"""An SPF tree in words: a line a term, with what it costs."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.core.findings import SpfTerm, SpfTree
from reconciler.output.report_words import clipped

MAX_LOOKUPS = 10
"""RFC 7208 section 4.6.4."""
MAX_LINES = 200
"""Lines of one tree that are shown."""


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line: how deep it stands, the term or the domain, and what is said of it. Hostile text, to be escaped."""

    depth: int
    text: str
    words: str = ""
    bad: bool = False


def tree_lines(tree: SpfTree) -> list[TreeLine]:
    """The lines of a tree, the first of which sums it up."""
    lines = list(_lines(tree, 0))
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], TreeLine(0, f"and {len(lines) - MAX_LINES} more lines")]
    more = " or more" if tree.lookups > MAX_LOOKUPS else ""
    summary = f"{tree.lookups}{more} of {MAX_LOOKUPS} lookups"
    return [TreeLine(0, tree.domain, summary, tree.lookups > MAX_LOOKUPS), *lines]


def term_words(term: SpfTerm) -> str:
    """What is to be said of a term: its lookups, how many they are by then, and what is amiss."""
    words: list[str] = []
    if term.lookups:
        words.append(f"{term.lookups} lookup{'' if term.lookups == 1 else 's'}, {term.total} so far")
        if term.total > MAX_LOOKUPS:
            words.append(f"beyond {MAX_LOOKUPS}")
    if term.void:
        words.append("finds nothing")
    if term.ignored:
        words.append("no effect")
    if term.fault:
        words.append(clipped(term.fault))
    if term.unknown:
        words.append(clipped(term.unknown))
    return "; ".join(words)


def _lines(tree: SpfTree, depth: int) -> Iterator[TreeLine]:
    for term in tree.terms:
        bad = bool(term.fault) or term.void or (bool(term.lookups) and term.total > MAX_LOOKUPS)
        yield TreeLine(depth + 1, clipped(term.text), term_words(term), bad)
        if term.child is not None:
            yield from _lines(term.child, depth + 1)
    if tree.omitted:
        yield TreeLine(depth + 1, f"and {tree.omitted} more terms")
