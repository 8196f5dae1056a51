"""Check `spf`: a valid SPF record allows the mail server to send."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from reconciler.compliance import publish
from reconciler.compliance.checks import spf_senders
from reconciler.compliance.checks.spf_notes import OTHER_TYPES, limit_notes, listed, style, surroundings
from reconciler.compliance.checks.spf_senders import SenderResult
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records import tags
from reconciler.compliance.records.spf import Mechanism, SpfFault, SpfRecord, is_spf, parse_mechanism, parse_spf
from reconciler.compliance.records.spf_tree import Tree, build_tree
from reconciler.compliance.records.spf_write import Merged, merge
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, info_note, unknown
from reconciler.core.findings import Finding, Record, worst
from reconciler.core.lookups import Txt

CODES: Mapping[str, str] = MappingProxyType(
    {
        "SPF_OK": "The SPF record is valid and within the limits, and it allows the mail server as far as that is "
        "known.",
        "SPF_MISSING": "The domain has no TXT record that begins with v=spf1, so receivers cannot detect forged mail. "
        "Publish the proposed record.",
        "SPF_MEANT": "A TXT record looks like an SPF record but is not valid because of a typing error, such as "
        "quotation marks or a missing space. Delete it and publish the proposed record.",
        "SPF_SEVERAL": "The domain has several SPF records, so receivers use none of them (RFC 7208 section 4.5). "
        "Publish the proposed merged record and delete all others.",
        "SPF_INVALID": "A term is not valid, or a record that it includes cannot be evaluated. That invalidates the "
        "entire record (sections 4.6 and 5.2). Fix or remove the named term.",
        "SPF_JOINED": "Receivers join the strings of the record without a space (section 3.3), and a space is missing "
        "there. Add it at the end of the first string.",
        "SPF_LOOKUPS": "More than ten terms query DNS, so receivers reject the record (section 4.6.4). Remove unused "
        "includes. The tree shows the cost of each term.",
        "SPF_LOOKUPS_NEAR": "Nine or ten terms query DNS; the limit is ten. A change in an included record can break "
        "this one. Remove unused includes.",
        "SPF_VOID_LOOKUPS": "More than two of the queried names do not exist, so receivers may reject the record "
        "(section 4.6.4). Remove the named terms.",
        "SPF_NOT_ALLOWED": "The record does not contain the product's primary mechanism, or an accepted secondary one, "
        "with a pass before all. Publish the proposed record.",
        "SPF_SECONDARY": "The record contains an accepted mechanism, but not the recommended one. No action needed.",
        "SPF_NOT_FOLLOWED": "Some terms depend on the individual mail, so the tree does not include their targets.",
        "SPF_SENDER_REFUSED": "Mail from one of the server's own addresses does not pass when evaluated as receivers "
        "do (section 4). Publish the proposed record, or fix the included record that should allow the address.",
        "SPF_SENDER_UNKNOWN": "A lookup failed that decides whether mail from one of the server's addresses passes. "
        "Run the check again later.",
        "SPF_SENDER_PASSES": "Mail from the address passes by the named terms. No action needed.",
        "SPF_SENDER_NOWHERE": "A host in dns.spf.senders has no address. Correct or remove the name.",
        "SPF_SENDERS_NOT_KNOWN": "dns.spf.senders is empty, so the check did not evaluate the record for the server's "
        "outbound addresses. Set dns.spf.senders in the product.",
        "SPF_EXPECTATION": "The product contains an invalid SPF mechanism. Correct dns.spf in the product.",
        "SPF_NO_PRIMARY": "The product names no mechanism, so the check did not look for one.",
        "SPF_ALL_PASS": "The record allows every server to send for the domain. Replace the term with ~all.",
        "SPF_NO_ALL": "The record does not cover other senders. End it with ~all.",
        "SPF_ALL_NEUTRAL": "?all has no effect on other senders. Replace it with ~all.",
        "SPF_ALL_FAIL": "With -all, receivers may reject mail before they evaluate DKIM and DMARC (RFC 9989 section "
        "7.1). Use ~all unless you intend that.",
        "SPF_IGNORED": "Terms after all, and a redirect next to all, have no effect (sections 5.1 and 6.1). Move or "
        "remove them.",
        "SPF_PTR": "Do not use ptr (section 5.5): it is slow and many receivers skip it. Use a, mx or ip4.",
        "SPF_PTR_INCLUDED": "An included record uses ptr. Ask its owner to replace the term.",
        "SPF_LONG": "The record is so long that the answer may not fit into one datagram (section 3.4). Shorten it.",
        "SPF_SENDER_ID": "The domain has a Sender ID record (spf2.0), which receivers no longer use (RFC 4406 is "
        "historic). Delete it.",
        "SPF_ALIAS": "The domain is a CNAME, so its SPF record is that of the target. Replace the CNAME to publish "
        "records here.",
        "SPF_ALIAS_AND_DATA": "The domain has a CNAME and other records, which is not allowed: resolvers may return "
        "either (RFC 1034 section 3.6.2). Remove the CNAME.",
        "SPF_NO_PROPOSAL": "The check proposes no record, because the merged record would not be valid. The details "
        "name the reason.",
        "SPF_PROPOSAL": "How the proposed record differs from the published one, in addition to the added terms.",
    }
)
"""Codes of this check: meaning and remedy. Section numbers without a document are those of RFC 7208."""

_BASIS = Basis(id="spf", reference="RFC 7208 sections 3 to 6", good_code="SPF_OK")


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A record to publish, its tree, and its results for the senders."""

    merged: Merged
    tree: Tree
    sent: tuple[SenderResult, ...]


