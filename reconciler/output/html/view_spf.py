"""The tree of an SPF record for a page: one line per term, with its lookups and its faults."""

from dataclasses import dataclass

from reconciler.core.findings import SpfTerm, SpfTree
from reconciler.output.html.texts import Texts
from reconciler.output.html.view_records import Shown, shown
from reconciler.output.report.words import MAX_LOOKUPS
from reconciler.output.terminal import visible

MAX_TERMS = 200
"""The number of lines of one tree. An untrusted record may lead to thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermView:
    """One term.

    Attributes:
        notes: in the language of the page.
        faults: sentences of the findings, which are in English.
        leads_to: the domain of the record that the term includes; empty if it includes none.
    """

    text: Shown
    asks: bool
    bad: bool
    ignored: bool
    notes: tuple[str, ...]
    faults: tuple[Shown, ...]
    leads_to: str = ""
    terms: tuple["TermView", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeView:
    """The tree.

    Attributes:
        filled: the used part of the lookup limit in percent.
        omitted: the number of terms that the page does not show.
    """

    lookups: int
    over: bool
    filled: int
    terms: tuple[TermView, ...]
    omitted: int


def tree_view(tree: SpfTree, texts: Texts) -> TreeView:
    """The tree for the page."""
    room = _Room(MAX_TERMS)
    terms = _terms(tree, texts, room)
    return TreeView(
        lookups=tree.lookups,
        over=tree.lookups > MAX_LOOKUPS,
        filled=min(100, 100 * tree.lookups // MAX_LOOKUPS),
        terms=terms,
        omitted=room.omitted,
    )


@dataclass(slots=True)
class _Room:
    left: int
    omitted: int = 0


def _terms(tree: SpfTree, texts: Texts, room: _Room) -> tuple[TermView, ...]:
    found = []
    for term in tree.terms:
        # The omitted terms are counted with everything below them.
        if not room.left:
            room.omitted += 1 + _size(term.child)
            continue
        room.left -= 1
        child = _terms(term.child, texts, room) if term.child else ()
        found.append(_term(term, child, texts))
    # The tree itself may already be truncated, so its own omitted terms are added.
    room.omitted += tree.omitted
    return tuple(found)


def _size(tree: SpfTree | None) -> int:
    return tree.omitted + sum(1 + _size(term.child) for term in tree.terms) if tree else 0


def _term(term: SpfTerm, below: tuple[TermView, ...], texts: Texts) -> TermView:
    beyond = bool(term.lookups) and term.total > MAX_LOOKUPS
    notes = [
        *([texts.counted("spf.cost", term.lookups, total=texts.number(term.total))] if term.lookups else []),
        *([texts("spf.beyond")] if beyond else []),
        *([texts("spf.void")] if term.void else []),
        *([texts("spf.ignored")] if term.ignored else []),
    ]
    return TermView(
        text=shown(term.text),
        asks=bool(term.lookups),
        bad=bool(term.fault) or term.void or beyond,
        ignored=term.ignored,
        notes=tuple(notes),
        faults=tuple(shown(text) for text in (term.fault, term.unknown) if text),
        leads_to=visible(term.child.domain) if term.child else "",
        terms=below,
    )
