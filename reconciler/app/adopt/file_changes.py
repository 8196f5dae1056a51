"""Changes of existing files, and new files: all of them are written, or none, and each atomically."""

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
    """The text of one file before and after a change, with its line endings.

    Attributes:
        relative: its path in the workspace, with `/`.
        before: None if the file does not exist yet.
    """

    path: Path
    relative: str
    before: str | None
    after: str


def read_text(path: Path) -> str:
    """A file's text, with its line endings and byte order mark.

    Raises:
        CannotEdit: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it is not UTF-8"
        raise CannotEdit(f"{path} cannot be read: {reason}", hint="nothing was written") from e


def texts_of(changes: Iterable[FileChange]) -> Mapping[str, bytes]:
    """The new contents of the files, by their paths in the workspace."""
    return {change.relative: change.after.encode("utf-8") for change in changes}


def diff_of(root: Path, changes: Iterable[FileChange]) -> str:
    """A patch with all changes. Paths are relative to the git repository, or else to the workspace."""
    top = repository_top(root) or root.resolve()
    prefix = root.resolve().relative_to(top)
    return unified_diff({(prefix / c.relative).as_posix(): (c.before, c.after) for c in changes})


def write_changes(changes: Iterable[FileChange]) -> None:
    """Writes all files by replacing them with temporary files; on a failure, restores the replaced files.

    Raises:
        CannotEdit: a file was changed since its change was computed, or is not in the workspace; nothing was written.
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
            # A symbolic link stays, and its target is replaced.
            path = change.path.resolve()
            path.parent.mkdir(parents=True, exist_ok=True)
            waiting.append((_beside(path, change.after), path, change))
        # All temporary files are complete before the first replacement, so a full disk changes nothing.
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
    """Checks that no symbolic link leads out of the workspace."""
    root = change.path.parents[len(PurePosixPath(change.relative).parts) - 1]
    real = resolved(change.path)
    if real is None or not real.is_relative_to(root.resolve()):
        hint = "move the folder into the workspace"
        raise CannotEdit(f"{change.path} leads out of the workspace by a link; nothing was written", hint=hint)


def _check_still(change: FileChange) -> None:
    there = read_text(change.path) if os.path.lexists(change.path) else None
    if there != change.before:
        what = "was changed during the run" if change.before is not None else "was created during the run"
        raise CannotEdit(f"{change.path} {what}; nothing was written", hint="run again")


def _beside(path: Path, text: str) -> Path:
    """A temporary file in the same folder, with the mode of the file that it will replace."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            # Otherwise a power failure after the replacement could leave an empty file.
            os.fsync(file.fileno())
        # `mkstemp` creates files that only the owner can read.
        made.chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
    except OSError:
        made.unlink(missing_ok=True)
        raise
    return made


def _umask() -> int:
    # The umask can only be read by setting it.
    now = os.umask(0)
    os.umask(now)
    return now


def _put_back(path: Path, change: FileChange) -> None:
    with suppress(OSError):
        if change.before is None:
            path.unlink()
        else:
            _beside(path, change.before).replace(path)
