"""Writing files that are new: all of them or none, and never over what is there."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.core.errors import ReconcilerError, WouldOverwrite


def check_free(paths: Iterable[Path], *, hint: str) -> None:
    """Nothing has any of these names.

    Raises:
        WouldOverwrite: one of them is taken, if only by a link that leads nowhere.
    """
    taken = sorted(path for path in paths if os.path.lexists(path))
    if taken:
        raise WouldOverwrite(f"{taken[0]} is there already; nothing was written", hint=hint)


def write_new(texts: Mapping[Path, str], *, hint: str) -> tuple[Path, ...]:
    """Writes the files, in order of their names; on a failure those of them that were written are taken away again.

    Raises:
        WouldOverwrite: one of them is there already.
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
        if isinstance(e, FileExistsError) and os.path.lexists(path):
            raise WouldOverwrite(f"{path} is there already; nothing was written", hint=hint) from e
        text = f"{path} cannot be written: {e.strerror or e}; nothing was written"
        raise ReconcilerError(text, hint="name another folder") from e
    return tuple(made)
