"""What check `dmarc` says about a record's own text: rows 37 to 39, and 42, of the catalogue of checks."""

from reconciler.compliance.generator import DmarcWish, stage
from reconciler.compliance.records import dmarc, txt
from reconciler.compliance.records.dmarc import DmarcRecord
from reconciler.compliance.records.dmarc_walk import DmarcPolicy
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Note, remark


def policy_notes(subject: Subject, policy: DmarcPolicy) -> list[Note]:
    """The notes about the domain's own record."""
    record = policy.record
    if record.void:
        why = "; ".join(why for _, why in record.bad) or "it states no policy"
        text = f"{_upper(why)}. Without a valid policy and a URI in rua= the record counts as none (section 4.10.1)."
        return [Note("fail", "DMARC_VOID", "The DMARC record is not valid", text), *_slips(policy)]
    notes = [Note("warn", "DMARC_TAG", "A DMARC tag is not valid", f"{_upper(why)}.") for _, why in record.bad]
    if any(tag in dmarc.POLICY_TAGS for tag, _ in record.bad):
        text = "Because a policy is not valid, receivers act as if it were none (section 4.10.1)."
        notes.append(remark(text, "DMARC_AS_NONE"))
    elif record.p is None:
        text = "Without p= the policy is none; old receivers ignore the record."
        notes.append(Note("warn", "DMARC_NO_POLICY", "The policy is not stated", text))
    elif record.policy() == "none":
        notes.append(none_note(subject))
    if not record.rua:
        text = "Without rua= nobody reports to you who sends in the domain's name."
        notes.append(Note("warn", "DMARC_NO_RUA", "No reports are asked for", text))
    notes.extend(_below(record))
    if record.testing and record.policy() != "none":
        text = (
            f"t=y asks receivers to apply the policy one step weaker: {record.applied()} instead of {record.policy()}."
        )
        notes.append(Note("warn", "DMARC_TESTING", "The policy is marked as a test", text))
    return [*notes, *_alignment(subject, record), *_information(record), *_slips(policy)]


def none_note(subject: Subject) -> Note:
    """For the policy `none`: a mere remark where it was chosen, a warning where nothing or more is expected."""
    advice = stage(DmarcWish()).advice
    if subject.expected.dmarc_policy == "none" and subject.expected.dmarc_stated:
        return remark(f"The policy is none, as the product suggests. {advice}", "DMARC_NONE_CHOSEN")
    text = f"Mail in the domain's name is not stopped. {advice}"
    return Note("warn", "DMARC_NONE", "The policy is none", text)


def _below(record: DmarcRecord) -> list[Note]:
    own = record.policy()
    notes = []
    for tag, value in (("sp", record.sp), ("np", record.np)):
        if value is not None and dmarc.weaker(value, own):
            text = f"{tag}={value} is weaker than p={own}: subdomains are open to abuse."
            notes.append(Note("warn", "DMARC_WEAK_SUB", "Subdomains are protected less", text))
    return notes


def _alignment(subject: Subject, record: DmarcRecord) -> list[Note]:
    """Row 42, as far as is known: the server signs with `d=` the domain, and the return path is in the domain."""
    notes: list[Note] = []
    signing = subject.dkim
    if signing is not None and not (signing.active and signing.key) and record.applied() != "none":
        text = (
            f"The server does not sign, so that p={record.policy()} rests on SPF alone, and SPF fails wherever mail is "
            "forwarded (section 7.4). Let the server sign."
        )
        notes.append(Note("warn", "DMARC_SPF_ALONE", "The policy rests on SPF alone", text))
    if "s" in (record.adkim, record.aspf):
        strict = " and ".join(tag for tag in ("adkim", "aspf") if getattr(record, tag) == "s")
        text = (
            f"{strict} is strict. The server's own mail is aligned: it signs as {subject.domain} and names it in the "
            "return path. Whoever else sends for the domain must use exactly this name too."
        )
        notes.append(remark(text, "DMARC_STRICT"))
    return notes


def _information(record: DmarcRecord) -> list[Note]:
    notes = []
    if record.removed:
        gone = ", ".join(f"{tag}=" for tag in record.removed)
        text = f"RFC 9989 no longer has {gone} (appendix A.6); old receivers may still obey."
        if "pct" in record.removed:
            text += " Instead of pct=, t=y introduces a policy."
        notes.append(remark(text, "DMARC_REMOVED_TAG"))
    if record.limited:
        text = "RFC 9989 no longer has size limits in report addresses (!); old receivers may still obey."
        notes.append(remark(text, "DMARC_SIZE_LIMIT"))
    if record.unknown:
        shown = ", ".join(f"{tag[:30]}=" for tag in record.unknown[:5])
        notes.append(remark(f"Receivers ignore {shown}, which no version of DMARC has.", "DMARC_UNKNOWN_TAG"))
    if record.mixed:
        text = f"fo={record.fo}: RFC 9989 joins no digit with letters (section 4.8), so new receivers may read fo=0."
        notes.append(remark(text, "DMARC_FO_MIXED"))
    return notes


def _slips(policy: DmarcPolicy) -> list[Note]:
    slips = txt.slips(policy.text)
    return [remark(f"Look at how it is written: {', '.join(slips)}.", "DMARC_SLIP")] if slips else []


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("in ") else text
