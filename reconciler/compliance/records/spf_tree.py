"""An SPF record with all that it includes, as far as the answers are known: what every sender's evaluation may meet.

Not `check_host()`: that evaluates for one sender. This counts the worst case and finds what is broken for everybody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from reconciler.compliance.records.spf import MAX_LOOKUPS, MAX_VOID, Mechanism, SpfRecord, Term
from reconciler.compliance.records.spf_walk import Find, Node, TermUse, SpfWalk
from reconciler.core.dns import Answer, RecordType
from reconciler.core.findings import SpfTerm, SpfTree

MAX_DRAWN = 100
"""Terms of one record that a report shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A record and what it leads to.

    Attributes:
        lookups: terms that query DNS, counted each time they would be evaluated; beyond the limit, a lower bound.
        voids: names asked by these terms that have nothing.
        faults: what makes every evaluation a permanent error, for people.
        unknown: answers that could not be had.
        open: questions not asked yet.
        unfollowed: terms whose name depends on the mail being checked.
    """

    root: Node
    lookups: int
    voids: tuple[str, ...]
    faults: tuple[str, ...]
    unknown: tuple[Answer, ...]
    open: tuple[tuple[str, RecordType], ...]
    unfollowed: tuple[str, ...]

    @property
    def broken(self) -> tuple[str, ...]:
        """Everything that voids the record, the limits included."""
        found = list(self.faults)
        if self.lookups > MAX_LOOKUPS:
            found.append(f"it needs {self.lookups} or more DNS lookups, {MAX_LOOKUPS} are allowed")
        if len(self.voids) > MAX_VOID:
            found.append(f"{len(self.voids)} of its lookups find nothing ({', '.join(self.voids)})")
        return tuple(found)

    @property
    def terminal(self) -> Mechanism | None:
        """The `all` that decides for senders that nothing matched: the record's own, or that of its `redirect`."""
        return _terminal(self.root)

    @property
    def for_everybody(self) -> str | None:
        """The record's term that gives a pass to every sender, if there is one."""
        return _for_everybody(self.root)

    def allows(self, wanted: Mechanism, owner: str) -> bool:
        """Whether `wanted` (meant for `owner`) stands in it as a term that gives a pass, where it is evaluated."""
        return _passes(_decider(self.root, wanted, owner))

    def refusing(self, wanted: Mechanism, owner: str) -> str | None:
        """The term without a pass that has its turn before `wanted` could give one, if there is any."""
        term = _decider(self.root, wanted, owner)
        return None if term is None or _passes(term) else term.text

    def having(self, name: str) -> tuple[str, ...]:
        """The domains other than the first in whose record a mechanism of this name is evaluated."""
        below = (node for node in _nodes(self.root) if node is not self.root)
        return tuple(dict.fromkeys(n.domain for n in below if any(m.name == name for m in n.record.effective)))

    def drawn(self) -> SpfTree:
        """The tree as a report shows it."""
        return _drawn(self.root)


def expand(domain: str, record: SpfRecord, find: Find) -> Tree:
    """The tree of a record at a domain."""
    walk = SpfWalk(domain, find)
    root = walk.record(domain, record, (domain,))
    return Tree(
        root=root,
        lookups=walk.lookups,
        voids=tuple(dict.fromkeys(walk.voids)),
        faults=tuple(dict.fromkeys(walk.faults)),
        unknown=tuple(dict.fromkeys(walk.unknown)),
        open=tuple(dict.fromkeys(walk.open)),
        unfollowed=tuple(dict.fromkeys(walk.unfollowed)),
    )


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for use in node.uses:
        if use.child is not None and not use.beyond:
            yield from _nodes(use.child)


def _terminal(node: Node) -> Mechanism | None:
    if node.record.all is not None or node.record.redirect is None:
        return node.record.all
    child = node.child(node.record.redirect.text)
    return _terminal(child) if child else None


def _for_everybody(node: Node) -> str | None:
    for term in node.record.effective:
        whole = term.name == "all" or (term.network is not None and term.network.prefixlen == 0)
        child = node.child(term.text) if term.name == "include" else None
        if term.qualifier == "+" and (whole or (child is not None and _for_everybody(child))):
            return term.text
    redirect = node.record.redirect
    child = node.child(redirect.text) if redirect else None
    return redirect.text if redirect and child and _for_everybody(child) else None


def _decider(node: Node, wanted: Mechanism, owner: str, *, wide: bool = False) -> Term | None:
    """The first term to which mail that `wanted` matches comes for sure; one that gives a pass must be `wanted` itself,
    unless it may be `wide`: what refuses a whole network refuses each address in it.
    """
    for term in node.record.effective:
        counts = wide or term.qualifier != "+"
        if term.key(node.domain) == wanted.key(owner) or (counts and _covers(term, wanted)):
            return term
        child = node.child(term.text) if term.name == "include" else None
        if child is not None and _passes(_decider(child, wanted, owner, wide=counts)):
            return term
    redirect = node.record.redirect
    child = node.child(redirect.text) if redirect else None
    return _decider(child, wanted, owner, wide=wide) if child else None


def _passes(term: Term | None) -> bool:
    return isinstance(term, Mechanism) and term.qualifier == "+"


def _covers(term: Mechanism, wanted: Mechanism) -> bool:
    theirs, ours = term.network, wanted.network
    if isinstance(theirs, IPv4Network) and isinstance(ours, IPv4Network):
        return ours.subnet_of(theirs)
    return isinstance(theirs, IPv6Network) and isinstance(ours, IPv6Network) and ours.subnet_of(theirs)


def _drawn(node: Node) -> SpfTree:
    start = node.uses[0].total - node.uses[0].lookups if node.uses else 0
    end = node.uses[-1].total if node.uses else 0
    terms = [_drawn_term(use) for use in node.uses]
    terms += [SpfTerm(text=term.text, total=end, ignored=True) for term in node.record.ignored]
    terms += [SpfTerm(text=fault.term, total=end, fault=fault.why) for fault in node.record.faults]
    return SpfTree(
        domain=node.domain,
        record=node.record.text,
        lookups=end - start,
        terms=tuple(terms[:MAX_DRAWN]),
        omitted=max(0, len(terms) - MAX_DRAWN),
    )


def _drawn_term(use: TermUse) -> SpfTerm:
    return SpfTerm(
        text=use.term.text,
        lookups=use.lookups,
        total=use.total,
        void=use.void,
        fault=use.fault,
        unknown=use.unknown,
        child=_drawn(use.child) if use.child else None,
    )
