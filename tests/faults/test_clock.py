"""A clock that jumps by an hour during a run."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from every_fault import Bench, Point, Strike, hurried
from http_world import start, stop
from places import folder_in_memory
from scenario import EVERYTHING

from reconciler.app.apply.run import ApplyResult
from reconciler.smartermail.transport.session import Session

pytestmark = pytest.mark.timeout(300)
HOUR = timedelta(hours=1)


class Clock:
    """The wall clock of our program. It jumps after `at` requests. The server has its own clock."""

    def __init__(self, at: int, by: timedelta) -> None:
        self.at, self.by, self.sent = at, by, 0

    def now(self, tz: Any = None) -> datetime:
        return datetime.now(tz) + (self.by if self.sent >= self.at else timedelta())


def readers_of_the_clock() -> list[ModuleType]:
    """Return our modules that import `datetime`, without the sandbox, which represents another machine."""
    named = [(name, m) for name, m in sorted(sys.modules.items()) if name.startswith("reconciler.")]
    return [m for name, m in named if ".sandbox" not in name and getattr(m, "datetime", None) is datetime]


@contextmanager
def jumping(at: int, by: timedelta) -> Iterator[Clock]:
    clock = Clock(at, by)

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return clock.now(tz)

    async def send(session: Session, *words: Any, **more: Any) -> Any:
        clock.sent += 1
        return await original(session, *words, **more)

    original = Session.send
    with ExitStack() as stack:
        for module in readers_of_the_clock():
            stack.enter_context(mock.patch.object(module, "datetime", Jumping))
        stack.enter_context(mock.patch.object(Session, "send", send))
        yield clock


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with folder_in_memory() as folder, hurried():
        world = start(folder)
        world.more["max_concurrency"] = 1
        yield Bench(world, EVERYTHING)
        stop(world)


def test_the_patched_clock_is_the_one_that_the_program_reads() -> None:
    names = {m.__name__ for m in readers_of_the_clock()}
    assert {
        "reconciler.engine.journal.writer",
        "reconciler.smartermail.auth.decode",
        "reconciler.smartermail.transport.session",
    } <= names


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forwards", "backwards"])
def test_a_clock_that_jumps_by_an_hour_at_any_request_changes_nothing(
    bench: Bench, by: timedelta, long_run: bool
) -> None:
    for at in range(1, bench.requests, 1 if long_run else 25):
        bench.world.own("POST", "restore")
        root = bench.world.begin(bench.there)
        with jumping(at, by) as clock:
            first = bench.world.apply(bench.there, root)
        assert isinstance(first, ApplyResult)
        log = bench.world.log()
        assert clock.sent == len(log) == bench.requests, "exactly the requests of an undisturbed run"
        state, _ = bench.states()
        found = list(bench.first(first, log, state, Point(Strike("latency", at))))
        with jumping(0, by):
            second = bench.world.apply(bench.there, root)
        # Journals are ordered by their start times. After a backward jump the program may not find the record of a
        # password that it has set, and then sets the same password again.
        assert (at, found + list(bench.second(second, root, int(by < timedelta())))) == (at, [])
