"""One run at a time per server and domain: who writes to a server takes a lock first, and always gives it back."""

import errno
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from reconciler.app import header as who
from reconciler.app.plan.planner import state_folder
from reconciler.config.workspace import Configuration
from reconciler.core.errors import Locked
from reconciler.engine.locks.locks import LockFolder
from reconciler.engine.locks.record import LockRecord, server_key
from reconciler.engine.stopping import Stop


@asynccontextmanager
async def locked(
    config: Configuration,
    domains: Iterable[str],
    *,
    command: str,
    stop: Stop,
    patience: float,
    say: Callable[[str], None],
) -> AsyncIterator[None]:
    """Holds the lock of some domains, each on its server.

    Before each write the run looks whether it still has it; if not it stops.

    Args:
        command: what is run, for whoever is refused meanwhile.
        patience: seconds to wait for another run.
        say: told whom it waits for.

    Raises:
        Locked: another run has one of them, or the lock cannot be had.
    """
    servers = config.workspace.servers
    places = frozenset((server_key(servers[config.domains[d].server].url), d) for d in domains)
    if not places:
        yield
        return
    folder = lock_folder(config)
    folder.lost = lambda why: stop.ask(why, lost=True)
    held = await folder.take(
        LockRecord(
            run=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(8)}",
            user=who.user() or "unknown",
            host=who.host(),
            pid=os.getpid(),
            since=datetime.now(UTC),
            command=command,
            job=who.job(),
            places=places,
        ),
        patience,
        say,
    )
    stop.check = held.fault
    try:
        yield
    finally:
        stop.check = lambda: ""
        fault = held.release()
        if fault:
            say(fault)


def lock_folder(config: Configuration) -> LockFolder:
    """Where a workspace's locks are: in the folder that it names, else in this user's on this machine.

    Raises:
        Locked: the folder is not there, or none can be written.
    """
    named = config.workspace.lock_folder
    if named is not None:
        path = config.root / named
        if not path.is_dir():
            # Made here it would be another folder than the one that the others see.
            hint = "nothing was changed; mount it on this machine, the program does not make it"
            raise Locked(f"the folder for locks is not there: {path}", hint=hint)
        return LockFolder(path, shared=True)
    return LockFolder(private_folder((*_own_folders(), state_folder(config.root) / "locks")))


def _own_folders() -> tuple[Path, ...]:
    """The user's own folder, so that two clones of a workspace meet; none where the user has no home."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(state):  # noqa: PTH117 - it may be empty, which a Path cannot be
        return (Path(state) / "reconciler" / "locks",)
    try:
        return (Path.home() / ".local" / "state" / "reconciler" / "locks",)
    except RuntimeError:
        return ()


def private_folder(places: tuple[Path, ...]) -> Path:
    """The first of some folders that can be made and written, for its owner only.

    Raises:
        Locked: there is none.
    """
    fault: OSError | None = None
    for path in places:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as e:
            fault = fault or e
            continue
        if os.access(path, os.W_OK | os.X_OK):
            return path
        fault = fault or PermissionError(errno.EACCES, "Permission denied")
    assert fault is not None, "there is at least one place"
    raise LockFolder(places[0]).unusable(fault) from fault
