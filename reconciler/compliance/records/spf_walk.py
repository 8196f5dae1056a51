"""Goes through an SPF record and all that it includes, in the order of evaluation, and counts."""

from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.compliance.records import macro_values
from reconciler.compliance.records.dns_names import is_askable
from reconciler.compliance.records.macros import MacroString
from reconciler.compliance.records.spf import MAX_LOOKUPS, QUERYING, Mechanism, SpfRecord, Term, is_spf, parse
from reconciler.core.dns import Answer, RecordType

Find = Callable[[str, RecordType], Answer | None]
"""Gives the answer to a question, None where it was not asked yet."""

MAX_MX_NAMES = 10
"""Hosts of one `mx` term (RFC 7208 section 4.6.4)."""
MAX_COUNTED = 60
"""Terms that are counted at all: records of strangers may include each other in ever more ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermUse:
    """A term that has its turn in the evaluation; the attributes are those of `reconciler.core.findings.SpfTerm`.

    `beyond` = it comes after the tenth term that queries DNS, so no evaluation gets to it.
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
    """A record in the tree, and its terms up to `all`, with the `redirect` where that applies."""

    domain: str
    record: SpfRecord
    uses: tuple[TermUse, ...]

    def child(self, text: str) -> "Node | None":
        """What the term with this text leads to, where it was followed."""
        return next((use.child for use in self.uses if use.term.text == text and not use.beyond), None)


@dataclass(slots=True)
class _Seen:
    """What is found out about one term."""

    void: bool = False
    fault: str = ""
    unknown: str = ""
    child: Node | None = None


@dataclass(slots=True)
class SpfWalk:
    """One pass over the tree. Beyond the limit it asks nothing any more, and beyond `MAX_COUNTED` it ends.

    Attributes:
        root: the domain whose mail is meant.
        voids, faults, unknown, open, unfollowed: as in `reconciler.compliance.records.spf_tree.Tree`, with repeats.
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
        """A record and what it leads to; `path` are the domains from the first to this one."""
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
        if isinstance(term, Mechanism) and term.name not in QUERYING:
            return TermUse(term=term, total=self.lookups, beyond=self._beyond)
        before = self.lookups
        if before >= MAX_COUNTED:
            return TermUse(term=term, total=before, beyond=True)
        self.lookups += 1
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
        if target is None or (isinstance(term, Mechanism) and term.name == "ptr"):
            if target is None and not self._beyond:
                self.unfollowed.append(term.text)
            return _Seen(unknown="what it asks for depends on the mail")
        if isinstance(term, Mechanism) and term.name != "include":
            return self._address_term(term, target)
        return self._follow(term.text, target, path)

    def _target(self, spec: MacroString | None, domain: str) -> str | None:
        return domain if spec is None else macro_values.expand_same(spec, domain, self.root)

    def _ask(self, name: str, rtype: RecordType, seen: _Seen) -> Answer | None:
        """The answer, where there is one that says something."""
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
        if target in path:
            self._fault(f"“{text}” leads in a circle: {' → '.join((*path, target))}", seen)
            return seen
        if not is_askable(target):
            self._fault(f"“{text}” leads to {target[:60]}, which is no name that could have a record", seen)
            return seen
        answer = self._ask(target, "TXT", seen)
        if answer is None:
            return seen
        if answer.void:
            self._void(target, seen)
        records = [found for found in answer.texts() if is_spf(found)]
        if len(records) == 1:
            seen.child = self.record(target, parse(records[0]), (*path, target))
        else:
            what = "no SPF record" if not records else f"{len(records)} SPF records"
            self._fault(f"“{text}” leads to {target}, which has {what}", seen)
        return seen

    def _address_term(self, term: Mechanism, target: str) -> _Seen:
        """`a`, `mx` and `exists`: whether there is anything. A name that cannot be asked about matches nothing."""
        seen = _Seen()
        if not is_askable(target):
            return seen
        answer = self._ask(target, "MX" if term.name == "mx" else "A", seen)
        if answer is None:
            return seen
        if term.name == "mx" and len(answer.records) > MAX_MX_NAMES:
            hosts = len(answer.records)
            self._fault(f"“{term.text}” leads to {hosts} mail hosts, {MAX_MX_NAMES} are allowed", seen)
        if answer.outcome == "nodata" and term.name == "a":
            answer = self._ask(target, "AAAA", seen)
        if answer is not None and answer.void:
            self._void(target, seen)
        return seen