@dataclass(frozen=True, slots=True)
class _State:
    """The published records, their tree and results for the senders, and the record to publish instead."""

    records: tuple[SpfRecord, ...]
    strings: tuple[tuple[str, ...], ...]
    tree: Tree | None
    sent: tuple[SenderResult, ...]
    proposal: _Proposal | None


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """TXT of the domain; then the lookups of the published record, the senders and the record to propose."""
    yield subject.domain, "TXT"
    # Sender addresses do not depend on the record. Asking early allows parallel lookups.
    yield from spf_senders.questions(subject)
    answer = facts.known(subject.domain, "TXT")
    if answer is None or answer.unknown:
        return
    if answer.aliases:
        # MX and NS show whether the CNAME illegally coexists with other records.
        yield from ((subject.domain, rtype) for rtype in OTHER_TYPES)
    state = _state(subject, facts)
    proposal = state.proposal
    # The proposal has its own tree: an added include may lead to records that nobody looked up yet.
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
    # Without a proposal, a reader still needs a remedy if an earlier term blocks the mechanism.
    if state.proposal is None:
        notes.extend(_blocking_notes(subject, state))
    else:
        refusal = _refusal(subject, state.proposal)
        if refusal:
            notes.append(info_note(refusal, "SPF_NO_PROPOSAL"))
        else:
            fix = [publish.txt(subject.domain, state.proposal.merged.text)]
            notes.extend(info_note(text, "SPF_PROPOSAL") for text in _proposal_notes(state.proposal))
    # A passing or weak record may stay, so it is also the expected one.
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
    records = tuple(parse_spf(data.text) for data in published)
    # Receivers evaluate no record if there are several (RFC 7208 section 4.5). So there is no tree to judge.
    if len(records) != 1:
        return _State(records, strings, None, (), _propose(subject, records, facts))
    tree = build_tree(subject.domain, records[0], facts.known)
    sent = spf_senders.evaluate(subject, facts)
    # Proposals during the first rounds would ask questions that the complete tree makes unnecessary.
    if tree.open or any(s.evaluation.open for s in sent) or not _needs_fix(subject, tree, sent):
        return _State(records, strings, tree, sent, None)
    return _State(records, strings, tree, sent, _propose(subject, records, facts))


