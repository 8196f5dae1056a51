"""One run at a time per server and domain: a run takes a lock before it writes, and always releases it."""

import errno
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from reconciler.app import header
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
    """Holds the locks of some domains, each on its server.

    Before each write the run checks that it still holds them, and stops if it does not.

    Args:
        command: shown to other runs that are refused meanwhile.
        patience: seconds to wait for another run.
        say: receives a text about the run that this one waits for.

    Raises:
        Locked: another run holds one of them, or a lock cannot be taken.
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
            user=header.user() or "unknown",
            host=header.host(),
            pid=os.getpid(),
            since=datetime.now(UTC),
            command=command,
            job=header.job(),
            places=places,
        ),
        patience,
        say,
    )
    # A lock can be lost, for example if the shared folder becomes unreachable.
    stop.check = held.fault
    try:
        yield
    finally:
        stop.check = lambda: ""
        fault = held.release()
        if fault:
            say(fault)


def lock_folder(config: Configuration) -> LockFolder:
    """The folder with a workspace's locks: the one that the workspace names, else one of this user on this machine.

    Raises:
        Locked: the named folder does not exist, or no folder is writable.
    """
    named = config.workspace.lock_folder
    if named is not None:
        path = config.root / named
        if not path.is_dir():
            # A folder created here would not be the shared one, so other machines would not see its locks.
            hint = "mount the folder on this machine; the program does not create it. Nothing was changed"
            raise Locked(f"the folder for locks does not exist: {path}", hint=hint)
        return LockFolder(path, shared=True)
    # Without a home folder, the workspace is the only place that is left.
    return LockFolder(private_folder((*_own_folders(), state_folder(config.root) / "locks")))


def _own_folders() -> tuple[Path, ...]:
    """The user's folder, which two clones of a workspace share; empty for a user without a home folder."""
    state = os.environ.get("XDG_STATE_HOME", "")
    # The XDG specification ignores relative paths.
    if os.path.isabs(state):  # noqa: PTH117 - it may be empty, which a Path cannot be
        return (Path(state) / "reconciler" / "locks",)
    try:
        return (Path.home() / ".local" / "state" / "reconciler" / "locks",)
    except RuntimeError:
        return ()


def private_folder(places: tuple[Path, ...]) -> Path:
    """The first of some folders that can be created and written, readable for its owner only.

    Raises:
        Locked: no folder is usable.
    """
    fault: OSError | None = None
    for path in places:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as e:
            fault = fault or e
            continue
        # An existing folder can be read-only, and `mkdir` does not report that.
        if os.access(path, os.W_OK | os.X_OK):
            return path
        fault = fault or PermissionError(errno.EACCES, "Permission denied")
    assert fault is not None, "there is at least one place"
    raise LockFolder(places[0]).unusable(fault) from fault
