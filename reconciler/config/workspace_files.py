"""Which files make a workspace, and how they are named to people."""

import os
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from reconciler.config.document.builder import Map, Seq
from reconciler.config.document.loader import Document
from reconciler.config.links import resolved
from reconciler.config.schema.compiled import Validator
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.errors import NoWorkspace
from reconciler.core.source import Span

WORKSPACE_FILE = "reconciler.yaml"
ENDINGS = (".yaml", ".yml")
STATE_FOLDER = ".reconciler"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file of the workspace: where it is, its name relative to the root with `/`, and its name for people."""

    path: Path
    relative: str
    display: str

    @property
    def stem(self) -> str:
        """The file's name without its ending; dots inside it stay."""
        return self.path.stem


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files of a workspace, each kind sorted by relative name, and what could not be used."""

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
        folder = explicit.parent if explicit.name == WORKSPACE_FILE and explicit.is_file() else explicit
        if (folder / WORKSPACE_FILE).is_file():
            return folder.resolve()
        what = f"has no {WORKSPACE_FILE}" if folder.is_dir() else "is no folder"
        raise NoWorkspace(f"{explicit} {what}", hint="name a workspace, or make one: reconciler init DIR")
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / WORKSPACE_FILE).is_file():
            return folder
    raise NoWorkspace(
        f"there is no {WORKSPACE_FILE} in {here} or in a folder above it",
        hint="go into a workspace, name one with -w, or make one: reconciler init DIR",
    )


def discover(root: Path, here: Path, planned: Collection[str] = ()) -> Found:
    """The files of the workspace `root`; files under `here` (the current folder) are named relative to it.

    `domains/` is searched with the folders in it, `products/` is not. Hidden files and folders are passed over. A link
    that leaves the workspace is an error and is not followed: a file elsewhere is not in git with the rest.
    `planned` domain files (named relative to the root) are counted in also where they are not there yet.
    """
    walk = _Walk(root.resolve(), here.resolve())
    workspace = walk.single(root.resolve() / WORKSPACE_FILE)
    walk.state()
    products = tuple(walk.files("products", nested=False))
    walk.clashes(products)
    domains = tuple(walk.files("domains", nested=True))
    new = {name: walk.single(walk.root / name) for name in planned if name not in {d.relative for d in domains}}
    domains = tuple(sorted((*domains, *new.values()), key=lambda row: row.relative))
    return Found(workspace=workspace, products=products, domains=domains, diagnostics=tuple(walk.diagnostics))


class _Walk:
    def __init__(self, root: Path, here: Path) -> None:
        self.root = root
        self.here = here
        self.diagnostics: list[Diagnostic] = []

    def single(self, path: Path) -> FoundFile:
        self._stays_inside(path)
        return self._found(path)

    def state(self) -> None:
        """Journals and new passwords stay where they are looked for: no pull request moves them by a link."""
        self._stays_inside(self.root / STATE_FOLDER)

    def clashes(self, rows: Sequence[FoundFile]) -> None:
        """Names that are one on file systems that do not tell letters' cases apart (macOS, Windows)."""
        seen: dict[str, FoundFile] = {}
        for row in rows:
            first = seen.setdefault(unicodedata.normalize("NFC", row.relative).casefold(), row)
            if first is not row:
                text = f"{row.display} and {first.display} are one file where letters' cases are not told apart"
                self.diagnostics.append(error("WSP005", text, Span(row.display), hint="rename one of them"))

    def files(self, folder: str, *, nested: bool) -> Iterator[FoundFile]:
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
                        # Links to folders are followed once, so that links in a circle end.
                        if nested and path.resolve() not in seen:
                            seen.add(path.resolve())
                            waiting.append(path)
                    case "file":
                        rows.append(self._found(path))
                    case None:
                        pass
        yield from sorted(rows, key=lambda row: row.relative)

    def _kind(self, path: Path) -> Literal["folder", "file"] | None:
        """What an entry is to us; None for what is refused, or has another ending."""
        try:
            if path.is_symlink() and not self._stays_inside(path):
                return None
            if path.is_dir():
                return "folder"
            if path.suffix not in ENDINGS:
                return None
            if path.is_file():
                return "file"
        except OSError as e:  # a path that is too long, for one
            self._refuse(path, f"cannot be read: {e.strerror}")
            return None
        self._refuse(path, "is no plain file")
        return None

    def _entries(self, folder: Path) -> list[Path]:
        try:
            with os.scandir(folder) as entries:
                return sorted(Path(entry.path) for entry in entries if not entry.name.startswith("."))
        except OSError as e:
            self._refuse(folder, f"cannot be read: {e.strerror}")
            return []

    def _stays_inside(self, path: Path) -> bool:
        try:
            real = resolved(path)
        except OSError:  # a link to itself
            self._refuse(path, "is a link that leads nowhere")
            return False
        if real.is_relative_to(self.root):
            return True
        self._refuse(path, "is a link that leaves the workspace")
        return False

    def _refuse(self, path: Path, reason: str) -> None:
        name = self._found(path).display
        hint = "put the file itself into the workspace, so that git holds all of it" if "link" in reason else ""
        self.diagnostics.append(error("WSP001", f"{name} {reason}", Span(name), hint=hint))

    def _found(self, path: Path) -> FoundFile:
        relative = path.relative_to(self.root).as_posix()
        display = path.relative_to(self.here).as_posix() if path.is_relative_to(self.here) else relative
        return FoundFile(path=path, relative=relative, display=display)


# A document without the parts that do not fit its schema, so that the rest can still be judged in the same run.
#
# Only parts are left out that nothing else leans on: a field of a mailbox, an unknown key, an item of a list. Where a
# name or a whole section would be missing, what is said about the rest could be false, so nothing is salvaged.


_KEEP = frozenset({"apiVersion", "kind", "domain", "server", "product", "mailboxes", "aliases"})
"""Keys that others lean on: without them nothing is salvaged."""
_NAMED = frozenset({"mailboxes", "aliases"})

Steps = tuple[str | int, ...]


def salvage(document: Document, against: Validator) -> Document | None:
    """The document without what does not fit; None where the rest could not be judged fairly."""
    doomed: set[Steps] = set()
    for fault in against.decides.iter_errors(document.value):
        path = tuple(fault.instance_path)
        unexpected = getattr(fault.kind, "unexpected", None)
        if type(fault.kind).__name__ in ("Required", "PropertyNames"):
            return None
        doomed |= {(*path, key) for key in unexpected} if unexpected else {path}
    if any(len(path) == 0 or (len(path) == 1 and path[0] in _KEEP) for path in doomed):
        return None
    rest = _without(document.value, (), doomed)
    return replace(document, value=rest) if against.decides.is_valid(rest) else None


def _without(node: object, at: Steps, doomed: set[Steps]) -> object:
    """A copy, places included, without the doomed paths; a doomed mailbox or alias is emptied, not dropped."""
    if isinstance(node, Map):
        mapping = Map()
        for key, value in node.items():
            path = (*at, key)
            if path in doomed and not (len(path) == 2 and path[0] in _NAMED):
                continue
            mapping[key] = Map() if path in doomed else _without(value, path, doomed)
            mapping.marks[key] = node.marks[key]
        return mapping
    if isinstance(node, Seq):
        items = Seq()
        for number, value in enumerate(node):
            if (*at, number) not in doomed:
                items.append(_without(value, (*at, number), doomed))
                items.marks.append(node.marks[number])
        return items
    return node
