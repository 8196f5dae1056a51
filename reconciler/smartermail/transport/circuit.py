"""Whether a server is asked at all: after it left several requests in a row without an answer, nobody waits for it.

Pure but for the clock, which is given. What is refused here was not sent, so that nothing is concluded about a write.
"""

import time
from collections.abc import Callable

from reconciler.core.errors import ReconcilerError, UnexpectedAnswer, Unreachable

IN_A_ROW = 3
"""Requests without an answer, after all their tries, with no answer to anything in between."""

REST = 30.0
"""Seconds until one probe decides."""

LONGEST_REST = 3600.0
"""Seconds that a server may ask for with Retry-After."""


class Circuit:
    """Closed as long as the server answers; open, it refuses everything at once with the same error.

    Once its time is over somebody is to send a probe, and only one: `is_due`, `begin_probe`, `end_probe`.
    """

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._silent = 0
        self._error: ReconcilerError | None = None
        self._until = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether requests are refused, or a probe has to decide first."""
        return self._error is not None

    @property
    def is_due(self) -> bool:
        """Whether it is time for a probe, and nobody sends one yet."""
        return self.is_open and not self._probing and self._clock() >= self._until

    def check(self) -> None:
        """Raises what everybody is told while it is open."""
        if self._error is not None:
            raise type(self._error)(self._error.message, hint=self._error.hint)

    def answered(self) -> None:
        """The server answered something, whatever it was: it is there."""
        self._silent = 0
        self._error = None

    def unanswered(self, said: str) -> None:
        """A request had no answer, and is not sent again. `said`: its error's message."""
        self._silent += 1
        if self._silent >= IN_A_ROW and not self.is_open:
            self.trip(f"{self._silent} requests in a row had no answer", Unreachable(said))

    def trip(self, why: str, last: ReconcilerError, seconds: float = REST) -> None:
        """Opens it for so many seconds; `last` is what the last request came to."""
        seconds = min(max(seconds, REST), LONGEST_REST)
        kind = UnexpectedAnswer if isinstance(last, UnexpectedAnswer) else Unreachable
        self._until = self._clock() + seconds
        self._error = kind(
            f"{self._server}: not asked, for the server is taken to be away for {seconds:.0f} seconds: "
            f"{why} ({last.message})",
            hint=last.hint or "nothing was sent; see the server's url, the network, and whether the server runs",
        )

    def begin_probe(self) -> None:
        """One is sent now; everybody else goes on being refused."""
        assert self.is_due
        self._probing = True

    def end_probe(self, *, is_there: bool) -> None:
        """The probe was answered, which closes the circuit, or it was not, and the next one comes later."""
        self._probing = False
        if is_there:
            self.answered()
        else:
            self._until = self._clock() + REST
