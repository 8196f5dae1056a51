"""Selects domains by the names, files and patterns of the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from glob import escape
from os.path import normpath
from pathlib import Path

from reconciler.config.document.builder import shown
from reconciler.config.links import resolved
from reconciler.config.workspace_files import FoundFile
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.names import BadName, display_domain, domain_name

_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A domain file and its canonical domain; None if the file does not show it."""

    found: FoundFile
    domain: str | None


def select(
    candidates: Sequence[Candidate], words: Sequence[str], *, root: Path, here: Path
) -> tuple[frozenset[str], tuple[Diagnostic, ...]]:
    """The relative names of the files that the words select. Without words, all files are selected.

    A word is a domain (`example.com`, U-label or A-label, any case), a pattern over domains (`*.example`), or a file,
    a folder or a pattern over paths (`domains/eu/*`): absolute, or relative to the current folder or to the workspace.
    A word that selects nothing is WSP002, with the most similar domain as a hint.
    """
    if not words:
        return frozenset(c.found.relative for c in candidates), ()
    chosen: set[str] = set()
    diagnostics: list[Diagnostic] = []
    # A word is compared with domains first, because that is the usual form.
    for word in dict.fromkeys(words):
        matches = {c.found.relative for c in candidates if _matches(c, word)} or _by_path(candidates, word, root, here)
        if not matches:
            diagnostics.append(_nothing(candidates, word))
        chosen |= matches
    return frozenset(chosen), tuple(diagnostics)


def _matches(candidate: Candidate, word: str) -> bool:
    """Whether a word selects a file by its domain: as a name, or as a pattern without `/`."""
    if _GLOB.isdisjoint(word):
        try:
            return candidate.domain is not None and domain_name(word) == candidate.domain
        except BadName:
            return False
    # A pattern with `/` is a pattern over paths.
    if "/" in word or candidate.domain is None:
        return False
    pattern = word.lower()
    return any(fnmatchcase(name, pattern) for name in (candidate.domain, display_domain(candidate.domain)))


def _by_path(candidates: Sequence[Candidate], word: str, root: Path, here: Path) -> set[str]:
    """The files that a path selects: relative to the current folder first, because a shell completes it there."""
    if not word:  # an unset variable in a script must not select everything
        return set()
    by_path = {c.found.path: c.found.relative for c in candidates}
    for base in (here, root):
        if not _GLOB.isdisjoint(word):
            # The folder may itself contain characters of patterns.
            pattern = normpath(Path(escape(str(base))) / word)
            inside = {relative for file, relative in by_path.items() if fnmatchcase(str(file), pattern)}
            if inside:
                return inside
            continue
        path = _lexical(base / word)
        if path in by_path:
            return {by_path[path]}
        inside = {relative for file, relative in by_path.items() if path in file.parents}
        if inside:
            return inside
    return set()


def _lexical(path: Path) -> Path:
    """The path without `.` and `..`. Links of the folder are resolved, a link of the file stays, as in `found.path`."""
    if path.name in ("", ".", ".."):
        return resolved(path) or path
    folder = resolved(path.parent)
    return folder / path.name if folder else path


def _nothing(candidates: Sequence[Candidate], word: str) -> Diagnostic:
    names = sorted({name for c in candidates if c.domain for name in (c.domain, display_domain(c.domain))})
    near = get_close_matches(word.lower(), names, n=1)
    # Both spellings of an international domain are candidates.
    if near:
        hint = f"did you mean {near[0]}?"
    elif names:
        files = "1 domain file" if len(candidates) == 1 else f"{len(candidates)} domain files"
        hint = f"name a domain, such as {display_domain(names[0])}; the workspace has {files}"
    else:
        hint = "write domains/example.com.yaml or run `reconciler import`: the workspace has no domain files yet"
    return error("WSP002", f"nothing matches {shown(word)}", hint=hint)
