"""Check `dmarc`: the domain says what receivers should do with mail that is not its own."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records import dmarc, spf, txt
from reconciler.compliance.records.dmarc import DmarcRecord
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, remark, skipped, unknown
from reconciler.core.dns import Answer
from reconciler.core.findings import Finding, Record

_BASIS = Basis(id="dmarc", reference="RFC 9989 sections 4.7 to 4.10", good_code="DMARC_OK")


@dataclass(frozen=True, slots=True)
class _Policy:
    """The record that applies: the domain's own, or that of a domain above it."""

    domain: str
    text: str
    record: DmarcRecord


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """TXT at `_dmarc`; without a record there, the tree walk upwards, and the domain itself for misplaced records."""
    if not subject.expected.dmarc_check:
        return
    for domain in dmarc.walk(subject.domain):
        yield _name(domain), "TXT"
        answer = facts.known(_name(domain), "TXT")
        if answer is None or answer.unknown:
            return
        records = _records(answer)
        if domain == subject.domain:
            if records:
                return
            yield subject.domain, "TXT"
        if len(records) == 1 and dmarc.parse(records[0]).psd in ("y", "n"):
            return


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 35 to 39 and 43 of the catalogue of checks."""
    if not subject.expected.dmarc_check:
        text = "The product does not ask for DMARC (dns.dmarc.check), so its absence is no fault."
        return skipped(_BASIS, "DMARC_NOT_ASKED", "DMARC is not checked", text)
    own = facts.answer(_name(subject.domain), "TXT")
    wanted = [_wanted(subject, None)]
    if own.unknown:
        return conclude(_BASIS, unknown([own]), good="")
    records = _records(own)
    found = [Record(_name(subject.domain), "TXT", text) for text in own.texts()]
    if len(records) > 1:
        text = f"There are {len(records)} DMARC records; receivers then use none (section 4.10). Keep one."
        notes = [Note("fail", "DMARC_SEVERAL", "There are several DMARC records", text)]
        return conclude(_BASIS, notes, good="", expected=wanted, found=found, fix=wanted)
    if records:
        policy = _Policy(subject.domain, records[0], dmarc.parse(records[0]))
        return _with_own(subject, policy, found)
    return _without_own(subject, facts, own, found)


def _with_own(subject: Subject, policy: _Policy, found: list[Record]) -> Finding:
    notes = _policy_notes(subject, policy)
    wanted = _wanted(subject, policy.record)
    then = _policy_notes(subject, _Policy(subject.domain, wanted.value, dmarc.parse(wanted.value)))
    # Only what makes fewer faults is proposed: p=none for p=none would change nothing.
    fix = [wanted] if _grave(then) < _grave(notes) else []
    keep = publish.txt(_name(subject.domain), policy.text)
    title = f"The policy is {policy.record.policy()}"
    return conclude(_BASIS, notes, good=title, expected=fix or [keep], found=found, fix=fix)


def _grave(notes: list[Note]) -> int:
    return sum(note.status != "pass" for note in notes)


def _without_own(subject: Subject, facts: Facts, own: Answer, found: list[Record]) -> Finding:
    """Row 36: the policy of a domain above applies; without one there is no DMARC."""
    wanted = [_wanted(subject, None)]
    above = _above(subject, facts)
    if isinstance(above, Answer):
        return conclude(_BASIS, unknown([above]), good="", found=found)
    if above is None:
        notes = [Note("fail", "DMARC_MISSING", "There is no DMARC record", f"{_name(subject.domain)} has none.")]
        notes.extend(_misplaced(facts, subject, own))
        return conclude(_BASIS, notes, good="", expected=wanted, found=found, fix=wanted)
    effective = above.record.policy(subdomain=True)
    place = Record(_name(above.domain), "TXT", above.text)
    text = f"The domain has no record of its own; the one of {above.domain} applies, with the policy {effective}."
    notes = [remark(text)]
    if effective == "none":
        notes.append(_none_note(subject))
    notes.extend(_misplaced(facts, subject, own))
    title = f"The policy of {above.domain} applies: {effective}"
    fix = wanted if subject.expected.dmarc_policy != "none" else []
    return conclude(
        _BASIS, notes, good=title, expected=fix if effective == "none" else [], found=[*found, place], fix=fix
    )


def _above(subject: Subject, facts: Facts) -> _Policy | Answer | None:
    """The policy found by the tree walk above the domain; an answer where it got none (section 4.10.1).

    The organizational domain is the one with `psd=n`, the one below a `psd=y`, or else the highest with a record.
    """
    candidates: list[_Policy] = []
    for domain in dmarc.walk(subject.domain)[1:]:
        answer = facts.known(_name(domain), "TXT")
        if answer is None:
            break
        if answer.unknown:
            return answer
        texts = _records(answer)
        if len(texts) != 1:
            continue
        policy = _Policy(domain, texts[0], dmarc.parse(texts[0]))
        if policy.record.psd == "y":
            # The registry's policy applies only where the organizational domain below it has none.
            return candidates[-1] if candidates else policy
        candidates.append(policy)
    return candidates[-1] if candidates else None


def _policy_notes(subject: Subject, policy: _Policy) -> list[Note]:
    """Rows 37 to 39 for the domain's own record."""
    record = policy.record
    if record.void:
        why = "; ".join(why for _, why in record.bad)
        text = f"{why}. Without a usable policy and a usable rua= the record counts as none (section 4.10.1)."
        return [Note("fail", "DMARC_VOID", "The DMARC record is not valid", text)]
    notes = [Note("warn", "DMARC_TAG", "A DMARC tag is not valid", f"{why}.") for _, why in record.bad]
    if any(tag in ("p", "sp", "np") for tag, _ in record.bad):
        notes.append(remark("Because a policy is not valid, receivers act as if it were none (section 4.10.1)."))
    if record.p is None:
        notes.append(Note("warn", "DMARC_NO_POLICY", "The policy is not stated", "Without p= the policy is none."))
    elif record.policy() == "none":
        notes.append(_none_note(subject))
    if not record.rua:
        text = "Without rua= nobody reports to you who sends in the domain's name."
        notes.append(Note("warn", "DMARC_NO_RUA", "No reports are asked for", text))
    own = record.policy()
    for tag, value in (("sp", record.sp), ("np", record.np)):
        if value is not None and dmarc.weaker(value, own):
            text = f"{tag}={value} is weaker than p={own}: subdomains are open to abuse."
            notes.append(Note("warn", "DMARC_WEAK_SUB", "Subdomains are protected less", text))
    if record.testing:
        text = "t=y asks receivers to apply the policy one step weaker."
        notes.append(Note("warn", "DMARC_TESTING", "The policy is marked as a test", text))
    notes.extend(_information(policy))
    return notes


