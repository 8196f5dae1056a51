"""Check `spf`: the domain allows the mail server to send, in a record that receivers can use."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records import txt
from reconciler.compliance.records.spf import (
    MAX_LOOKUPS,
    MAX_VOID,
    Fault,
    Mechanism,
    SpfRecord,
    is_spf,
    parse,
    parse_mechanism,
)
from reconciler.compliance.records.spf_tree import Tree, expand
from reconciler.compliance.records.spf_write import Merged, merge
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, remark, unknown
from reconciler.core.dns import Txt
from reconciler.core.findings import Finding, Record, worst

_BASIS = Basis(id="spf", reference="RFC 7208 sections 3 to 6", good_code="SPF_OK")
_LONG = 512
"""Bytes beyond which an answer may not fit into one datagram (RFC 7208 section 3.4)."""


@dataclass(frozen=True, slots=True)
class _Proposal:
    merged: Merged
    tree: Tree


@dataclass(frozen=True, slots=True)
class _State:
    """What is published, and what would mend it."""

    records: tuple[SpfRecord, ...]
    strings: tuple[tuple[str, ...], ...]
    tree: Tree | None
    proposal: _Proposal | None


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """TXT of the domain, then what the record there and the record to propose lead to."""
    yield subject.domain, "TXT"
    answer = facts.known(subject.domain, "TXT")
    if answer is None or answer.unknown:
        return
    state = _state(subject, facts)
    for tree in (state.tree, state.proposal.tree if state.proposal else None):
        if tree is not None:
            yield from tree.open


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 10, 11, 13 to 15 and 17 to 20 of the catalogue of checks."""
    answer = facts.answer(subject.domain, "TXT")
    if answer.unknown:
        return conclude(_BASIS, unknown([answer]), good="")
    state = _state(subject, facts)
    found = [Record(subject.domain, "TXT", record.text) for record in state.records]
    notes = [*_existence(state, answer.texts()), *_product(subject)]
    if state.tree is not None:
        notes.extend(_record_notes(subject, state, state.tree))
    fix: list[Record] = []
    if state.proposal is not None:
        refusal = _refusal(state.proposal)
        if refusal:
            notes.append(remark(refusal))
        else:
            fix = [publish.txt(subject.domain, state.proposal.merged.text)]
            notes.extend(remark(text) for text in _proposal_notes(state))
    if worst(note.status for note in notes) in ("pass", "warn", "skip") and not fix:
        expected = [publish.txt(subject.domain, record.text) for record in state.records]
    else:
        expected = fix
    return conclude(_BASIS, notes, good=_good(subject), expected=expected, found=found, fix=fix)


def _good(subject: Subject) -> str:
    return "The record is valid" if _primary(subject) is None else "The record allows the mail server"


def _state(subject: Subject, facts: Facts) -> _State:
    answer = facts.answer(subject.domain, "TXT")
    published = [data for data in answer.records if isinstance(data, Txt) and is_spf(data.text)]
    strings = tuple(data.strings for data in published)
    records = tuple(parse(data.text) for data in published)
    tree = expand(subject.domain, records[0], facts.known) if len(records) == 1 else None
    if tree is not None and (tree.open or not _needs_mending(subject, tree)):
        return _State(records, strings, tree, None)
    return _State(records, strings, tree, _propose(subject, records, facts))


def _propose(subject: Subject, records: tuple[SpfRecord, ...], facts: Facts) -> _Proposal | None:
    primary = _primary(subject)
    if primary is None and not records:
        return None
    allowed = any(_accepted(subject, expand(subject.domain, r, facts.known)) for r in records)
    merged = merge(subject.domain, records, None if allowed else primary)
    if [record.text for record in records] == [merged.text]:
        return None
    return _Proposal(merged, expand(subject.domain, parse(merged.text), facts.known))


def _needs_mending(subject: Subject, tree: Tree) -> bool:
    record = tree.root.record
    assert record is not None
    weak = tree.terminal is None or tree.terminal.qualifier in ("+", "?")
    return bool(record.faults or record.ignored or weak) or (
        _primary(subject) is not None and not tree.unknown and not _accepted(subject, tree)
    )


def _primary(subject: Subject) -> Mechanism | None:
    parsed = parse_mechanism(subject.expected.spf_primary) if subject.expected.spf_primary else None
    return parsed if isinstance(parsed, Mechanism) else None


def _accepted(subject: Subject, tree: Tree) -> str | None:
    """The expected mechanism that the record has, the primary first."""
    for text in (subject.expected.spf_primary, *subject.expected.spf_secondary):
        wanted = parse_mechanism(text) if text else None
        if isinstance(wanted, Mechanism) and tree.allows(wanted, subject.domain):
            return text
    return None


def _existence(state: _State, texts: tuple[str, ...]) -> list[Note]:
    """Row 10: one record, and only one."""
    if len(state.records) > 1:
        text = f"There are {len(state.records)} SPF records: receivers use none then (section 4.5). Keep one only."
        return [Note("fail", "SPF_SEVERAL", "There are several SPF records", text)]
    if state.records:
        return []
    notes = [Note("fail", "SPF_MISSING", "There is no SPF record", "No TXT record begins with v=spf1.")]
    for text in texts:
        meant = txt.tidied(text)
        if is_spf(meant) or meant[:6].lower() == "v=spf1":
            why = _list(txt.slips(text)) or "after v=spf1 a space is needed"
            notes.append(remark(f"“{text[:60]}” was probably meant as one, but {why}. Delete it."))
    return notes


