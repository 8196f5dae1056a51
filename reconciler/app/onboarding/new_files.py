"""Writes new files: all of them or none, and never over an existing file."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.core.errors import ReconcilerError, WouldOverwrite


def check_free(paths: Iterable[Path], *, hint: str) -> None:
    """Check that none of the paths exists.

    Raises:
        WouldOverwrite: one of them exists, if only as a broken link.
    """
    taken = sorted(path for path in paths if os.path.lexists(path))
    if taken:
        raise WouldOverwrite(f"{taken[0]} exists; nothing was written", hint=hint)


def write_new(texts: Mapping[Path, str], *, hint: str) -> tuple[Path, ...]:
    """Write the files in order of their names. If one of them fails, delete those that were written.

    Raises:
        WouldOverwrite: one of them exists.
        ReconcilerError: one of them cannot be written.
    """
    check_free(texts, hint=hint)
    made: list[Path] = []
    path = Path()
    try:
        for path, text in sorted(texts.items()):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except OSError as e:
        for written in made:
            written.unlink(missing_ok=True)
        # The file may have been created between the check and the write.
        if isinstance(e, FileExistsError) and os.path.lexists(path):
            raise WouldOverwrite(f"{path} exists; nothing was written", hint=hint) from e
        text = f"{path} cannot be written: {e.strerror or e}; nothing was written"
        raise ReconcilerError(text, hint="Name another folder.") from e
    return tuple(made)
