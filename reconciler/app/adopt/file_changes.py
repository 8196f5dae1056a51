"""Changes of files that are there, and new files: all of them are written, or none; each at once, or not at all."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.app.git import repository_top
from reconciler.config.links import resolved
from reconciler.core.errors import CannotEdit, ReconcilerError
from reconciler.output.unified_diff import unified_diff


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file as it is and as it will be, line ends and all.

    Attributes:
        relative: its name in the workspace, with `/`.
        before: None where it is not there yet.
    """

    path: Path
    relative: str
    before: str | None
    after: str


def read_text(path: Path) -> str:
    """A file's text as it is, line ends and byte order mark included.

    Raises:
        CannotEdit: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it is not UTF-8"
        raise CannotEdit(f"{path} cannot be read: {reason}", hint="nothing was written") from e


def texts_of(changes: Iterable[FileChange]) -> Mapping[str, bytes]:
    """What the files will hold, by their names in the workspace."""
    return {change.relative: change.after.encode("utf-8") for change in changes}


def diff_of(root: Path, changes: Iterable[FileChange]) -> str:
    """A patch with all changes, with paths from the top of the git repository; outside git, from the workspace."""
    top = repository_top(root) or root.resolve()
    prefix = root.resolve().relative_to(top)
    return unified_diff({(prefix / c.relative).as_posix(): (c.before, c.after) for c in changes})


def write_changes(changes: Iterable[FileChange]) -> None:
    """Writes all files, by way of temporary ones that take their places; what was written is put back on a failure.

    Raises:
        CannotEdit: a file is no longer as it was when its change was made, or is not in the workspace; nothing was
            written.
        ReconcilerError: a file cannot be written; nothing was changed.
    """
    wanted = [change for change in changes if change.before != change.after]
    for change in wanted:
        _check_inside(change)
        _check_still(change)
    waiting: list[tuple[Path, Path, FileChange]] = []
    done: list[tuple[Path, FileChange]] = []
    path = Path()
    try:
        for change in wanted:
            path = change.path.resolve()
            path.parent.mkdir(parents=True, exist_ok=True)
            waiting.append((_beside(path, change.after), path, change))
        for made, path, change in waiting:
            made.replace(path)
            done.append((path, change))
    except OSError as e:
        for place, change in reversed(done):
            _put_back(place, change)
        raise ReconcilerError(f"{path} cannot be written: {e.strerror or e}; nothing was changed") from e
    finally:
        for made, _, _ in waiting:
            made.unlink(missing_ok=True)


def _check_inside(change: FileChange) -> None:
    """That no link on the way leads out of the workspace."""
    root = change.path.parents[len(PurePosixPath(change.relative).parts) - 1]
    try:
        inside = resolved(change.path).is_relative_to(root.resolve())
    except OSError:  # a cycle of links
        inside = False
    if not inside:
        hint = "put the folder itself into the workspace"
        raise CannotEdit(f"{change.path} leads out of the workspace by a link; nothing was written", hint=hint)


def _check_still(change: FileChange) -> None:
    there = read_text(change.path) if os.path.lexists(change.path) else None
    if there != change.before:
        what = "has been changed meanwhile" if change.before is not None else "has come into being meanwhile"
        raise CannotEdit(f"{change.path} {what}; nothing was written", hint="run again")


def _beside(path: Path, text: str) -> Path:
    """A temporary file in the same folder, with the rights of the file that it will replace."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        made.chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
    except OSError:
        made.unlink(missing_ok=True)
        raise
    return made


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


def _put_back(path: Path, change: FileChange) -> None:
    with suppress(OSError):
        if change.before is None:
            path.unlink()
        else:
            _beside(path, change.before).replace(path)
