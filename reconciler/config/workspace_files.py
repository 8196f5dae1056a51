"""Finds the files of a workspace and names them for people.

The search never follows a link out of the workspace. A file elsewhere is not in git with the others, so no reviewer
sees its changes.
"""

import os
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reconciler.config.links import resolved
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.errors import NoWorkspace
from reconciler.core.source import Span

WORKSPACE_FILE = "reconciler.yaml"
ENDINGS = (".yaml", ".yml")
STATE_FOLDER = ".reconciler"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file of the workspace.

    Attributes:
        path: absolute.
        relative: its name relative to the root, with `/`.
        display: its name for people, relative to the current folder where the file is below it.
    """

    path: Path
    relative: str
    display: str

    @property
    def stem(self) -> str:
        """The file's name without its ending; dots inside it stay."""
        return self.path.stem


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files of a workspace, each kind sorted by relative name, and a diagnostic for each unusable entry."""

    workspace: FoundFile
    products: tuple[FoundFile, ...]
    domains: tuple[FoundFile, ...]
    diagnostics: tuple[Diagnostic, ...]


def find_root(start: Path, explicit: Path | None = None) -> Path:
    """The workspace's folder: `explicit` (`-w`), or the nearest one from `start` upward with a `reconciler.yaml`.

    Raises:
        NoWorkspace: there is none.
    """
    if explicit is not None:
        # Shells complete the name of the file, so `-w path/reconciler.yaml` is accepted too.
        folder = explicit.parent if explicit.name == WORKSPACE_FILE and explicit.is_file() else explicit
        if (folder / WORKSPACE_FILE).is_file():
            return folder.resolve()
        fault = f"has no {WORKSPACE_FILE}" if folder.is_dir() else "is not a folder"
        raise NoWorkspace(f"{explicit} {fault}", hint="name a workspace, or create one: reconciler init DIR")
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / WORKSPACE_FILE).is_file():
            return folder
    raise NoWorkspace(
        f"there is no {WORKSPACE_FILE} in {here} or in a folder above it",
        hint="go into a workspace, name one with -w, or create one: reconciler init DIR",
    )


def discover(root: Path, here: Path, planned: Collection[str] = ()) -> Found:
    """The files of the workspace `root`; files under `here` (the current folder) are named relative to it.

    `domains/` is searched with its subfolders, `products/` without them. Hidden files and folders are skipped. A link
    that leaves the workspace is an error and is not followed.
    `planned` names domain files (relative to the root) that are included even if they do not exist yet.
    """
    walk = _Walk(root.resolve(), here.resolve())
    workspace = walk.single(root.resolve() / WORKSPACE_FILE)
    walk.state()
    products = tuple(walk.files("products", nested=False))
    # Domains need no such check: two files for one domain are an error in any case (NAM004).
    walk.clashes(products)
    domains = tuple(walk.files("domains", nested=True))
    new = {name: walk.single(walk.root / name) for name in planned if name not in {d.relative for d in domains}}
    domains = tuple(sorted((*domains, *new.values()), key=lambda row: row.relative))
    return Found(workspace=workspace, products=products, domains=domains, diagnostics=tuple(walk.diagnostics))


class _Walk:
    """One search; diagnostics are collected, because the readable rest is still checked."""

    def __init__(self, root: Path, here: Path) -> None:
        self.root = root
        self.here = here
        self.diagnostics: list[Diagnostic] = []

    def single(self, path: Path) -> FoundFile:
        """A file whose name is known. A link out of the workspace is reported here."""
        self._stays_inside(path)
        return self._found(path)

    def state(self) -> None:
        """Checks the folder of journals and new passwords: a pull request could redirect it with a link."""
        self._stays_inside(self.root / STATE_FOLDER)

    def clashes(self, rows: Sequence[FoundFile]) -> None:
        """Reports names that are equal on file systems that ignore case (macOS, Windows)."""
        seen: dict[str, FoundFile] = {}
        for row in rows:
            # These file systems also treat composed and decomposed letters as equal.
            first = seen.setdefault(unicodedata.normalize("NFC", row.relative).casefold(), row)
            if first is not row:
                text = f"{row.display} and {first.display} are the same file on file systems that ignore case"
                self.diagnostics.append(error("WSP005", text, Span(row.display), hint="rename one of them"))

    def files(self, folder: str, *, nested: bool) -> Iterator[FoundFile]:
        """The YAML files of a folder, sorted; with `nested` also those of its subfolders."""
        top = self.root / folder
        if not top.is_dir() or not self._stays_inside(top):
            return
        rows: list[FoundFile] = []
        seen = {top.resolve()}
        waiting = [top]
        while waiting:
            for path in self._entries(waiting.pop()):
                match self._kind(path):
                    case "folder":
                        # A folder is entered once, so that a cycle of links ends.
                        if nested and path.resolve() not in seen:
                            seen.add(path.resolve())
                            waiting.append(path)
                    case "file":
                        rows.append(self._found(path))
                    case None:
                        pass
        yield from sorted(rows, key=lambda row: row.relative)

    def _kind(self, path: Path) -> Literal["folder", "file"] | None:
        """None for an entry that is reported as unusable, or that has another ending."""
        try:
            # Before any other call: the target of a link out of the workspace is not even looked at.
            if path.is_symlink() and not self._stays_inside(path):
                return None
            if path.is_dir():
                return "folder"
            if path.suffix not in ENDINGS:
                return None
            if path.is_file():
                return "file"
        except OSError as e:  # for example, a path that is too long
            self._report(path, f"cannot be read: {e.strerror}")
            return None
        self._report(path, "is not a regular file")
        return None

    def _entries(self, folder: Path) -> list[Path]:
        try:
            with os.scandir(folder) as entries:
                return sorted(Path(entry.path) for entry in entries if not entry.name.startswith("."))
        except OSError as e:
            self._report(folder, f"cannot be read: {e.strerror}")
            return []

    def _stays_inside(self, path: Path) -> bool:
        real = resolved(path)
        if real is None:
            self._report(path, "is a link to itself")
            return False
        if real.is_relative_to(self.root):
            return True
        self._report(path, "is a link that leaves the workspace")
        return False

    def _report(self, path: Path, fault: str) -> None:
        name = self._found(path).display
        hint = "replace the link with the file itself, so that git holds its content" if "link" in fault else ""
        self.diagnostics.append(error("WSP001", f"{name} {fault}", Span(name), hint=hint))

    def _found(self, path: Path) -> FoundFile:
        relative = path.relative_to(self.root).as_posix()
        display = path.relative_to(self.here).as_posix() if path.is_relative_to(self.here) else relative
        return FoundFile(path=path, relative=relative, display=display)
