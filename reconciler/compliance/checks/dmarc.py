"""Check `dmarc`: the domain says what receivers should do with mail that is not its own."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from reconciler.compliance import generator, publish
from reconciler.compliance.checks import dmarc_reports
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.generator import DmarcWish, stage
from reconciler.compliance.records import dmarc, spf, tags
from reconciler.compliance.records.dmarc import DmarcRecord, report_uri
from reconciler.compliance.records.dmarc_walk import DmarcPolicy, TreeWalk, follow, policy_at
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, info_note, skipped, unknown
from reconciler.core.findings import Finding, Record
from reconciler.core.lookups import Answer

# What check `dmarc` says about records in the wrong place or written wrongly: row 43 of the catalogue of checks.


_SHOWN = 60
_MEANT = re.compile(r"v\s*=\s*dmarc|p\s*=\s*(?:none|quarantine|reject)\b", re.IGNORECASE)


def mistake_notes(domain: str, own: Answer, apex: Answer | None) -> list[Note]:
    """Why a domain that seems to have no record has none after all: the diagnosis of the usual mistake_notes.

    Args:
        own: the TXT records at `_dmarc`.
        apex: those at the domain itself, where they were asked for.
    """
    notes = []
    if apex is not None and any(dmarc.is_dmarc(_tidied(text)) for text in apex.texts()):
        text = f"A DMARC record stands at {domain} itself, where nobody looks; it belongs at _dmarc.{domain}."
        notes.append(Note("fail", "DMARC_AT_APEX", "The DMARC record is in the wrong place", text))
    for text in own.texts():
        if dmarc.is_dmarc(text) or not _MEANT.match(tags.tidied(text)):
            continue
        why = ", ".join(tags.slips(text)) or _version(text)
        text = f"“{text[:_SHOWN]}” was probably meant as one, but {why}."
        notes.append(Note("fail", "DMARC_MISTYPED", "The DMARC record is written wrongly", text))
    return [*notes, *misplaced_notes(domain, own)]


def misplaced_notes(domain: str, own: Answer) -> list[Note]:
    """What stands at `_dmarc` and belongs elsewhere."""
    if any(spf.is_spf(text) for text in own.texts()):
        text = f"At _dmarc.{domain} stands an SPF record; it belongs at {domain}."
        return [info_note(text, "DMARC_SPF_HERE")]
    return []


def _version(text: str) -> str:
    if re.match(r"v\s*=\s*DMARC1\b", text, re.IGNORECASE) and not text.partition("=")[2].lstrip().startswith("DMARC1"):
        return "DMARC1 must be in capitals"
    if re.search(r";\s*v\s*=\s*DMARC1\s*(?:;|$)", text):
        return "v=DMARC1 must stand first"
    return "it must begin with v=DMARC1, in exactly this case, and a semicolon"


def _tidied(text: str) -> str:
    return text if dmarc.is_dmarc(text) else tags.tidied(text)


# What check `dmarc` says about a record's own text: rows 37 to 39, and 42, of the catalogue of checks.


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
        notes.append(info_note(text, "DMARC_AS_NONE"))
    elif record.p is None:
        text = "Without p= the policy is none; old receivers ignore the record."
        notes.append(Note("warn", "DMARC_NO_POLICY", "The policy is not stated", text))
    elif record.policy() == "none":
        notes.append(policy_none_note(subject))
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


def policy_none_note(subject: Subject) -> Note:
    """For the policy `none`: a mere remark where it was chosen, a warning where nothing or more is expected."""
    advice = stage(DmarcWish()).advice
    if subject.expected.dmarc_policy == "none" and subject.expected.dmarc_stated:
        return info_note(f"The policy is none, as the product suggests. {advice}", "DMARC_NONE_CHOSEN")
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
        notes.append(info_note(text, "DMARC_STRICT"))
    return notes


def _information(record: DmarcRecord) -> list[Note]:
    notes = []
    if record.removed:
        gone = ", ".join(f"{tag}=" for tag in record.removed)
        text = f"RFC 9989 no longer has {gone} (appendix A.6); old receivers may still obey."
        if "pct" in record.removed:
            text += " Instead of pct=, t=y introduces a policy."
        notes.append(info_note(text, "DMARC_REMOVED_TAG"))
    if record.limited:
        text = "RFC 9989 no longer has size limits in report addresses (!); old receivers may still obey."
        notes.append(info_note(text, "DMARC_SIZE_LIMIT"))
    if record.unknown:
        shown = ", ".join(f"{tag[:30]}=" for tag in record.unknown[:5])
        notes.append(info_note(f"Receivers ignore {shown}, which no version of DMARC has.", "DMARC_UNKNOWN_TAG"))
    if record.mixed:
        text = f"fo={record.fo}: RFC 9989 joins no digit with letters (section 4.8), so new receivers may read fo=0."
        notes.append(info_note(text, "DMARC_FO_MIXED"))
    return notes


def _slips(policy: DmarcPolicy) -> list[Note]:
    slips = tags.slips(policy.text)
    return [info_note(f"Look at how it is written: {', '.join(slips)}.", "DMARC_SLIP")] if slips else []


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("in ") else text


_BASIS = Basis(id="dmarc", reference="RFC 9989 sections 4.7 to 4.10, RFC 9990 section 4", good_code="DMARC_OK")

CODES: Mapping[str, str] = MappingProxyType(
    {
        "DMARC_OK": "There is one valid policy record. Nothing is to be done.",
        "DMARC_NOT_ASKED": "The product does not ask for DMARC. Set dns.dmarc.check to have it checked.",
        "DMARC_MISSING": "Neither the domain nor one above it has a policy record. Publish the one that is shown.",
        "DMARC_SEVERAL": "There are several policy records, so that receivers use none of them. Keep one.",
        "DMARC_VOID": "No policy is valid and no reports are asked for, so that the record counts as none. Replace it.",
        "DMARC_AT_APEX": "The policy record stands at the domain itself, where nobody looks. Move it to _dmarc.",
        "DMARC_MISTYPED": "A record at _dmarc was meant as a policy, but does not begin with exactly v=DMARC1: a "
        "space, quotation marks, a backslash or small letters were typed. Replace it.",
        "DMARC_SPF_HERE": "An SPF record stands at _dmarc, where it has no effect. Move it to the domain itself.",
        "DMARC_TAG": "A tag's value is not allowed, or it stands there twice; receivers ignore it. Correct it.",
        "DMARC_AS_NONE": "One policy is not valid, so receivers treat all of them as none. Correct it.",
        "DMARC_NO_POLICY": "There is no p=, so that the policy is none, and old receivers ignore the record. Add it.",
        "DMARC_NONE": "The policy none stops no mail. Read the reports for a month, then go on to quarantine.",
        "DMARC_NONE_CHOSEN": "The policy is none, as the product suggests. When the reports are clean, go on to "
        "quarantine.",
        "DMARC_NO_RUA": "Nobody gets reports, so that nobody sees who sends in the domain's name. Add rua=.",
        "DMARC_WEAK_SUB": "Subdomains have a weaker policy than the domain, and are open to abuse. Drop sp= and np=.",
        "DMARC_TESTING": "t=y lowers the policy by one step. Leave it out when the reports are clean.",
        "DMARC_SPF_ALONE": "Mail is refused or sorted out though the server does not sign, so that forwarded mail is "
        "lost. Let the server sign.",
        "DMARC_STRICT": "Strict alignment: the server's own mail has it, other senders must use the very same domain.",
        "DMARC_REMOVED_TAG": "The record has tags that RFC 9989 removed (pct, rf, ri). They may be left out.",
        "DMARC_SIZE_LIMIT": "A report address has a size limit, which RFC 9989 removed. It may be left out.",
        "DMARC_UNKNOWN_TAG": "The record has a tag that no version of DMARC knows. Look for a slip of the pen.",
        "DMARC_FO_MIXED": "fo= joins 0 or 1 with letters, which RFC 9989 no longer has. Choose one form.",
        "DMARC_SLIP": "The record is valid, but holds characters that were probably not meant. Look at it.",
        "DMARC_INHERITED": "The domain has no record of its own; that of a domain above applies.",
        "DMARC_EXTERNAL": "Reports go to another organization's domain, which does not say that it takes them, so none "
        "are sent. Its operator must publish the record that is shown.",
        "DMARC_PERMISSION": "The record to publish sends reports to another domain. Its operator must allow that with "
        "the record that is shown, unless both belong to one organization.",
        "DMARC_NO_MAIL": "The domain of a report address cannot receive mail. Choose another address.",
        "DMARC_MANY_TARGETS": "The record names so many report addresses that only the first were looked at.",
        "DMARC_PRODUCT_RUA": "The product's report address cannot be used in a record. Correct dns.dmarc.rua.",
    }
)
"""What each code means, and what to do."""


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """TXT at `_dmarc`; with a record there where its reports go, else the tree walk and the domain's own TXT."""
    if not subject.expected.dmarc_check:
        return
    yield _name(subject.domain), "TXT"
    own = facts.known(_name(subject.domain), "TXT")
    if own is None or own.unknown:
        return
    policy = policy_at(subject.domain, own)
    if policy is not None:
        if not policy.record.void:
            yield from dmarc_reports.questions(subject.domain, policy.record, facts)
    elif not _records(own):
        yield subject.domain, "TXT"
        walk = _walk(subject.domain, facts)
        if walk.open is not None:
            yield _name(walk.open), "TXT"


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 35 to 43 of the catalogue of checks."""
    if not subject.expected.dmarc_check:
        text = "The product does not ask for DMARC (dns.dmarc.check), so its absence is no fault."
        return skipped(_BASIS, "DMARC_NOT_ASKED", "DMARC is not checked", text)
    own = facts.answer(_name(subject.domain), "TXT")
    if own.unknown:
        return conclude(_BASIS, unknown([own]), good="")
    records = _records(own)
    policy = policy_at(subject.domain, own)
    if policy is not None:
        return _with_own(subject, facts, policy, own)
    if records:
        text = f"There are {len(records)} DMARC records; receivers then use none (section 4.10). Keep one."
        return _proposal(subject, own, [Note("fail", "DMARC_SEVERAL", "There are several DMARC records", text)])
    return _without_own(subject, facts, own)


def _with_own(subject: Subject, facts: Facts, policy: DmarcPolicy, own: Answer) -> Finding:
    notes = policy_notes(subject, policy)
    wish = _wish(subject, policy.text)
    wanted = generator.record(subject.domain, wish)
    after = policy_notes(subject, DmarcPolicy(subject.domain, wanted.value, dmarc.parse(wanted.value)))
    # Only what makes fewer faults is proposed: p=none for p=none would change nothing.
    helps = _count_problems(after) < _count_problems(notes)
    permissions = _permissions(subject.domain, wish, policy) if helps else ()
    reports = dmarc_reports.Reports((), ())
    if not policy.record.void:
        reports = dmarc_reports.judge(subject.domain, policy.record, facts)
    product = _product_notes(subject) if helps else []
    return conclude(
        _BASIS,
        [*notes, *reports.notes, *misplaced_notes(subject.domain, own), *_permission_notes(permissions), *product],
        good=f"The policy is {policy.record.policy()}",
        expected=[wanted if helps else publish.txt(_name(subject.domain), policy.text)],
        found=found_records(own),
        fix=[wanted] if helps else [],
        elsewhere=[*reports.elsewhere, *permissions],
    )


def _count_problems(notes: list[Note]) -> int:
    return sum(note.status != "pass" for note in notes)


def _without_own(subject: Subject, facts: Facts, own: Answer) -> Finding:
    """Row 36: the policy of a domain above applies; without one there is no DMARC."""
    walk = _walk(subject.domain, facts)
    if walk.unknown is not None:
        return conclude(_BASIS, unknown([walk.unknown]), good="", found=found_records(own))
    apex = facts.known(subject.domain, "TXT")
    wrong = mistake_notes(subject.domain, own, apex)
    if walk.above is None or walk.above.record.void:
        missing = f"{_name(subject.domain)} has no DMARC record, nor has a domain above it."
        return _proposal(subject, own, [*wrong, Note("fail", "DMARC_MISSING", "There is no DMARC record", missing)])
    above, exists = walk.above, apex is None or apex.outcome != "nxdomain"
    effective = above.record.applied(below=True, exists=exists)
    tag = above.record.policy_tag(below=True, exists=exists)
    lowered = ", which t=y makes one step weaker" if above.record.testing else ""
    text = (
        f"The domain has no record of its own; the one of {above.domain} applies, with the policy {effective} "
        f"({tag}={above.record.policy(below=True, exists=exists)}{lowered})."
    )
    # A record that was meant to be here is a fault even where another one steps in.
    notes = [info_note(text, "DMARC_INHERITED"), *(_as_warning(note) for note in wrong)]
    if effective == "none":
        notes.append(policy_none_note(subject))
    wish = _wish(subject, None)
    wanted = [generator.record(subject.domain, wish)]
    better = dmarc.weaker(effective, wish.policy) or any(note.status != "pass" for note in notes)
    fix = wanted if better and wish.policy != "none" else []
    permissions = _permissions(subject.domain, wish, None) if fix else ()
    return conclude(
        _BASIS,
        [*notes, *_permission_notes(permissions)],
        good=f"The policy of {above.domain} applies: {effective}",
        expected=fix if any(note.status != "pass" for note in notes) else [],
        found=[*found_records(own), Record(_name(above.domain), "TXT", above.text)],
        fix=fix,
        elsewhere=permissions if any(note.status != "pass" for note in notes) else [],
    )


def _as_warning(note: Note) -> Note:
    return replace(note, status="warn") if note.status == "fail" else note


def _proposal(subject: Subject, own: Answer, notes: Sequence[Note]) -> Finding:
    """The finding where a record must be published, and nothing can be kept."""
    wish = _wish(subject, None)
    wanted = [generator.record(subject.domain, wish)]
    permissions = _permissions(subject.domain, wish, None)
    all_notes = [*notes, *_permission_notes(permissions), *_product_notes(subject)]
    return conclude(
        _BASIS, all_notes, good="", expected=wanted, found=found_records(own), fix=wanted, elsewhere=permissions
    )


def _wish(subject: Subject, published: str | None) -> DmarcWish:
    """What to propose. Nothing that is there already is weakened, and the policy is not marked as a test."""
    return replace(generator.prefilled(subject.expected, _product_rua(subject), published).wish, testing=False)


def _product_rua(subject: Subject) -> tuple[str, ...]:
    try:
        return (report_uri(subject.expected.dmarc_rua),) if subject.expected.dmarc_rua else ()
    except ValueError:
        return ()


def _product_notes(subject: Subject) -> list[Note]:
    if not subject.expected.dmarc_rua or _product_rua(subject):
        return []
    text = "The report address that the product suggests (dns.dmarc.rua) cannot be used, so it is left out here."
    return [info_note(text, "DMARC_PRODUCT_RUA")]


def _permissions(domain: str, wish: DmarcWish, present: DmarcPolicy | None) -> tuple[Record, ...]:
    """The permissions that a proposed record needs beyond those of the present one, which are looked up."""
    known = {uri.host for uri in (*present.record.rua, *present.record.ruf)} if present else set()
    looked_up = {generator.permission(domain, host) for host in known} if present and not present.record.void else set()
    return tuple(record for record in generator.permissions(domain, wish) if record not in looked_up)


def _permission_notes(records: Sequence[Record]) -> list[Note]:
    return [
        info_note(
            "For its reports to arrive, the record to publish needs another one, unless that is there already: "
            f'{record.name}. IN TXT "{record.value}"',
            "DMARC_PERMISSION",
        )
        for record in records
    ]


def _walk(domain: str, facts: Facts) -> TreeWalk:
    return follow(domain, lambda name: facts.known(_name(name), "TXT"))


def _records(answer: Answer) -> list[str]:
    return [text for text in answer.texts() if dmarc.is_dmarc(text)]


def _name(domain: str) -> str:
    return f"_dmarc.{domain}"