def _information(policy: _Policy) -> list[Note]:
    record = policy.record
    notes = []
    if record.removed:
        gone = ", ".join(f"{tag}=" for tag in record.removed)
        notes.append(remark(f"RFC 9989 no longer has {gone} (appendix A.6); old receivers may still obey."))
    if record.sizes:
        notes.append(
            remark("RFC 9989 no longer has size limits in report addresses (!); old receivers may still obey.")
        )
    slips = txt.slips(policy.text)
    if slips:
        notes.append(remark(f"Look at how it is written: {', '.join(slips)}."))
    return notes


def _none_note(subject: Subject) -> Note:
    text = "p=none only asks for reports; mail in the domain's name is not stopped."
    if subject.expected.dmarc_policy == "none":
        text += " After a month of clean reports go on to quarantine, then reject (section 7.4)."
    return Note("warn", "DMARC_NONE", "The policy is none", text)


def _misplaced(facts: Facts, subject: Subject, own: Answer) -> list[Note]:
    """Row 43: a record that was meant for here, in the wrong place or written wrongly."""
    notes = []
    apex = facts.known(subject.domain, "TXT")
    if apex is not None and any(dmarc.is_dmarc(text) for text in apex.texts()):
        notes.append(
            remark(f"A DMARC record stands at {subject.domain} itself; it belongs at {_name(subject.domain)}.")
        )
    for text in own.texts():
        if spf.is_spf(text):
            notes.append(remark(f"At {_name(subject.domain)} stands an SPF record; it belongs at {subject.domain}."))
        elif txt.tidied(text).lower().startswith("v=dmarc1"):
            why = ", ".join(txt.slips(text)) or "it must begin with v=DMARC1, in exactly this case, and a semicolon"
            notes.append(remark(f"“{text[:60]}” was probably meant as one, but {why}."))
    return notes


def _wanted(subject: Subject, present: DmarcRecord | None) -> Record:
    """The record to publish. A policy or addresses for reports that are there already are not weakened."""
    expected = subject.expected
    rua: tuple[str, ...] = (dmarc.report_uri(expected.dmarc_rua),) if expected.dmarc_rua else ()
    policy: str = expected.dmarc_policy
    kept: tuple[tuple[str, str], ...] = ()
    if present is not None:
        rua = present.rua or rua
        policy = policy if present.p is None or dmarc.weaker(present.p, policy) else present.p
        kept = tuple(
            (tag, value)
            for tag, value in present.others
            if tag not in ("sp", "np") or not dmarc.weaker(value.lower(), policy)
        )
    return publish.txt(_name(subject.domain), dmarc.compose(policy, rua, kept))


def _records(answer: Answer) -> list[str]:
    return [text for text in answer.texts() if dmarc.is_dmarc(text)]


def _name(domain: str) -> str:
    return f"_dmarc.{domain}"
