"""Check `spf`: the domain allows the mail server to send, in a record that receivers can use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from reconciler.compliance import publish
from reconciler.compliance.checks import spf_senders
from reconciler.compliance.checks.spf_notes import BESIDE, limit_notes, listed, style, surroundings
from reconciler.compliance.checks.spf_senders import Sent
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records import tags as txt
from reconciler.compliance.records.spf import Mechanism, SpfFault, SpfRecord, is_spf, parse, parse_mechanism
from reconciler.compliance.records.spf_tree import Tree, expand
from reconciler.compliance.records.spf_write import Merged, merge
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, remark, unknown
from reconciler.core.findings import Finding, Record, worst
from reconciler.core.lookups import Txt

# What the check `spf` may say: each code's meaning, and what to do.


CODES: Mapping[str, str] = MappingProxyType(
    {
        "SPF_OK": "The record is valid, keeps to the limits, and allows the mail server as far as that is known.",
        "SPF_MISSING": "No TXT record at the domain begins with v=spf1: receivers cannot tell its mail from forged "
        "mail. Publish the record that is proposed.",
        "SPF_MEANT": "A TXT record looks like an SPF record but is none, because of a slip such as quotes or a "
        "missing space. Delete it, and publish the record that is proposed.",
        "SPF_SEVERAL": "There are several SPF records, so receivers use none (RFC 7208 section 4.5). Publish the "
        "merged record that is proposed, and delete all others.",
        "SPF_INVALID": "A term is not valid, or leads to what cannot be evaluated: that voids the whole record "
        "(sections 4.6 and 5.2). Mend or remove the term that is named.",
        "SPF_JOINED": "The strings of the record are joined without anything between (section 3.3), and a space is "
        "missing there. Put it at the end of the first string.",
        "SPF_LOOKUPS": "More than ten terms query DNS, so receivers give up (section 4.6.4). Remove includes that "
        "are no longer used; the tree shows what each term costs.",
        "SPF_LOOKUPS_NEAR": "Nine or ten terms query DNS, ten are allowed: what others change in their records may "
        "break this one. Remove includes that are no longer used.",
        "SPF_VOID_LOOKUPS": "More than two of the names that it asks for do not exist, so receivers may give up "
        "(section 4.6.4). Remove the terms that are named.",
        "SPF_NOT_ALLOWED": "Neither the product's primary mechanism nor a secondary one stands in it as a term that "
        "gives a pass before all. Publish the record that is proposed.",
        "SPF_SECONDARY": "A mechanism is there that is accepted, but another one is recommended. Nothing has to be "
        "done.",
        "SPF_NOT_FOLLOWED": "Some terms depend on the mail being checked, so what they lead to is not in the tree.",
        "SPF_SENDER_REFUSED": "Evaluated as receivers do it (section 4), mail from one of the server's own "
        "addresses does not pass. Publish the record that is proposed, or mend the record of the include that "
        "should allow it.",
        "SPF_SENDER_UNKNOWN": "What decides about one of the server's addresses could not be looked up. Check again "
        "later.",
        "SPF_SENDER_PASSES": "Mail from the address passes, by the terms that are named.",
        "SPF_SENDER_NOWHERE": "A host in dns.spf.senders has no address. Correct the name, or take it out.",
        "SPF_SENDERS_NOT_KNOWN": "dns.spf.senders names no outbound addresses, so the record was not evaluated for "
        "them. State them in the product.",
        "SPF_EXPECTATION": "A mechanism of the product is none. Correct dns.spf in the product.",
        "SPF_NO_PRIMARY": "The product names no mechanism, so the record was judged by itself.",
        "SPF_ALL_PASS": "Everybody may send in the domain's name. Replace the term by ~all.",
        "SPF_NO_ALL": "Nothing is said about other senders. End the record with ~all.",
        "SPF_ALL_NEUTRAL": "?all says nothing about other senders. Replace it by ~all.",
        "SPF_ALL_FAIL": "-all may have mail rejected before DKIM and DMARC are looked at (RFC 9989 section 7.1). A "
        "choice.",
        "SPF_IGNORED": "Terms after all, or a redirect beside it, have no effect (sections 5.1 and 6.1). Move or "
        "remove them.",
        "SPF_PTR": "ptr is slow, many receivers skip it, and it should not be used (section 5.5). Use a, mx or ip4.",
        "SPF_PTR_INCLUDED": "A record that is included uses ptr. Its owner should use something else.",
        "SPF_LONG": "The record is so long that answers may not fit into one datagram (section 3.4). Shorten it.",
        "SPF_SENDER_ID": "A record of Sender ID (spf2.0), which nobody uses any more (RFC 4406 is historic). Delete "
        "it.",
        "SPF_ALIAS": "The domain is a CNAME, so its SPF record is that of another name and nothing can be published "
        "here.",
        "SPF_ALIAS_AND_DATA": "The domain is a CNAME and has other records too, which is not allowed: resolvers may "
        "answer either (RFC 1034 section 3.6.2). Remove the CNAME.",
        "SPF_NO_PROPOSAL": "A merged record would not be valid, so none is proposed; the reason is named.",
        "SPF_PROPOSAL": "What was changed in the record that is proposed, beside what was added.",
    }
)


__all__ = ["CODES", "judge", "questions"]

_BASIS = Basis(id="spf", reference="RFC 7208 sections 3 to 6", good_code="SPF_OK")


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A record to publish, what it leads to, and what it would say of the senders."""

    merged: Merged
    tree: Tree
    sent: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class _State:
    """What is published, what it says of the senders, and what would mend it."""

    records: tuple[SpfRecord, ...]
    strings: tuple[tuple[str, ...], ...]
    tree: Tree | None
    sent: tuple[Sent, ...]
    proposal: _Proposal | None


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """TXT of the domain, then what the record there, the senders and the record to propose lead to."""
    yield subject.domain, "TXT"
    yield from spf_senders.questions(subject)
    answer = facts.known(subject.domain, "TXT")
    if answer is None or answer.unknown:
        return
    if answer.aliases:
        yield from ((subject.domain, rtype) for rtype in BESIDE)
    state = _state(subject, facts)
    proposal = state.proposal
    for tree in (state.tree, proposal.tree if proposal else None):
        if tree is not None:
            yield from tree.open
    for sent in (*state.sent, *(proposal.sent if proposal else ())):
        yield from sent.evaluation.open


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 10 to 21 of the catalogue of checks."""
    answer = facts.answer(subject.domain, "TXT")
    if answer.unknown:
        return conclude(_BASIS, unknown([answer]), good="")
    state = _state(subject, facts)
    notes = [*_existence(state, answer.texts()), *_product(subject)]
    if state.tree is not None:
        notes.extend(_record_notes(subject, state, state.tree))
    notes.extend(surroundings(subject.domain, answer, facts))
    notes.extend(spf_senders.host_notes(subject, facts))
    fix: list[Record] = []
    if state.proposal is None:
        notes.extend(_in_the_way(subject, state))
    else:
        refusal = _refusal(subject, state.proposal)
        if refusal:
            notes.append(remark(refusal, "SPF_NO_PROPOSAL"))
        else:
            fix = [publish.txt(subject.domain, state.proposal.merged.text)]
            notes.extend(remark(text, "SPF_PROPOSAL") for text in _proposal_notes(state.proposal))
    if worst(note.status for note in notes) in ("pass", "warn", "skip") and not fix:
        expected = [publish.txt(subject.domain, record.text) for record in state.records]
    else:
        expected = fix
    found = [Record(subject.domain, "TXT", record.text) for record in state.records]
    finding = conclude(_BASIS, notes, good=_good(subject), expected=expected, found=found, fix=fix)
    return replace(finding, tree=state.tree.drawn() if state.tree else None)


def _good(subject: Subject) -> str:
    known = _primary(subject) is not None or subject.expected.spf_senders
    return "The record allows the mail server" if known else "The record is valid"


def _state(subject: Subject, facts: Facts) -> _State:
    answer = facts.answer(subject.domain, "TXT")
    published = [data for data in answer.records if isinstance(data, Txt) and is_spf(data.text)]
    strings = tuple(data.strings for data in published)
    records = tuple(parse(data.text) for data in published)
    if len(records) != 1:
        return _State(records, strings, None, (), _propose(subject, records, facts))
    tree = expand(subject.domain, records[0], facts.known)
    sent = spf_senders.evaluate(subject, facts)
    if tree.open or any(s.evaluation.open for s in sent) or not _needs_mending(subject, tree, sent):
        return _State(records, strings, tree, sent, None)
    return _State(records, strings, tree, sent, _propose(subject, records, facts))


def _propose(subject: Subject, records: tuple[SpfRecord, ...], facts: Facts) -> _Proposal | None:
    """What there is, with the primary mechanism where no expected one stands in it or a sender does not pass.

    A product without a primary mechanism has its senders' addresses added instead.
    """
    primary = _primary(subject)
    least = _proposal(subject, records, (), facts)
    if primary is not None and not _accepted(subject, least.tree):
        least = _proposal(subject, records, (primary,), facts)
    if any(s.evaluation.open for s in least.sent) or not any(s.refused for s in least.sent):
        best = least
    else:
        added = spf_senders.terms(least.sent) if primary is None else (primary,)
        more = _proposal(subject, records, added, facts)
        undecided = any(s.evaluation.open for s in more.sent)
        best = more if undecided or _refused(more.sent) < _refused(least.sent) else least
    nothing = not records and primary is None and not subject.expected.spf_senders
    if nothing or [record.text for record in records] == [best.merged.text]:
        return None
    return best


def _refused(sent: tuple[Sent, ...]) -> int:
    return sum(s.refused for s in sent)


def _proposal(
    subject: Subject, records: tuple[SpfRecord, ...], added: tuple[Mechanism, ...], facts: Facts
) -> _Proposal:
    merged = merge(subject.domain, records, added)
    find = spf_senders.publishing(merged.text, subject.domain, facts.known)
    tree = expand(subject.domain, parse(merged.text), find)
    return _Proposal(merged, tree, spf_senders.evaluate(subject, facts, find))


def _needs_mending(subject: Subject, tree: Tree, sent: tuple[Sent, ...]) -> bool:
    record = tree.root.record
    weak = tree.terminal is None or tree.terminal.qualifier in ("+", "?")
    if record.faults or record.ignored or weak or any(s.refused for s in sent):
        return True
    return _primary(subject) is not None and not tree.unknown and not _accepted(subject, tree)


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
            why = listed(txt.slips(text)) or "after v=spf1 a space is needed"
            notes.append(remark(f"“{text[:60]}” was probably meant as one, but {why}. Delete it.", "SPF_MEANT"))
    return notes


def _product(subject: Subject) -> list[Note]:
    """What the expectation itself leaves open, or has wrong."""
    notes = [
        Note(
            "warn", "SPF_EXPECTATION", "An expected mechanism is not usable", f"The product's SPF: “{f.term}”: {f.why}."
        )
        for text in (subject.expected.spf_primary, *subject.expected.spf_secondary)
        if text and isinstance(f := parse_mechanism(text), SpfFault)
    ]
    if subject.expected.spf_primary is None:
        judged = "existence and validity" + (", and the senders," if subject.expected.spf_senders else "")
        text = f"The product names no SPF mechanism, so only {judged} were judged."
        notes.append(remark(text, "SPF_NO_PRIMARY"))
    return notes


def _record_notes(subject: Subject, state: _State, tree: Tree) -> list[Note]:
    record = state.records[0]
    notes = [Note("fail", "SPF_INVALID", "The SPF record is not valid", f"{fault}.") for fault in tree.faults]
    if record.faults and len(state.strings[0]) > 1 and not parse(" ".join(state.strings[0])).faults:
        text = "Its strings are joined without a space: one is missing where a string ends."
        notes.append(remark(text, "SPF_JOINED"))
    notes.extend(limit_notes(tree))
    notes.extend(unknown(tree.unknown))
    notes.extend(_allowing(subject, tree, passing=bool(state.sent) and all(s.passes for s in state.sent)))
    notes.extend(spf_senders.sent_notes(state.sent))
    notes.extend(style(record, tree))
    return notes


def _allowing(subject: Subject, tree: Tree, *, passing: bool) -> list[Note]:
    """Row 11: the primary mechanism, or any of the secondary."""
    if _primary(subject) is None:
        return []
    accepted = _accepted(subject, tree)
    primary = subject.expected.spf_primary
    if accepted is None and not tree.unknown:
        text = f"It does not have {primary} as a term that gives a pass, before all."
        title = "The mail server is not allowed to send"
        if passing:
            title = "The expected SPF mechanism is not there"
            text += " The server's mail passes all the same, by other terms."
        notes = [Note("fail", "SPF_NOT_ALLOWED", title, text)]
        if tree.unfollowed:
            text = f"Not followed, because it depends on the sender: {listed(tree.unfollowed)}."
            notes.append(remark(text, "SPF_NOT_FOLLOWED"))
        return notes
    if accepted is not None and accepted != primary:
        return [remark(f"It has {accepted}, which is valid; {primary} is recommended.", "SPF_SECONDARY")]
    return []


def _in_the_way(subject: Subject, state: _State) -> list[Note]:
    """What to do where the record has all that it should, and a term in front makes nothing of it."""
    primary = subject.expected.spf_primary
    if state.tree is None or state.tree.broken or _primary(subject) is None:
        return []
    if _accepted(subject, state.tree) is None:
        front = _front(subject, state.tree)
        return [remark(front)] if front else []
    if not any(s.refused and s.evaluation.matched for s in state.sent):
        return []
    text = f"No record is proposed: take the term that refuses it out, or put {primary} before it."
    return [remark(text)]


def _front(subject: Subject, tree: Tree) -> str:
    """The term that refuses what the primary mechanism would allow, and what to do; empty where there is none."""
    primary = _primary(subject)
    front = tree.refusing(primary, subject.domain) if primary is not None else None
    what = f"take it out, or put {subject.expected.spf_primary} before it"
    return f"No record is proposed: {front[:80]} stands in front and matches first; {what}." if front else ""


def _refusal(subject: Subject, proposal: _Proposal) -> str:
    """Why the merged record must not be published; empty if it may."""
    if not proposal.tree.broken:
        return "" if _accepted(subject, proposal.tree) else _front(subject, proposal.tree)
    reasons = "; ".join(proposal.tree.broken)
    return f"No record is proposed, because “{proposal.merged.text[:200]}” would not be valid: {reasons}."


def _proposal_notes(proposal: _Proposal) -> list[str]:
    notes = [f"In the proposed record {note}." for note in proposal.merged.notes]
    if proposal.tree.unknown:
        notes.append("Whether the proposed record keeps to ten lookups could not be looked up in full.")
    notes.extend(
        f"With the proposed record mail from {s.who} still evaluates to {spf_senders.verdict(s)}; "
        "a record that is included has to be mended, or a term that stands before."
        for s in proposal.sent
        if s.refused
    )
    return notes
