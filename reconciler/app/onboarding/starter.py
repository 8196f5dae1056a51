"""`init`: a starter workspace that passes `validate`, the files next to it, and CI files for an existing workspace."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from reconciler.app.onboarding.ci_files import ci_files, missing_files
from reconciler.app.onboarding.new_files import write_new
from reconciler.app.schema import schema_copies

GITIGNORE = """\
# The journal and the generated passwords.
.reconciler/
"""
HINT = "Name a new folder, or move the file away. `init` never overwrites a file."
_STARTER = ("reconciler.yaml", "products", "domains")


def init_workspace(folder: Path, ci: Sequence[str] = (), spec: str = "") -> tuple[Path, ...]:
    """Write the starter files, the schemas that they refer to, and CI files.

    Args:
        folder: the workspace.
        ci: keys of `CI_FILES`.
        spec: the source of the program for the CI files; empty if it is unknown.

    Returns:
        The files written.

    Raises:
        WouldOverwrite: one of them exists; nothing was written.
        ReconcilerError: the folder or a file in it cannot be written.
    """
    root = files("reconciler.app") / "starter"
    texts = dict(row for name in _STARTER for row in _starter(root / name, folder / name))
    return write_new({**texts, **common_files(folder), **ci_files(folder, ci, spec)}, hint=HINT)


def add_ci(folder: Path, ci: Sequence[str], spec: str) -> tuple[Path, ...]:
    """Write CI files for an existing workspace, and no other file.

    Returns:
        The files written. Files that exist with the same content are left out.

    Raises:
        WouldOverwrite: one of them exists with other content; nothing was written.
        ReconcilerError: a file cannot be written.
    """
    return write_new(missing_files(ci_files(folder, ci, spec)), hint=HINT)


def common_files(folder: Path) -> dict[Path, str]:
    """The files that every workspace has: the schemas for editors, and the rules for git."""
    return {**schema_copies(folder), **_ignored(folder)}


def _ignored(folder: Path) -> dict[Path, str]:
    """A `.gitignore` for `.reconciler/`. If the workspace has one without that rule, the file goes into the folder."""
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
