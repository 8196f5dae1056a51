"""Writing a report into a folder: never over what is not ours, each file at once or not at all."""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from reconciler.core.errors import ReconcilerError, WouldOverwrite

MANIFEST = ".reconciler-report.json"
"""Names the files that we wrote: by it a folder is known as a report, and pages of domains long gone are removed."""

_OURS = re.compile(r"index\.html|report\.(?:json|md|csv)|junit\.xml|domains/[a-z0-9._~-]+\.html")
"""What a report may consist of: the manifest is a file like any other, and must not make us delete something else."""

_HINT = "name another folder with -o, or empty this one"


def check_report_folder(folder: Path) -> None:
    """Whether a report may be written there: it does not exist, is empty, or holds an earlier report.

    Raises:
        WouldOverwrite: something else is there.
    """
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise WouldOverwrite(f"{folder} is not a folder; nothing was written", hint=_HINT)
    if (folder / "domains").is_symlink():
        raise WouldOverwrite(f"{folder / 'domains'} leads elsewhere; nothing was written", hint=_HINT)
    if any(folder.iterdir()) and _written(folder) is None:
        text = f"{folder} is not empty, and what is in it is no report of ours; nothing was written"
        raise WouldOverwrite(text, hint=_HINT)


def write_folder(folder: Path, files: Iterable[tuple[str, str]]) -> int:
    """Writes the files, and removes those of an earlier report that this one has not; what else is there stays.

    Args:
        files: (path in the folder, text); made and written one after the other.

    Returns:
        How many files there are now.

    Raises:
        WouldOverwrite: see `check_folder`.
        ReconcilerError: something cannot be written.
    """
    check_report_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = _written(folder) or frozenset()
        # First of all the folder becomes ours, so that a run that was stopped can be followed by another.
        _note(folder, before)
        paths: set[str] = set()
        try:
            for path, text in files:
                assert _OURS.fullmatch(path), f"{path!r} is not a part of a report"
                paths.add(path)
                _replace(folder, path, text)
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
    """The files of the report that is there; None where none is."""
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
    part = target.parent / f".writing-{os.getpid()}"
    part.unlink(missing_ok=True)
    try:
        with part.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
