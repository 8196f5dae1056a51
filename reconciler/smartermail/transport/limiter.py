"""How many requests may be in flight to a server: one more now and then, three in ten fewer where it has trouble.

`Pace` is the rule and waits for nothing; its clock is given. `Gate` lets requests wait, first come, first served.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NewType

LONGEST_HOLD = 60.0
"""Seconds for which a server can keep all new requests waiting (Retry-After)."""

DECREASE = 0.7
STEADY = 8
"""Rounds without trouble before one more is tried. A round is as many answers as may be in flight.

A server that refuses what is above its own limit is then asked for too much about once in fifty requests at a limit of
three, and once in ten at a limit of one.
"""

SLOW_FACTOR, SLOW_MARGIN = 4.0, 0.25
"""An answer is slow that takes four times as long as the quickest of its kind lately, and 0.25 seconds more than it."""

VERDICT, SLOW_OF_VERDICT = 16, 12
"""Twelve slow ones among sixteen answers in a row are no noise."""

MEMORY = 64
"""Answers of a kind after which an older quickest one is forgotten: what was slow becomes usual."""


Ticket = NewType("Ticket", int)
"""The number of a request under way."""


@dataclass(slots=True)
class _Quickest:
    """The least seconds among the last 64 to 128 answers of one kind."""

    before: float = float("inf")
    now: float = float("inf")
    count: int = 0

    def is_slow(self, seconds: float) -> bool:
        """Whether an answer took much longer than the quickest; then it is counted among them."""
        least = min(self.before, self.now)
        self.now = min(self.now, seconds)
        self.count += 1
        if self.count >= MEMORY:
            self.before, self.now, self.count = self.now, float("inf"), 0
        return seconds > max(SLOW_FACTOR * least, SLOW_MARGIN + least)


@dataclass(slots=True)
class Pace:
    """Between 1 and `most` requests in flight, beginning with `most`.

    Attributes:
        most: `maxConcurrency`.
        adapts: False keeps it at `most`, for comparison.
        window: how many may be in flight now; a fraction is on its way to the next whole number.
        decreases: how often it was made smaller.
    """

    most: int
    clock: Callable[[], float] = time.monotonic
    adapts: bool = True
    window: float = 0.0
    in_flight: int = 0
    decreases: int = 0
    _last: Ticket = Ticket(0)
    _round: Ticket = Ticket(0)
    _full: Ticket = Ticket(0)
    _held_until: float = 0.0
    _quickest: dict[str, _Quickest] = field(default_factory=dict)
    _slow: deque[bool] = field(default_factory=lambda: deque(maxlen=VERDICT))

    def __post_init__(self) -> None:
        assert self.most >= 1
        self.window = float(self.most)

    @property
    def held(self) -> float:
        """Seconds that all new requests have to wait, since the server said so."""
        return max(0.0, self._held_until - self.clock())

    @property
    def has_room(self) -> bool:
        """Whether a request may be sent now."""
        return self.in_flight < int(self.window) and not self.held

    def begin(self) -> Ticket:
        """A request is sent."""
        self.in_flight += 1
        self._last = Ticket(self._last + 1)
        if self.in_flight >= int(self.window):
            self._full = self._last
        return self._last

    def end(self) -> None:
        """A request is over, however it ended."""
        self.in_flight -= 1

    def went_well(self, ticket: Ticket, kind: str, seconds: float) -> None:
        """It was answered. `kind`: answers of one kind take about as long as each other."""
        is_slow = self._quickest.setdefault(kind, _Quickest()).is_slow(seconds)
        if ticket <= self._round:
            return  # what was under way at the last decrease says nothing about the new pace
        self._slow.append(is_slow)
        if sum(self._slow) >= SLOW_OF_VERDICT:
            self.is_busy(ticket)
        elif not is_slow and self._full >= ticket:  # all places were taken while it was under way
            self.window = min(float(self.most), self.window + 1 / (STEADY * self.window))

    def is_busy(self, ticket: Ticket) -> None:
        """The server had too much to do (429, 502, 503, 504, no answer): fewer, once for all under way."""
        if ticket <= self._round or not self.adapts:
            return
        self._round = self._last
        self._slow.clear()
        self.decreases += self.window > 1
        self.window = max(1.0, self.window * DECREASE)

    def hold(self, seconds: float) -> None:
        """The server asks for a pause, which is for all requests that come."""
        if self.adapts:
            self._held_until = max(self._held_until, self.clock() + min(seconds, LONGEST_HOLD))


class Gate:
    """Lets requests to one server through as its pace allows."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self._waiting: deque[asyncio.Future[Ticket]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self) -> Ticket:
        """Waits for its turn. Whoever has a ticket gives it back with `leave`."""
        if not self._waiting and self.pace.has_room:
            return self.pace.begin()
        turn: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # let in and cancelled at the same moment
                self.leave()
            raise

    def leave(self) -> None:
        """The request is over: the next ones may go."""
        self.pace.end()
        self._admit()

    def _admit(self) -> None:
        while self._waiting:
            if self._waiting[0].done():  # cancelled while it waited
                self._waiting.popleft()
            elif self.pace.has_room:
                self._waiting.popleft().set_result(self.pace.begin())
            else:
                break
        wait = self.pace.held
        if self._waiting and wait and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self._rested)

    def _rested(self) -> None:
        self._timer = None
        self._admit()
