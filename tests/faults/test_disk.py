"""A disk that is full, or may not be written: what cannot be written down is not done."""

import errno
import os
import resource
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from every_fault import Bench, hurried
from http_values import written_down
from http_world import start, stop
from places import folder_in_memory
from scenario import EVERYTHING

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
    """`os.write` on a disk that is full from the n-th line of a journal on; of that line half may still fit."""

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
    """How many lines the journal of an undisturbed run has."""
    root = fresh(bench)
    done = bench.world.apply(bench.there, root)
    assert done.journal is not None
    return len(done.journal.read_text("utf-8").splitlines())


@pytest.mark.parametrize("torn", [False, True])
def test_from_whatever_line_on_the_disk_is_full_nothing_is_done_that_is_not_written_down(
    bench: Bench, torn: bool
) -> None:
    for room in range(int(torn), lines(bench), 3):
        root = fresh(bench)
        with mock.patch("os.write", Disk(room, torn=torn)), pytest.raises(ReconcilerError, match="cannot be written"):
            bench.world.apply(bench.there, root)
        mutated = [r for r in bench.world.log() if r["mutated"]]
        # One line is the start; each intent, of a change or before an outcome, lets at most its own writes through.
        assert not mutated or room > 1, "written before its intent was"
        second = bench.world.apply(bench.there, root)
        assert (room, list(bench.second(second, root, 1))) == (room, [])


def apply_there(bench: Bench, root: Path, *, prepare: str = "", limit: Callable[[], Any] | None = None) -> str:
    """`apply` as a command that must fail, in a mount namespace of its own where something is to be prepared."""
    written_down(bench.world.url, bench.there, root)
    words = [sys.executable, "-m", "reconciler", "apply", "--yes"]
    if prepare:
        words = ["unshare", "-rm", "sh", "-ec", f"{prepare}; exec {shlex.join(words)}"]
    done = subprocess.run(
        words, cwd=root, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True, preexec_fn=limit
    )
    assert done.returncode not in (0, 2), done.stdout
    return done.stderr


def mounts() -> bool:
    """Whether this machine lets us mount something for ourselves."""
    try:
        return subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0
    except OSError:
        return False


def nothing_happened(bench: Bench, said: str, *words: str) -> None:
    assert [r for r in bench.world.log() if r["mutated"]] == []
    assert all(word in said for word in words), said
    assert "Traceback" not in said


def test_on_a_full_disk_apply_refuses_before_the_first_write(bench: Bench) -> None:
    root = fresh(bench)
    # No file can grow: what a full disk, or a quota, does. It needs no rights.
    said = apply_there(bench, root, limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
    nothing_happened(bench, said, "journal", "cannot be written")


def test_a_file_system_of_a_few_pages_is_full_soon_and_no_change_is_made_without_its_line(bench: Bench) -> None:
    root = fresh(bench)
    if not mounts():
        # Without the right to mount: a limit on the size of files, which strikes amid the journal as well.
        written = apply_there(bench, root, limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)))
    else:
        mount = "cp -a .reconciler kept; mount -t tmpfs -o size=12k none .reconciler; cp -a kept/. .reconciler"
        written = apply_there(bench, root, prepare=mount)
    assert "cannot be written" in written
    assert "Traceback" not in written
    second = bench.world.apply(bench.there, root)
    # What was lost with that disk is the journal itself: the next run sets the password again, to the same.
    assert list(bench.second(second, root, 1)) == []


def test_a_folder_that_may_only_be_read_is_refused_before_the_first_write(bench: Bench) -> None:
    root = fresh(bench)
    if os.geteuid() == 0 and mounts():
        # Root may write anywhere; not on what is mounted read-only.
        lock = "mount --bind .reconciler .reconciler; mount -o remount,ro,bind .reconciler"
        said = apply_there(bench, root, prepare=lock)
    elif os.geteuid() == 0:
        (root / ".reconciler" / "journal").rename(root / "kept")
        (root / ".reconciler" / "journal").write_text("in the way of a folder", "utf-8")
        said = apply_there(bench, root)
    else:
        (root / ".reconciler" / "journal").chmod(0o500)
        said = apply_there(bench, root)
    nothing_happened(bench, said, "journal")
