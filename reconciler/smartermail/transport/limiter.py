"""The adaptive concurrency limit: how many requests may be in flight to one server.

The limit grows by one after some rounds without a problem and decreases by 30 percent when the server has a problem.
`ConcurrencyLimit` is the rule: it never waits, and its clock is a parameter. `Limiter` lets requests wait, first come,
first served.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NewType

LONGEST_PAUSE = 60.0
"""Maximum seconds for which a server can delay all new requests (Retry-After)."""

DECREASE = 0.7
STEADY_ROUNDS = 8
"""Rounds without a problem before the limit grows by one. A round has as many answers as the limit.

A server with a lower limit of its own then rejects about one request in fifty at a limit of three, and one in ten at a
limit of one.
"""

SLOW_FACTOR, SLOW_MARGIN = 4.0, 0.25
"""An answer is slow if it takes more than four times as long as the fastest recent one of its kind, plus 0.25 s."""

SAMPLE, SLOW_IN_SAMPLE = 16, 12
"""If 12 of 16 consecutive answers are slow, the server is overloaded. A lower share is normal variation."""

MEMORY = 64
"""Answers of a kind after which the fastest older one is forgotten, so that a lasting slowness becomes normal."""


Permit = NewType("Permit", int)
"""The serial number of a request in flight."""


@dataclass(slots=True)
class _Fastest:
    """The duration in seconds of the fastest among the last 64 to 128 answers of one kind."""

    before: float = float("inf")
    now: float = float("inf")
    count: int = 0

    def is_slow(self, seconds: float) -> bool:
        """Whether an answer took much longer than the fastest one. Adds it to the memory."""
        least = min(self.before, self.now)
        self.now = min(self.now, seconds)
        self.count += 1
        # Two halves of memory, of which the older one is dropped: a sliding minimum without storing each duration.
        if self.count >= MEMORY:
            self.before, self.now, self.count = self.now, float("inf"), 0
        return seconds > max(SLOW_FACTOR * least, SLOW_MARGIN + least)


@dataclass(slots=True)
class ConcurrencyLimit:
    """A limit between 1 and `most` requests in flight. It starts with `most`.

    Attributes:
        most: `maxConcurrency`.
        adapts: False keeps the limit at `most`, for comparisons.
        window: the current limit; only its integer part counts.
        decreases: how often the limit decreased.
    """

    most: int
    clock: Callable[[], float] = time.monotonic
    adapts: bool = True
    window: float = 0.0
    in_flight: int = 0
    decreases: int = 0
    _last: Permit = Permit(0)
    _last_before_decrease: Permit = Permit(0)
    _last_at_limit: Permit = Permit(0)
    _paused_until: float = 0.0
    _fastest: dict[str, _Fastest] = field(default_factory=dict)
    _slow: deque[bool] = field(default_factory=lambda: deque(maxlen=SAMPLE))

    def __post_init__(self) -> None:
        assert self.most >= 1
        self.window = float(self.most)

    @property
    def pause_left(self) -> float:
        """Seconds that all new requests still have to wait, because the server requested a pause."""
        return max(0.0, self._paused_until - self.clock())

    @property
    def has_capacity(self) -> bool:
        """Whether a request may be sent now."""
        return self.in_flight < int(self.window) and not self.pause_left

    def begin(self) -> Permit:
        """Count a request that is about to be sent."""
        self.in_flight += 1
        self._last = Permit(self._last + 1)
        if self.in_flight >= int(self.window):
            self._last_at_limit = self._last
        return self._last

    def end(self) -> None:
        """Count a request as finished, with any outcome."""
        self.in_flight -= 1

    def succeeded(self, permit: Permit, kind: str, seconds: float) -> None:
        """Record an answer. `kind`: durations are compared only between answers of the same kind."""
        is_slow = self._fastest.setdefault(kind, _Fastest()).is_slow(seconds)
        # A request from before the last decrease shows nothing about the new limit.
        if permit <= self._last_before_decrease:
            return
        self._slow.append(is_slow)
        if sum(self._slow) >= SLOW_IN_SAMPLE:
            self.overloaded(permit)
        # The limit grows only if it was reached while this request was in flight: otherwise nothing tested it.
        elif not is_slow and self._last_at_limit >= permit:
            self.window = min(float(self.most), self.window + 1 / (STEADY_ROUNDS * self.window))

    def overloaded(self, permit: Permit) -> None:
        """Decrease the limit after 429, 502, 503, 504 or no answer.

        All failures of requests that were in flight at the last decrease count as one: they have the same cause.
        """
        if permit <= self._last_before_decrease or not self.adapts:
            return
        self._last_before_decrease = self._last
        # The sample was taken at the old limit. With it, the next slow answer would decrease the limit again at once.
        self._slow.clear()
        self.decreases += self.window > 1
        # Never below one: without any request in flight, no answer could raise the limit again.
        self.window = max(1.0, self.window * DECREASE)

    def pause(self, seconds: float) -> None:
        """Delay all new requests, because the server requested a pause."""
        if self.adapts:
            self._paused_until = max(self._paused_until, self.clock() + min(seconds, LONGEST_PAUSE))


class Limiter:
    """Lets the requests to one server wait until the concurrency limit permits them."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self.limit = limit
        self._waiting: deque[asyncio.Future[Permit]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def acquire(self) -> Permit:
        """Wait for a permit. The caller must call `release` afterwards."""
        # A newcomer must not overtake the requests that already wait.
        if not self._waiting and self.limit.has_capacity:
            return self.limit.begin()
        turn: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit()
        try:
            return await turn
        except asyncio.CancelledError:
            # The permit was granted in the same loop iteration as the cancellation: return it, or it would be lost.
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Return a permit and admit the next requests."""
        self.limit.end()
        self._admit()

    def _admit(self) -> None:
        while self._waiting:
            if self._waiting[0].done():  # its task was cancelled while it waited
                self._waiting.popleft()
            elif self.limit.has_capacity:
                self._waiting.popleft().set_result(self.limit.begin())
            else:
                break
        # During a pause possibly no request is in flight whose end would admit the next one. A timer does it then.
        wait = self.limit.pause_left
        if self._waiting and wait and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self._pause_ended)

    def _pause_ended(self) -> None:
        self._timer = None
        self._admit()
