"""The tree of an SPF record and all records that it includes, in the order of evaluation, with lookup counts.

This is the worst case over all senders and finds faults that affect all of them. `check_host()` evaluates one sender.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from reconciler.compliance.records import macros
from reconciler.compliance.records.addresses import is_askable
from reconciler.compliance.records.macros import MacroString
from reconciler.compliance.records.spf import (
    MAX_LOOKUPS,
    MAX_VOID,
    QUERYING,
    Mechanism,
    SpfRecord,
    Term,
    is_spf,
    parse_spf,
)
from reconciler.compliance.records.spf_check import MAX_NAMES, Find
from reconciler.core.findings import SpfTerm, SpfTree
from reconciler.core.lookups import Answer, RecordType

MAX_COUNTED = 60
"""Limit of counted terms. Untrusted records can include each other in exponentially many ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermUse:
    """A term in the evaluation. The attributes are those of `reconciler.core.findings.SpfTerm`.

    `beyond` = it comes after the tenth term that queries DNS, so no evaluation reaches it.
    """

    term: Term
    lookups: int = 0
    total: int = 0
    void: bool = False
    fault: str = ""
    unknown: str = ""
    beyond: bool = False
    child: "Node | None" = None


@dataclass(frozen=True, slots=True)
class Node:
    """A record in the tree, with its terms up to `all` and the `redirect` if it applies."""

    domain: str
    record: SpfRecord
    uses: tuple[TermUse, ...]

    def child(self, text: str) -> "Node | None":
        """The record that the term with this text leads to, if it was followed."""
        return next((use.child for use in self.uses if use.term.text == text and not use.beyond), None)


@dataclass(slots=True)
class _Seen:
    """The results for one term."""

    void: bool = False
    fault: str = ""
    unknown: str = ""
    child: Node | None = None


@dataclass(slots=True)
class SpfWalk:
    """One pass over the tree. It asks nothing beyond the lookup limit and stops at `MAX_COUNTED`.

    Attributes:
        root: the domain of the sender.
        voids, faults, unknown, open, unfollowed: as in `Tree`, with repeats.
    """

    root: str
    find: Find
    lookups: int = 0
    voids: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    unknown: list[Answer] = field(default_factory=list)
    open: list[tuple[str, RecordType]] = field(default_factory=list)
    unfollowed: list[str] = field(default_factory=list)

    def record(self, domain: str, record: SpfRecord, path: tuple[str, ...]) -> Node:
        """Walks a record and the records that it includes. `path` contains the domains from the first to this one."""
        where = "" if len(path) == 1 else f" in the record of {domain}"
        if not self._beyond:
            self.faults.extend(f"“{fault.term[:60]}”{where}: {fault.why}" for fault in record.faults)
        uses = [self._use(term, domain, path) for term in record.effective]
        if record.redirect is not None:
            uses.append(self._use(record.redirect, domain, path))
        return Node(domain, record, tuple(uses))

    @property
    def _beyond(self) -> bool:
        return self.lookups > MAX_LOOKUPS

    def _use(self, term: Term, domain: str, path: tuple[str, ...]) -> TermUse:
        # all, ip4 and ip6 need no DNS, so they neither count nor fail.
        if isinstance(term, Mechanism) and term.name not in QUERYING:
            return TermUse(term=term, total=self.lookups, beyond=self._beyond)
        before = self.lookups
        # The exact number beyond the limit is useless, and records that include each other would take exponential time.
        if before >= MAX_COUNTED:
            return TermUse(term=term, total=before, beyond=True)
        self.lookups += 1
        # The term that exceeds the limit is itself not evaluated.
        beyond = self._beyond
        seen = self._seen(term, domain, path)
        return TermUse(
            term=term,
            lookups=self.lookups - before,
            total=self.lookups,
            void=seen.void,
            fault=seen.fault,
            unknown=seen.unknown,
            beyond=beyond,
            child=seen.child,
        )

    def _seen(self, term: Term, domain: str, path: tuple[str, ...]) -> _Seen:
        spec = term.domain if isinstance(term, Mechanism) else term.value
        target = self._target(spec, domain)
        # The names that ptr looks up come from the client's address.
        if target is None or (isinstance(term, Mechanism) and term.name == "ptr"):
            if target is None and not self._beyond:
                self.unfollowed.append(term.text)
            return _Seen(unknown="the name to look up depends on the mail")
        if isinstance(term, Mechanism) and term.name != "include":
            return self._address_term(term, target)
        return self._follow(term.text, target, path)

    def _target(self, spec: MacroString | None, domain: str) -> str | None:
        return domain if spec is None else macros.expand_same(spec, domain, self.root)

    def _ask(self, name: str, rtype: RecordType, seen: _Seen) -> Answer | None:
        """The answer; None if it is missing or its lookup failed."""
        answer = self.find(name, rtype)
        if answer is None:
            seen.unknown = "not asked: beyond the limit" if self._beyond else "not asked yet"
            if not self._beyond:
                self.open.append((name, rtype))
        elif answer.unknown:
            seen.unknown = f"{rtype} of {name}: {answer.text}"
            if not self._beyond:
                self.unknown.append(answer)
            return None
        return answer

    def _void(self, name: str, seen: _Seen) -> None:
        seen.void = True
        if not self._beyond:
            self.voids.append(name)

    def _fault(self, text: str, seen: _Seen) -> None:
        seen.fault = text
        if not self._beyond:
            self.faults.append(text)

    def _follow(self, text: str, target: str, path: tuple[str, ...]) -> _Seen:
        seen = _Seen()
        # Only the domains on the current path form a loop. Including one record twice is legal.
        if target in path:
            self._fault(f"“{text}” forms a loop: {' → '.join((*path, target))}", seen)
            return seen
        if not is_askable(target):
            self._fault(f"“{text}” leads to {target[:60]}, which is not a valid domain name", seen)
            return seen
        answer = self._ask(target, "TXT", seen)
        if answer is None:
            return seen
        if answer.void:
            self._void(target, seen)
        records = [found for found in answer.texts() if is_spf(found)]
        if len(records) == 1:
            seen.child = self.record(target, parse_spf(records[0]), (*path, target))
        else:
            what = "no SPF record" if not records else f"{len(records)} SPF records"
            self._fault(f"“{text}” leads to {target}, which has {what}", seen)
        return seen

    def _address_term(self, term: Mechanism, target: str) -> _Seen:
        """`a`, `mx` and `exists`: whether the name has records. An invalid name matches nothing."""
        seen = _Seen()
        if not is_askable(target):
            return seen
        answer = self._ask(target, "MX" if term.name == "mx" else "A", seen)
        if answer is None:
            return seen
        if term.name == "mx" and len(answer.records) > MAX_NAMES:
            hosts = len(answer.records)
            self._fault(f"“{term.text}” leads to {hosts} mail hosts; the limit is {MAX_NAMES}", seen)
        # A host with only IPv6 is not void. So AAAA decides.
        if answer.outcome == "nodata" and term.name == "a":
            answer = self._ask(target, "AAAA", seen)
        if answer is not None and answer.void:
            self._void(target, seen)
        return seen