def _product(subject: Subject) -> list[Note]:
    """What the expectation itself leaves open, or has wrong."""
    notes = [
        Note(
            "warn", "SPF_EXPECTATION", "An expected mechanism is not usable", f"The product's SPF: “{f.term}”: {f.why}."
        )
        for text in (subject.expected.spf_primary, *subject.expected.spf_secondary)
        if text and isinstance(f := parse_mechanism(text), Fault)
    ]
    if subject.expected.spf_primary is None:
        notes.append(remark("The product names no SPF mechanism, so only existence and validity were judged."))
    return notes


def _record_notes(subject: Subject, state: _State, tree: Tree) -> list[Note]:
    record = state.records[0]
    notes = [Note("fail", "SPF_INVALID", "The SPF record is not valid", f"{fault}.") for fault in tree.faults]
    if record.faults and len(state.strings[0]) > 1 and not parse(" ".join(state.strings[0])).faults:
        notes.append(remark("Its strings are joined without a space: one is missing where a string ends."))
    notes.extend(_limits(tree))
    notes.extend(unknown(tree.unknown))
    notes.extend(_allowing(subject, tree))
    notes.extend(_style(record, tree))
    return notes


def _allowing(subject: Subject, tree: Tree) -> list[Note]:
    """Row 11: the primary mechanism, or any of the secondary."""
    if _primary(subject) is None:
        return []
    accepted = _accepted(subject, tree)
    primary = subject.expected.spf_primary
    if accepted is None and not tree.unknown:
        text = f"It does not have {primary} as a term that gives a pass, before all."
        notes = [Note("fail", "SPF_NOT_ALLOWED", "The mail server is not allowed to send", text)]
        if tree.unfollowed:
            notes.append(remark(f"Not followed, because it depends on the sender: {_list(tree.unfollowed)}."))
        return notes
    if accepted is not None and accepted != primary:
        return [remark(f"It has {accepted}, which is valid; {primary} is recommended.")]
    return []


def _limits(tree: Tree) -> list[Note]:
    """Rows 14 and 15."""
    notes: list[Note] = []
    if tree.lookups > MAX_LOOKUPS:
        text = f"It needs {tree.lookups} or more DNS lookups; {MAX_LOOKUPS} are allowed (section 4.6.4)."
        notes.append(Note("fail", "SPF_LOOKUPS", "The SPF record needs too many lookups", text))
    elif tree.lookups >= MAX_LOOKUPS - 1:
        text = f"It needs {tree.lookups} DNS lookups, {MAX_LOOKUPS} are allowed: the next change may break it."
        notes.append(Note("warn", "SPF_LOOKUPS_NEAR", "The SPF record is near the lookup limit", text))
    if len(tree.voids) > MAX_VOID:
        text = f"{len(tree.voids)} of its lookups find nothing ({_list(tree.voids)}); {MAX_VOID} are allowed."
        notes.append(Note("fail", "SPF_VOID_LOOKUPS", "Too many SPF lookups find nothing", text))
    return notes


def _style(record: SpfRecord, tree: Tree) -> list[Note]:
    """Rows 18 to 20: what works, but badly."""
    notes: list[Note] = []
    terminal = tree.terminal
    everybody = tree.for_everybody
    if everybody is not None:
        text = f"{everybody} allows everybody to send in the domain's name."
        notes.append(Note("fail", "SPF_ALL_PASS", "The SPF record allows everybody", text))
    elif terminal is None:
        if record.redirect is None:
            text = "Without all at its end it says nothing about other senders."
            notes.append(Note("warn", "SPF_NO_ALL", "The SPF record has no end", text))
    elif terminal.qualifier == "?":
        text = "?all says nothing about other senders; use ~all."
        notes.append(Note("warn", "SPF_ALL_NEUTRAL", "The SPF record says nothing about others", text))
    elif terminal.qualifier == "-":
        text = "-all may have mail rejected before DKIM and DMARC are looked at (RFC 9989 section 7.1); ~all does not."
        notes.append(remark(text))
    if record.ignored:
        text = f"Without effect beside all: {_list(tuple(term.text for term in record.ignored))}."
        notes.append(Note("warn", "SPF_IGNORED", "Some SPF terms have no effect", text))
    if any(term.name == "ptr" for term in record.effective):
        text = "ptr should not be used (section 5.5): slow, and many receivers skip it."
        notes.append(Note("warn", "SPF_PTR", "The SPF record uses ptr", text))
    size = len(record.text.encode())
    if size > _LONG:
        text = f"It has {size} bytes; beyond {_LONG} some resolvers lose the answer (section 3.4)."
        notes.append(Note("warn", "SPF_LONG", "The SPF record is very long", text))
    return notes


def _refusal(proposal: _Proposal) -> str:
    """Why the merged record must not be published; empty if it may."""
    if not proposal.tree.broken:
        return ""
    reasons = "; ".join(proposal.tree.broken)
    return f"No record is proposed, because “{proposal.merged.text[:200]}” would not be valid: {reasons}."


def _proposal_notes(state: _State) -> list[str]:
    assert state.proposal is not None
    notes = [f"In the proposed record {note}." for note in state.proposal.merged.notes]
    if state.proposal.tree.unknown:
        notes.append("Whether the proposed record keeps to ten lookups could not be looked up in full.")
    return notes


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
