"""`init`: a starter workspace that passes `validate`."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from reconciler.app.data import data_folder
from reconciler.core.errors import ReconcilerError, WouldOverwrite

GITIGNORE = """\
# What reconciler keeps beside the files: its journal, and generated passwords.
.reconciler/
"""


def init_workspace(folder: Path) -> list[Path]:
    """Writes the starter files and the schemas that they refer to.

    Returns:
        The files written, relative to `folder`.

    Raises:
        WouldOverwrite: one of them is there already; nothing was written then.
        ReconcilerError: the folder or a file in it cannot be written.
    """
    texts = dict(_starter(files("reconciler.app") / "starter", Path()))
    for name in ("workspace", "product", "domain"):
        file = f"{name}.schema.json"
        texts[Path("schemas") / file] = (data_folder("schemas") / file).read_text("utf-8")
    texts[Path(".gitignore")] = GITIGNORE
    there = sorted(p for p in texts if (folder / p).exists())
    if there:
        raise WouldOverwrite(
            f"{folder / there[0]} is there already; nothing was written",
            hint="give a folder that is new, or empty",
        )
    try:
        for path, text in sorted(texts.items()):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as e:
        raise ReconcilerError(f"{folder} cannot be written: {e.strerror or e}", hint="name another folder") from e
    return sorted(texts)


def _starter(folder: Traversable, path: Path) -> Iterator[tuple[Path, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _starter(entry, path / entry.name)
        elif entry.name.endswith(".yaml"):
            yield path / entry.name, entry.read_text("utf-8")