MAX_DRAWN = 100
"""Limit of terms per record in a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A record and all records that it includes.

    Attributes:
        lookups: number of terms that query DNS, repeats included; beyond the limit, a lower bound.
        voids: names that these terms look up and that have no record.
        faults: faults that make every evaluation a permanent error.
        unknown: failed lookups.
        open: missing answers.
        unfollowed: terms whose name depends on the mail.
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
        """All faults that invalidate the record, including exceeded limits."""
        found = list(self.faults)
        if self.lookups > MAX_LOOKUPS:
            found.append(f"it needs at least {self.lookups} DNS lookups; the limit is {MAX_LOOKUPS}")
        if len(self.voids) > MAX_VOID:
            found.append(
                f"{len(self.voids)} of its lookups return no record ({', '.join(self.voids)}); the limit is {MAX_VOID}"
            )
        return tuple(found)

    @property
    def terminal(self) -> Mechanism | None:
        """The `all` that decides for all other senders: of the record itself, or of its `redirect`."""
        return _terminal(self.root)

    @property
    def for_everybody(self) -> str | None:
        """The term that gives a pass to every sender; None if there is none."""
        return _for_everybody(self.root)

    def allows(self, wanted: Mechanism, owner: str) -> bool:
        """Whether evaluation reaches `wanted` (in a record at `owner`) with a pass."""
        return _passes(_decider(self.root, wanted, owner))

    def refusing(self, wanted: Mechanism, owner: str) -> str | None:
        """The term without a pass that matches before `wanted`; None if there is none."""
        term = _decider(self.root, wanted, owner)
        return None if term is None or _passes(term) else term.text

    def domains_using(self, name: str) -> tuple[str, ...]:
        """The domains, except the first, whose records use a mechanism with this name."""
        below = (node for node in _nodes(self.root) if node is not self.root)
        return tuple(dict.fromkeys(n.domain for n in below if any(m.name == name for m in n.record.effective)))

    def drawn(self) -> SpfTree:
        """The tree for a report."""
        return _drawn(self.root)


def build_tree(domain: str, record: SpfRecord, find: Find) -> Tree:
    """Builds the tree of a record at a domain, as far as its answers are known."""
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
        matches_all = term.name == "all" or (term.network is not None and term.network.prefixlen == 0)
        child = node.child(term.text) if term.name == "include" else None
        if term.qualifier == "+" and (matches_all or (child is not None and _for_everybody(child))):
            return term.text
    redirect = node.record.redirect
    child = node.child(redirect.text) if redirect else None
    return redirect.text if redirect and child and _for_everybody(child) else None


def _decider(node: Node, wanted: Mechanism, owner: str, *, wide: bool = False) -> Term | None:
    """The first term that certainly matches all mail that `wanted` matches.

    A term with a pass must equal `wanted`, unless `wide` allows larger networks. A term without a pass may always be a
    larger network, because it then refuses each address in it.
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
    # Terms without effect come last: their place in the record does not matter.
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