def _propose(subject: Subject, records: tuple[SpfRecord, ...], facts: Facts) -> _Proposal | None:
    """The published terms, plus the primary mechanism if no expected one is present or a sender does not pass.

    If the product has no primary mechanism, the addresses of its senders are added instead.
    """
    primary = _primary(subject)
    # Merging several records, or removing a fault, may be enough. So try without an addition first.
    least = _proposal(subject, records, (), facts)
    if primary is not None and not _accepted(subject, least.tree):
        least = _proposal(subject, records, (primary,), facts)
    # Prefer the smallest change: each added term costs lookups and needs maintenance.
    if any(s.evaluation.open for s in least.sent) or not any(s.refused for s in least.sent):
        best = least
    else:
        added = spf_senders.terms(least.sent) if primary is None else (primary,)
        more = _proposal(subject, records, added, facts)
        # While lookups are missing, prefer the larger proposal: its questions lead to a decision.
        undecided = any(s.evaluation.open for s in more.sent)
        best = more if undecided or _refused(more.sent) < _refused(least.sent) else least
    # Without any knowledge of the senders, a proposed record would lock out the mail server.
    nothing = not records and primary is None and not subject.expected.spf_senders
    if nothing or [record.text for record in records] == [best.merged.text]:
        return None
    return best


def _refused(sent: tuple[SenderResult, ...]) -> int:
    return sum(s.refused for s in sent)


def _proposal(
    subject: Subject, records: tuple[SpfRecord, ...], added: tuple[Mechanism, ...], facts: Facts
) -> _Proposal:
    merged = merge(subject.domain, records, added)
    find = spf_senders.publishing(merged.text, subject.domain, facts.known)
    tree = build_tree(subject.domain, parse_spf(merged.text), find)
    return _Proposal(merged, tree, spf_senders.evaluate(subject, facts, find))


def _needs_fix(subject: Subject, tree: Tree, sent: tuple[SenderResult, ...]) -> bool:
    record = tree.root.record
    # A record without an effective all protects nobody, so the proposal also adds ~all.
    weak = tree.terminal is None or tree.terminal.qualifier in ("+", "?")
    if record.faults or record.ignored or weak or any(s.refused for s in sent):
        return True
    return _primary(subject) is not None and not tree.unknown and not _accepted(subject, tree)


def _primary(subject: Subject) -> Mechanism | None:
    parsed = parse_mechanism(subject.expected.spf_primary) if subject.expected.spf_primary else None
    return parsed if isinstance(parsed, Mechanism) else None


def _accepted(subject: Subject, tree: Tree) -> str | None:
    """The expected mechanism in the record; the primary one if both are present."""
    for text in (subject.expected.spf_primary, *subject.expected.spf_secondary):
        # Invalid mechanisms of the product are reported by `_product`. Here they simply never match.
        wanted = parse_mechanism(text) if text else None
        if isinstance(wanted, Mechanism) and tree.allows(wanted, subject.domain):
            return text
    return None


def _existence(state: _State, texts: tuple[str, ...]) -> list[Note]:
    """Row 10: exactly one record."""
    if len(state.records) > 1:
        text = (
            f"The domain has {len(state.records)} SPF records, so receivers use none of them (section 4.5). Keep one."
        )
        return [Note("fail", "SPF_SEVERAL", "Several SPF records", text)]
    if state.records:
        return []
    notes = [Note("fail", "SPF_MISSING", "No SPF record", "No TXT record begins with v=spf1.")]
    for text in texts:
        # A record with a typing error does not count for receivers. Without this note, users see "no record" next to
        # their record.
        meant = tags.tidied(text)
        if is_spf(meant) or meant[:6].lower() == "v=spf1":
            why = listed(tags.slips(text)) or "a space is missing after v=spf1"
            notes.append(info_note(f"“{text[:60]}” looks like an SPF record, but {why}. Delete it.", "SPF_MEANT"))
    return notes


def _product(subject: Subject) -> list[Note]:
    """Mechanisms of the product that are missing or not valid."""
    notes = [
        Note(
            "warn", "SPF_EXPECTATION", "The product contains an invalid SPF mechanism", f"dns.spf: “{f.term}”: {f.why}."
        )
        for text in (subject.expected.spf_primary, *subject.expected.spf_secondary)
        if text and isinstance(f := parse_mechanism(text), SpfFault)
    ]
    if subject.expected.spf_primary is None:
        judged = "existence, validity and the senders" if subject.expected.spf_senders else "existence and validity"
        text = f"The product names no SPF mechanism, so the check covers only {judged}."
        notes.append(info_note(text, "SPF_NO_PRIMARY"))
    return notes


