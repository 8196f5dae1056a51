"""Writing a report into a folder: never over other files, and each file atomically."""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from reconciler.core.errors import ReconcilerError, WouldOverwrite

MANIFEST = ".reconciler-report.json"
"""The list of written files. It marks a folder as a report, and names the pages of removed domains to delete."""

_OURS = re.compile(r"index\.html|report\.(?:json|md|csv)|junit\.xml|domains/[a-z0-9._~-]+\.html")
"""The files of a report. A manifest can be edited, and must not make the program delete any other file."""

_HINT = "name another folder with -o, or empty this one"


def check_report_folder(folder: Path) -> None:
    """Checks that the folder does not exist, is empty, or holds an earlier report.

    Raises:
        WouldOverwrite: the folder holds anything else.
    """
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise WouldOverwrite(f"{folder} is not a folder; nothing was written", hint=_HINT)
    # Files behind the link are outside the report.
    if (folder / "domains").is_symlink():
        raise WouldOverwrite(f"{folder / 'domains'} is a symbolic link; nothing was written", hint=_HINT)
    if any(folder.iterdir()) and _written(folder) is None:
        text = f"{folder} is not empty and is not a report of this program; nothing was written"
        raise WouldOverwrite(text, hint=_HINT)


def write_folder(folder: Path, files: Iterable[tuple[str, str]]) -> int:
    """Writes the files, and deletes files of an earlier report that this report does not have. Other files stay.

    Args:
        files: (path in the folder, text), written one at a time.

    Returns:
        The number of files of the report.

    Raises:
        WouldOverwrite: see `check_report_folder`.
        ReconcilerError: a file cannot be written.
    """
    check_report_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = _written(folder) or frozenset()
        # The manifest comes first, so that another run can continue after an interrupted one.
        _note(folder, before)
        paths: set[str] = set()
        try:
            for path, text in files:
                assert _OURS.fullmatch(path), f"{path!r} is not a part of a report"
                paths.add(path)
                _replace(folder, path, text)
        # The manifest has to name all written files, or the next run would refuse the folder.
        except BaseException:
            _note(folder, before | paths)
            raise
        for path in sorted(before - paths):
            (folder / path).unlink(missing_ok=True)
        _note(folder, paths)
    except OSError as e:
        raise ReconcilerError(f"{e.filename or folder} cannot be written: {e.strerror or e}", hint=_HINT) from e
    return len(paths)


def _written(folder: Path) -> frozenset[str] | None:
    """The files of the report in the folder; None if there is no report."""
    try:
        data = json.loads((folder / MANIFEST).read_bytes())
        files = data["files"] if data["formatVersion"] == 1 else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(files, list):
        return None
    return frozenset(path for path in files if isinstance(path, str) and _OURS.fullmatch(path))


def _note(folder: Path, paths: Iterable[str]) -> None:
    _replace(folder, MANIFEST, json.dumps({"files": sorted(paths), "formatVersion": 1}, indent=0) + "\n")


def _replace(folder: Path, path: str, text: str) -> None:
    target = folder / PurePosixPath(path)
    target.parent.mkdir(exist_ok=True)
    # In the same folder, because a rename is atomic only within a file system.
    part = target.parent / f".writing-{os.getpid()}"
    part.unlink(missing_ok=True)
    try:
        with part.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
