"""A disk that becomes full at any line of the journal. `tests/cli/test_full_disk.py` tests real disks and limits."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from every_fault import Bench, Point, Strike, hurried
from http_world import start, stop
from places import folder_in_memory
from scenario import EVERYTHING

from reconciler.app.exits import Exit
from reconciler.core.errors import ReconcilerError

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with folder_in_memory() as folder, hurried():
        world = start(folder)
        world.more["max_concurrency"] = 1
        yield Bench(world, EVERYTHING)
        stop(world)


def fresh(bench: Bench) -> Path:
    bench.world.own("POST", "restore")
    return bench.world.begin(bench.there)


class Disk:
    """`os.write` on a disk that becomes full after `room` journal lines; `torn`: half of the next line still fits."""

    def __init__(self, room: int, *, torn: bool) -> None:
        self.room, self.torn, self.lines = room, torn, 0
        self._write = os.write

    def __call__(self, file: int, data: bytes) -> int:
        if not data.startswith(b'{"formatVersion"'):
            if self.lines > self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return self._write(file, data)
        self.lines += 1
        if self.lines <= self.room:
            return self._write(file, data)
        if self.torn and self.lines == self.room + 1:
            return self._write(file, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def lines(bench: Bench) -> int:
    """Return the number of journal lines of an undisturbed run."""
    root = fresh(bench)
    done = bench.world.apply(bench.there, root)
    assert done.journal is not None
    return len(done.journal.read_text("utf-8").splitlines())


@pytest.mark.parametrize("torn", [False, True])
def test_when_the_disk_fills_at_any_journal_line_no_write_happens_without_its_journal_entry(
    bench: Bench, torn: bool, long_run: bool
) -> None:
    raised = []
    for room in range(int(torn), lines(bench), 1 if long_run else 9):
        root = fresh(bench)
        found: list[str] = []
        try:
            with mock.patch("os.write", Disk(room, torn=torn)):
                done = bench.world.apply(bench.there, root)
        except ReconcilerError as e:
            assert "cannot be written" in e.message
            raised.append(room)
        else:
            state, _ = bench.states()
            found += bench.outcomes(done, state, Point(Strike("500", 1)))
            assert done.exit_code is Exit.PARTIAL
        mutated = [r for r in bench.world.log() if r["mutated"]]
        assert not mutated or room > 1, "the program wrote to the server before the intent was in the journal"
        second = bench.world.apply(bench.there, root)
        assert (room, found + list(bench.second(second, root, 1))) == (room, [])
    assert raised == ([] if torn else [0]), "only a journal that cannot be started ends the run immediately"
