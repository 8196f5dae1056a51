"""An SPF record with all that it includes, as far as the answers are known: what every sender's evaluation may meet.

Not `check_host()`: that evaluates for one sender. This counts the worst case and finds what is broken for everybody.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.compliance.records.spf import (
    MAX_LOOKUPS,
    MAX_VOID,
    QUERYING,
    Mechanism,
    SpfRecord,
    is_spf,
    parse,
)
from reconciler.core.dns import Answer, RecordType

Find = Callable[[str, RecordType], Answer | None]
"""Gives the answer to a question, None where it was not asked yet."""

MAX_MX_NAMES = 10
"""Hosts of one `mx` term (RFC 7208 section 4.6.4)."""


@dataclass(frozen=True, slots=True)
class Node:
    """A record in the tree; `children` are the targets of its `include` terms and of its `redirect`, by term text."""

    domain: str
    record: SpfRecord | None
    children: tuple[tuple[str, "Node"], ...] = ()

    def child(self, text: str) -> "Node | None":
        """What the term with this text leads to, where it was followed."""
        return next((node for term, node in self.children if term == text), None)


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
        return _allows(self.root, wanted.key(owner))


def expand(domain: str, record: SpfRecord, find: Find) -> Tree:
    """The tree of a record at a domain."""
    walk = _Walk(find)
    root = walk.record(domain, record, (domain,))
    return Tree(
        root=root,
        lookups=walk.lookups,
        voids=tuple(dict.fromkeys(walk.voids)),
        faults=tuple(dict.fromkeys(walk.faults)),
        unknown=tuple(walk.unknown),
        open=tuple(dict.fromkeys(walk.open)),
        unfollowed=tuple(dict.fromkeys(walk.unfollowed)),
    )


@dataclass(slots=True)
class _Walk:
    """One pass over the tree, in the order of evaluation. It does not go on beyond the limit: so it ends."""

    find: Find
    lookups: int = 0
    voids: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    unknown: list[Answer] = field(default_factory=list)
    open: list[tuple[str, RecordType]] = field(default_factory=list)
    unfollowed: list[str] = field(default_factory=list)

    def record(self, domain: str, record: SpfRecord, path: tuple[str, ...]) -> Node:
        where = "" if len(path) == 1 else f" in the record of {domain}"
        self.faults.extend(f"“{fault.term[:60]}”{where}: {fault.why}" for fault in record.faults)
        children: list[tuple[str, Node]] = []
        for term in record.effective:
            if term.name not in QUERYING or not self._counted():
                continue
            target = term.target(domain)
            if target is None:
                self.unfollowed.append(term.text)
            elif term.name == "include":
                children.append((term.text, self._follow(term.text, target, path)))
            else:
                self._address_term(term, target)
        redirect = record.redirect
        if redirect is not None and self._counted():
            literal = redirect.value.literal
            if literal is None:
                self.unfollowed.append(redirect.text)
            else:
                children.append((redirect.text, self._follow(redirect.text, literal.lower().removesuffix("."), path)))
        return Node(domain, record, tuple(children))

    def _counted(self) -> bool:
        """Counts a term; False where the limit is passed and it is not evaluated any more."""
        self.lookups += 1
        return self.lookups <= MAX_LOOKUPS

    def _ask(self, name: str, rtype: RecordType) -> Answer | None:
        answer = self.find(name, rtype)
        if answer is None:
            self.open.append((name, rtype))
        elif answer.unknown:
            self.unknown.append(answer)
            return None
        return answer

    def _follow(self, text: str, target: str, path: tuple[str, ...]) -> Node:
        nothing = Node(target, None)
        if target in path:
            self.faults.append(f"“{text}” leads in a circle: {' → '.join((*path, target))}")
            return nothing
        answer = self._ask(target, "TXT")
        if answer is None:
            return nothing
        if answer.void:
            self.voids.append(target)
        records = [found for found in answer.texts() if is_spf(found)]
        if len(records) != 1:
            what = "no SPF record" if not records else f"{len(records)} SPF records"
            self.faults.append(f"“{text}” leads to {target}, which has {what}")
            return nothing
        return self.record(target, parse(records[0]), (*path, target))

    def _address_term(self, term: Mechanism, target: str) -> None:
        """`a`, `mx` and `exists`: whether there is anything. `ptr` asks about the sender's address: not knowable."""
        if term.name == "ptr":
            return
        answer = self._ask(target, "MX" if term.name == "mx" else "A")
        if answer is None:
            return
        if term.name == "mx" and len(answer.records) > MAX_MX_NAMES:
            self.faults.append(f"“{term.text}” leads to {len(answer.records)} hosts, {MAX_MX_NAMES} are allowed")
        if answer.outcome == "nodata" and term.name == "a":
            answer = self._ask(target, "AAAA")
        if answer is not None and answer.void:
            self.voids.append(target)


def _terminal(node: Node) -> Mechanism | None:
    if node.record is None:
        return None
    if node.record.all is not None or node.record.redirect is None:
        return node.record.all
    child = node.child(node.record.redirect.text)
    return _terminal(child) if child else None


def _for_everybody(node: Node) -> str | None:
    if node.record is None:
        return None
    for term in node.record.effective:
        whole = term.name == "all" or (term.network is not None and term.network.prefixlen == 0)
        child = node.child(term.text) if term.name == "include" else None
        if term.qualifier == "+" and (whole or (child is not None and _for_everybody(child))):
            return term.text
    redirect = node.record.redirect
    child = node.child(redirect.text) if redirect else None
    return redirect.text if redirect and child and _for_everybody(child) else None


def _allows(node: Node, wanted: object) -> bool:
    if node.record is None:
        return False
    for term in node.record.effective:
        if term.key(node.domain) == wanted:
            return term.qualifier == "+"
        if term.name == "include" and term.qualifier == "+":
            child = node.child(term.text)
            if child is not None and _allows(child, wanted):
                return True
    redirect = node.record.redirect
    child = node.child(redirect.text) if redirect else None
    return child is not None and _allows(child, wanted)