def _record_notes(subject: Subject, state: _State, tree: Tree) -> list[Note]:
    record = state.records[0]
    notes = [Note("fail", "SPF_INVALID", "The SPF record is not valid", f"{fault}.") for fault in tree.faults]
    # A hosting panel that splits a long value at a space loses that space, because strings are joined without one.
    if record.faults and len(state.strings[0]) > 1 and not parse_spf(" ".join(state.strings[0])).faults:
        text = "A space is missing at the end of a string: receivers join the strings without one."
        notes.append(info_note(text, "SPF_JOINED"))
    notes.extend(limit_notes(tree))
    notes.extend(unknown(tree.unknown))
    notes.extend(_allowing(subject, tree, passing=bool(state.sent) and all(s.passes for s in state.sent)))
    notes.extend(spf_senders.sent_notes(state.sent))
    notes.extend(style(record, tree))
    return notes


def _allowing(subject: Subject, tree: Tree, *, passing: bool) -> list[Note]:
    """Row 11: the primary mechanism, or one of the secondary mechanisms."""
    if _primary(subject) is None:
        return []
    accepted = _accepted(subject, tree)
    primary = subject.expected.spf_primary
    if accepted is None and not tree.unknown:
        text = f"The SPF record does not contain {primary} with a pass before all."
        title = "The mail server is not allowed to send"
        # The product's mechanism is a convention of the provider. If mail passes anyway, the title must not claim
        # otherwise.
        if passing:
            title = "The expected SPF mechanism is missing"
            text += " The server's mail still passes by other terms."
        notes = [Note("fail", "SPF_NOT_ALLOWED", title, text)]
        # An include with a macro may contain the mechanism, so the note tells that the search was incomplete.
        if tree.unfollowed:
            text = f"Not followed, because the target depends on the mail: {listed(tree.unfollowed)}."
            notes.append(info_note(text, "SPF_NOT_FOLLOWED"))
        return notes
    if accepted is not None and accepted != primary:
        return [info_note(f"The SPF record contains {accepted}. {primary} is recommended.", "SPF_SECONDARY")]
    return []


def _blocking_notes(subject: Subject, state: _State) -> list[Note]:
    """The remedy if the record contains the expected mechanism, but an earlier term matches first."""
    primary = subject.expected.spf_primary
    if state.tree is None or state.tree.broken or _primary(subject) is None:
        return []
    if _accepted(subject, state.tree) is None:
        front = _blocked_by(subject, state.tree)
        return [info_note(front)] if front else []
    if not any(s.refused and s.evaluation.matched for s in state.sent):
        return []
    text = f"No record is proposed. Remove the term that matches first, or put {primary} before it."
    return [info_note(text)]


def _blocked_by(subject: Subject, tree: Tree) -> str:
    """The term that matches before the primary mechanism, and the remedy; empty if there is none."""
    primary = _primary(subject)
    front = tree.refusing(primary, subject.domain) if primary is not None else None
    what = f"Remove it, or put {subject.expected.spf_primary} before it"
    return f"No record is proposed, because {front[:80]} matches first. {what}." if front else ""


def _refusal(subject: Subject, proposal: _Proposal) -> str:
    """The reason not to publish the merged record; empty if there is none."""
    if not proposal.tree.broken:
        return "" if _accepted(subject, proposal.tree) else _blocked_by(subject, proposal.tree)
    reasons = "; ".join(proposal.tree.broken)
    return f"No record is proposed, because “{proposal.merged.text[:200]}” would not be valid: {reasons}."


def _proposal_notes(proposal: _Proposal) -> list[str]:
    notes = [f"In the proposed record, {note}." for note in proposal.merged.notes]
    if proposal.tree.unknown:
        notes.append("A lookup failed, so the proposed record may need more than ten lookups.")
    notes.extend(
        f"With the proposed record, mail from {s.label} still evaluates to {spf_senders.result_text(s)}. "
        "Fix the included record, or remove the earlier term."
        for s in proposal.sent
        if s.refused
    )
    return notes
