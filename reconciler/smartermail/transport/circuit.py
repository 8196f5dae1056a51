"""The circuit breaker: after several requests in a row without an answer, further requests fail immediately.

Pure except for the clock, which is a parameter. The breaker stops a request before it is sent, so that the outcome of
a stopped write is known: it had no effect.
"""

import time
from collections.abc import Callable

from reconciler.core.errors import ReconcilerError, UnexpectedAnswer, Unreachable

IN_A_ROW = 3
"""Requests without an answer after all their attempts, with no answer to another request in between."""

REST = 30.0
"""Seconds from opening to the first probe, and between probes."""

LONGEST_REST = 3600.0
"""Maximum seconds that Retry-After can request."""


class Circuit:
    """The circuit breaker of one server. While it is open, every request fails immediately with the same error.

    After the pause, the caller that finds `is_due` sends one probe: `begin_probe`, then `end_probe`.
    """

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._unanswered = 0
        self._error: ReconcilerError | None = None
        self._until = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether requests fail immediately."""
        return self._error is not None

    @property
    def is_due(self) -> bool:
        """Whether a probe is due and not under way."""
        return self.is_open and not self._probing and self._clock() >= self._until

    def check(self) -> None:
        """Raise the error of the open circuit breaker."""
        # A copy: one exception object raised by several tasks would collect the tracebacks of all of them.
        if self._error is not None:
            raise type(self._error)(self._error.message, hint=self._error.hint)

    def answered(self) -> None:
        """Any answer shows that the server is reachable, and closes the circuit breaker."""
        self._unanswered = 0
        self._error = None

    def unanswered(self, message: str) -> None:
        """Record a request that got no answer in its last attempt. `message`: the message of its error."""
        self._unanswered += 1
        if self._unanswered >= IN_A_ROW and not self.is_open:
            self.trip(f"{self._unanswered} requests in a row got no response", Unreachable(message))

    def trip(self, reason: str, last: ReconcilerError, seconds: float = REST) -> None:
        """Open the circuit breaker for some seconds; `last` is the error of the last request."""
        seconds = min(max(seconds, REST), LONGEST_REST)
        # The kind of the last error is kept, because it decides about the exit code of the run.
        kind = UnexpectedAnswer if isinstance(last, UnexpectedAnswer) else Unreachable
        self._until = self._clock() + seconds
        self._error = kind(
            f"{self._server}: skipped; circuit breaker open for {seconds:.0f} s ({reason}); last error: {last.message}",
            hint=last.hint or "check the server's url and the network, and whether the server runs; nothing was sent",
        )

    def begin_probe(self) -> None:
        """The caller sends the probe now; all other requests still fail."""
        assert self.is_due
        self._probing = True

    def end_probe(self, *, is_reachable: bool) -> None:
        """Close the circuit breaker if the server answered the probe; otherwise wait for the next one."""
        self._probing = False
        if is_reachable:
            self.answered()
        else:
            self._until = self._clock() + REST
