"""Advisory locks in a folder, of one machine or shared by several: one run at a time per server and domain.

Each run holds one file that shows that it is alive, and a record of the domains on which it works. Runs start and end
under one short lock of the complete folder, the register. A starting run reads all records, removes those of dead runs,
and is refused if a live run works on the same domain. So a run needs two files, whatever the number of its domains.

On one machine the kernel knows which runs are alive: it releases a `flock` when the process ends for any reason. In a
shared folder no kernel knows all runs. So live runs touch their file every few seconds, and a run counts as dead when
its file was not touched for `TTL`. The waiting run measures this with its own monotonic clock. It compares time stamps
only with each other, never with a clock, because the clocks of machines differ.
"""

import asyncio
import errno
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLease, Timeout

from reconciler.core.errors import Locked
from reconciler.engine.locks.record import LockRecord, Place, record_of

TTL = 30.0
"""Seconds without a heartbeat after which a run in a shared folder counts as dead. All runs must use the same value."""
HEARTBEAT = 2.0
REGISTER_PATIENCE = 10.0
"""Seconds to wait for the register, which runs hold for milliseconds. A run killed in them is dead after TTL."""
_ALIVE, _RECORD, _REGISTER = ".alive", ".json", "register"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another run that works on the same domain. `alive` is None while this is unknown."""

    record: LockRecord
    places: frozenset[Place]
    alive: bool | None


class Held:
    """A lock that this run holds. `fault` checks whether it still does; `release` may be called twice."""

    def __init__(self, folder: "LockFolder", run: str, lock: BaseFileLock) -> None:
        self._lock, self._alive, self._record = lock, folder.alive(run), folder.path / f"{run}{_RECORD}"
        # Device and inode, because another run may have replaced the file under the same name.
        self._identity = self._seen()
        self._token = lock.token if isinstance(lock, SoftFileLease) else None
        self._released = False

    def fault(self) -> str:
        """Why this run must not write any more: its lock was lost, or cannot be checked; empty if the run holds it."""
        # Checked twice, because another run that starts and then aborts a takeover moves the file for a moment.
        return "" if self._mine() or self._mine() else f"the lock was lost: {self._alive} belongs to another run"

    def release(self) -> str:
        """Releases the lock. Returns the fault or an empty text; a lock that stays behind expires by itself."""
        if self._released:
            return ""
        self._released = True
        try:
            # After a takeover the files belong to the other run.
            mine = self._mine()
            if mine:
                self._record.unlink(missing_ok=True)
            self._lock.release()
            if mine:
                self._alive.unlink(missing_ok=True)
        except OSError as e:
            return f"the lock {self._alive} could not be released: {e.strerror or e}"
        return ""

    def _mine(self) -> bool:
        if isinstance(self._lock, SoftFileLease):
            owner = self._lock.owner
            return owner is not None and owner.token == self._token
        return self._seen() == self._identity

    def _seen(self) -> tuple[int, int] | None:
        try:
            found = self._alive.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


@dataclass
class LockFolder:
    """A folder of locks.

    Attributes:
        shared: whether several machines use it; otherwise only this machine does.
        lost: called by another thread when a lock in a shared folder is lost while it is held.
    """

    path: Path
    shared: bool = False
    ttl: float = TTL
    heartbeat: float = HEARTBEAT
    lost: Callable[[str], None] = lambda _: None
    _watched: dict[str, "_Watched"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._entry = self.lock_of(_REGISTER)

    async def take(
        self, mine: LockRecord, patience: float = 0.0, on_wait: Callable[[str], None] = lambda _: None
    ) -> Held:
        """Takes the lock for the domains of a run.

        Args:
            patience: seconds to wait for a live run. The time to find out whether a run is alive comes on top.
            on_wait: called once with a text about the other run.

        Raises:
            Locked: another run has the lock, or the folder cannot be used.
        """
        began, is_reported = time.monotonic(), False
        while True:
            await self._register(began)
            got = self._attempt(mine)
            if isinstance(got, Held):
                return got
            waited = time.monotonic() - began
            # A run of unknown state is never a refusal: after TTL it is either alive or dead.
            if got.alive and waited >= patience:
                raise self._refusal(got)
            if not is_reported:
                is_reported = True
                on_wait(self._waiting(got))
            await asyncio.sleep(min(0.2, self.heartbeat / 4))

    async def _register(self, began: float) -> None:
        """Takes the register."""
        until = time.monotonic() + REGISTER_PATIENCE + (self.ttl if self.shared else 0)
        try:
            # Not created here: without its mount a shared folder would become a local one that locks nothing.
            if not self.path.is_dir():
                raise FileNotFoundError(errno.ENOENT, "the folder does not exist")
            while not _acquired(self._entry):
                if time.monotonic() > until:
                    raise Locked(
                        f"the locks in {self.path} have been busy for {int(time.monotonic() - began)} seconds",
                        hint="check which runs use the folder, then try again",
                    )
                await asyncio.sleep(0.02)
        except OSError as e:
            raise self.unusable(e) from e

    def _attempt(self, mine: LockRecord) -> Held | Conflict:
        """One attempt without waiting. The caller holds the register; this method releases it."""
        try:
            conflict = self._conflict(mine)
            if conflict:
                return conflict
            # First the lock, then the record: a record without a lock would look like a dead run.
            lock = self.lock_of(mine.run, report=True)
            lock.acquire()
            held = Held(self, mine.run, lock)
            try:
                self._write(mine)
            except OSError:
                held.release()
                raise
            return held
        except (OSError, Timeout) as e:
            raise self.unusable(e) from e
        finally:
            with suppress(OSError):  # A register that cannot be released expires by itself.
                self._entry.release()

    def _conflict(self, mine: LockRecord) -> Conflict | None:
        """The first live run on the same domains, or else the first whose state is unknown; removes dead runs."""
        found = None
        for name in sorted({p.stem for p in self.path.iterdir() if p.suffix in (_ALIVE, _RECORD)}):
            watched = self._watched.setdefault(name, _Watched(self, name))
            is_alive = watched.is_alive()
            if is_alive is False:
                self._watched.pop(name).clear()
                continue
            record = _read(self.path / f"{name}{_RECORD}")
            if record is None:
                # An unreadable record may be that of a newer version, so it counts as a conflict with every domain.
                record = LockRecord(
                    run=name, user="somebody", host="unknown", pid=0, since=datetime.now(UTC), command="unreadable"
                )
                places = mine.places if (self.path / f"{name}{_RECORD}").exists() else frozenset[Place]()
            else:
                places = mine.collision(record)
            if places and (found is None or (is_alive and not found.alive)):
                found = Conflict(record, places, is_alive)
        return found

    def alive(self, run: str) -> Path:
        """The file that shows that a run is alive."""
        return self.path / f"{run}{_ALIVE}"

    def lock_of(self, run: str, *, report: bool = False) -> BaseFileLock:
        """The lock of a run or of the register; not taken yet."""
        path = self.path / _REGISTER if run == _REGISTER else self.alive(run)
        if not self.shared:
            return FileLock(path, blocking=False, thread_local=False, mode=0o600)
        return SoftFileLease(
            path,
            lease_duration=self.ttl,
            heartbeat_interval=self.heartbeat,
            on_compromise=(lambda c: self.lost(f"the lock was lost: {path} ({c.reason})")) if report else None,
            blocking=False,
            thread_local=False,
        )

    def _write(self, mine: LockRecord) -> None:
        target = self.path / f"{mine.run}{_RECORD}"
        # Written next to the target and renamed, so that no other run reads half a record.
        draft = target.with_suffix(".new")
        draft.write_text(mine.to_json(), encoding="utf-8")
        draft.replace(target)

    def unusable(self, e: Exception) -> Locked:
        """The error for a folder that cannot be used."""
        why = (e.strerror if isinstance(e, OSError) else "") or str(e)
        hint = "check that the folder exists and is writable, or set another one; nothing was changed"
        return Locked(f"cannot take a lock in {self.path}: {why}", hint=hint)

    def _refusal(self, found: Conflict) -> Locked:
        other = found.record.describe(found.places, datetime.now(UTC))
        end = "also if it is killed"
        if self.shared:
            end = f"or {self.ttl:g} seconds after it is killed"
        return Locked(
            f"another run has the lock: {other}",
            hint=f"run again after that run, or pass --lock-timeout SECONDS to wait for it; nothing was changed "
            f"(the lock ends with that run, {end})",
        )

    def _waiting(self, found: Conflict) -> str:
        other = found.record.describe(found.places, datetime.now(UTC))
        if found.alive:
            return f"Waiting for another run: {other}"
        return f"Another run has the lock; checking for up to {self.ttl:g} seconds whether it is alive: {other}"


class _Watched:
    """The file of another run, watched over several attempts."""

    def __init__(self, folder: LockFolder, name: str) -> None:
        self._folder, self._name = folder, name
        self.lock = folder.lock_of(name)
        self._first = self._touched()

    def is_alive(self) -> bool | None:
        """Whether the run is alive; None = unknown yet. If False, this object holds the dead run's lock."""
        # The run may end between the attempt to lock and the look at the file. The second attempt then gets the lock.
        for _ in range(2):
            if _acquired(self.lock):
                return False
            # On one machine a lock that cannot be taken belongs to a live process.
            if not self._folder.shared:
                return True
            seen = self._touched()
            if seen is not None:
                return True if seen != self._first else None
        return None

    def clear(self) -> None:
        """Removes the files of a dead run; only after `is_alive` returned False."""
        (self._folder.path / f"{self._name}{_RECORD}").unlink(missing_ok=True)
        self.lock.release()
        self._folder.alive(self._name).unlink(missing_ok=True)

    def _touched(self) -> tuple[int, int] | None:
        try:
            found = self._folder.alive(self._name).stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino)


def _acquired(lock: BaseFileLock) -> bool:
    """Tries to take a lock without waiting."""
    try:
        lock.acquire()
    except Timeout:
        return False
    return True


def _read(path: Path) -> LockRecord | None:
    try:
        return record_of(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
