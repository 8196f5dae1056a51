"""`init`: a starter workspace that passes `validate`, and the files beside it."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from reconciler.app.data import data_folder
from reconciler.app.onboarding.ci_files import ci_files
from reconciler.app.onboarding.new_files import write_new

GITIGNORE = """\
# What reconciler keeps beside the files: its journal, and generated passwords.
.reconciler/
"""
HINT = "give a folder that is new, or take the file away; existing files are never overwritten"
_STARTER = ("reconciler.yaml", "products", "domains")


def init_workspace(folder: Path, ci: Sequence[str] = ()) -> tuple[Path, ...]:
    """Writes the starter files, the schemas that they refer to, and the CI files asked for.

    Returns:
        The files written.

    Raises:
        WouldOverwrite: one of them is there already; nothing was written then.
        ReconcilerError: the folder or a file in it cannot be written.
    """
    root = files("reconciler.app") / "starter"
    texts = dict(row for name in _STARTER for row in _starter(root / name, folder / name))
    return write_new({**texts, **beside(folder), **ci_files(folder, ci)}, hint=HINT)


def beside(folder: Path) -> dict[Path, str]:
    """What every workspace has beside its own files: the schemas for editors, and what git is to ignore."""
    names = [f"{name}.schema.json" for name in ("workspace", "product", "domain")]
    schemas = {folder / "schemas" / name: (data_folder("schemas") / name).read_text("utf-8") for name in names}
    return {**schemas, **_ignored(folder)}


def _ignored(folder: Path) -> dict[Path, str]:
    """A `.gitignore` for `.reconciler/`; inside that folder where the workspace has one that does not say so."""
    file = folder / ".gitignore"
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return {file: GITIGNORE}
    inside = folder / ".reconciler" / ".gitignore"
    if any(line.strip().strip("/") == ".reconciler" for line in lines) or inside.exists():
        return {}
    return {inside: "*\n"}


def _starter(entry: Traversable, path: Path) -> Iterator[tuple[Path, str]]:
    if entry.is_file():
        yield path, entry.read_text("utf-8")
        return
    for inner in entry.iterdir():
        if inner.is_dir() or inner.name.endswith(".yaml"):
            yield from _starter(inner, path / inner.name)
