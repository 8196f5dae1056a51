"""One run at a time per server and domain: advisory locks in a folder, of one machine or shared by several.

Each run holds one file that shows that it lives, and beside it a record of what it works on. Runs come and go under one
short lock of the whole folder, the register: whoever comes looks at all records, clears away those of the dead, and is
refused if one of the living wants the same. So a run costs two files, whatever the number of its domains.

On one machine the kernel tells who lives (`flock`: it lets go when a process ends, however). In a shared folder no
kernel sees all, so there the living touch their file every few seconds, and one counts as dead when its file has not
been touched for `TTL` as watched by the clock of whoever wants the lock, which never jumps. Time stamps are compared
with each other only, never with a clock.
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
"""Seconds without a sign of life after which a run in a shared folder counts as dead. All runs must agree on it."""
HEARTBEAT = 2.0
REGISTER_PATIENCE = 10.0
"""The register is held for milliseconds; one that was killed in them is dead after TTL in a shared folder."""
_ALIVE, _RECORD, _REGISTER = ".alive", ".json", "register"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another run that wants the same. `lives` is None as long as that is not known."""

    record: LockRecord
    places: frozenset[Place]
    lives: bool | None


class Held:
    """A lock that this run has. `fault` looks whether it still has it; `release` may be called twice."""

    def __init__(self, folder: "LockFolder", run: str, lock: BaseFileLock) -> None:
        self._lock, self._alive, self._record = lock, folder.alive(run), folder.path / f"{run}{_RECORD}"
        self._identity = self._seen()
        self._token = lock.token if isinstance(lock, SoftFileLease) else None
        self._released = False

    def fault(self) -> str:
        """Why this run may not write any more: its lock was taken away, or cannot be seen; empty if it has it."""
        # A takeover that is called off puts the file aside for a moment.
        return "" if self._mine() or self._mine() else f"the lock was lost: {self._alive} is not this run's any more"

    def release(self) -> str:
        """Gives it back. What went wrong, if anything did; whoever comes next finds that out by itself."""
        if self._released:
            return ""
        self._released = True
        try:
            mine = self._mine()
            if mine:
                self._record.unlink(missing_ok=True)
            self._lock.release()
            if mine:
                self._alive.unlink(missing_ok=True)
        except OSError as e:
            return f"the lock {self._alive} could not be given back: {e.strerror or e}"
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
        shared: whether several machines use it; else it is this machine's alone.
        lost: told, by another thread, that a lock in a shared folder was lost while it was held.
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
        """The lock for what a run works on.

        Args:
            patience: seconds to wait for a run that lives. Whether it does is found out anyway.
            on_wait: told once whom it waits for, or whom it watches.

        Raises:
            Locked: another run has it, or the folder cannot be used.
        """
        began, told = time.monotonic(), False
        while True:
            await self._register(began)
            got = self._attempt(mine)
            if isinstance(got, Held):
                return got
            waited = time.monotonic() - began
            if got.lives and waited >= patience:
                raise self._refusal(got)
            if not told:
                told = True
                on_wait(self._waiting(got))
            await asyncio.sleep(min(0.2, self.heartbeat / 4))

    async def _register(self, began: float) -> None:
        """Takes the register."""
        until = time.monotonic() + REGISTER_PATIENCE + (self.ttl if self.shared else 0)
        try:
            if not self.path.is_dir():  # a mount that is gone is not made anew below it
                raise FileNotFoundError(errno.ENOENT, "there is no such folder")
            while not _had(self._entry):
                if time.monotonic() > until:
                    raise Locked(
                        f"the locks in {self.path} are busy since {int(time.monotonic() - began)} seconds",
                        hint="see who uses that folder, and try again",
                    )
                await asyncio.sleep(0.02)
        except OSError as e:
            raise self.unusable(e) from e

    def _attempt(self, mine: LockRecord) -> Held | Conflict:
        """One look at all others, with the register held, which is given back. Does not wait for anything."""
        try:
            conflict = self._conflict(mine)
            if conflict:
                return conflict
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
            with suppress(OSError):  # the register's own end: who comes next sees by itself that nobody has it
                self._entry.release()

    def _conflict(self, mine: LockRecord) -> Conflict | None:
        """The first of the living that wants the same, or of those of whom that is not known yet."""
        found = None
        for name in sorted({p.stem for p in self.path.iterdir() if p.suffix in (_ALIVE, _RECORD)}):
            watched = self._watched.setdefault(name, _Watched(self, name))
            lives = watched.lives()
            if lives is False:
                self._watched.pop(name).clear()
                continue
            record = _read(self.path / f"{name}{_RECORD}")
            if record is None:
                record = LockRecord(
                    run=name, user="somebody", host="unknown", pid=0, since=datetime.now(UTC), command="unreadable"
                )
                places = mine.places if (self.path / f"{name}{_RECORD}").exists() else frozenset[Place]()
            else:
                places = mine.collision(record)
            if places and (found is None or (lives and not found.lives)):
                found = Conflict(record, places, lives)
        return found

    def alive(self, run: str) -> Path:
        """The file that shows that a run lives."""
        return self.path / f"{run}{_ALIVE}"

    def lock_of(self, run: str, *, report: bool = False) -> BaseFileLock:
        """A run's lock, or the register's, not taken yet."""
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
        draft = target.with_suffix(".new")
        draft.write_text(mine.to_json(), encoding="utf-8")
        draft.replace(target)

    def unusable(self, e: Exception) -> Locked:
        """What is said where the folder cannot be used."""
        why = (e.strerror if isinstance(e, OSError) else "") or str(e)
        hint = "nothing was changed; see that the folder is there and can be written, or name another one"
        return Locked(f"no lock can be had in {self.path}: {why}", hint=hint)

    def _refusal(self, found: Conflict) -> Locked:
        said = found.record.describe(found.places, datetime.now(UTC))
        end = "also where it was killed"
        if self.shared:
            end = f"and {self.ttl:g} seconds after it was killed"
        return Locked(
            f"another run has the lock: {said}",
            hint=f"nothing was changed; run again when that one is done, or with --lock-timeout SECONDS to wait for it "
            f"(its lock ends with it, {end})",
        )

    def _waiting(self, found: Conflict) -> str:
        said = found.record.describe(found.places, datetime.now(UTC))
        if found.lives:
            return f"Waiting for another run: {said}"
        return f"Another run has the lock; watching for a sign of life ({self.ttl:g} seconds at most): {said}"


class _Watched:
    """The file of another run, as it was seen over a while."""

    def __init__(self, folder: LockFolder, name: str) -> None:
        self._folder, self._name = folder, name
        self.lock = folder.lock_of(name)
        self._first = self._touched()

    def lives(self) -> bool | None:
        """True as far as known; None if not yet; False if it is dead, and then its file is held here."""
        for _ in range(2):  # a file that goes in the first look was a dead run's, or one's that has ended
            if _had(self.lock):
                return False
            if not self._folder.shared:
                return True
            seen = self._touched()
            if seen is not None:
                return True if seen != self._first else None
        return None

    def clear(self) -> None:
        """Removes what a dead run has left; only after `lives` was False."""
        (self._folder.path / f"{self._name}{_RECORD}").unlink(missing_ok=True)
        self.lock.release()
        self._folder.alive(self._name).unlink(missing_ok=True)

    def _touched(self) -> tuple[int, int] | None:
        try:
            found = self._folder.alive(self._name).stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino)


def _had(lock: BaseFileLock) -> bool:
    """Whether a lock could be had at once."""
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
