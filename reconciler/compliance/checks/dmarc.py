"""Check `dmarc`: a DMARC policy tells receivers how to treat forged mail."""

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

_BASIS = Basis(id="dmarc", reference="RFC 9989 sections 4.7 to 4.10, RFC 9990 section 4", good_code="DMARC_OK")
_SHOWN = 60
_MEANT = re.compile(r"v\s*=\s*dmarc|p\s*=\s*(?:none|quarantine|reject)\b", re.IGNORECASE)

CODES: Mapping[str, str] = MappingProxyType(
    {
        "DMARC_OK": "The domain has one valid DMARC record. No action needed.",
        "DMARC_NOT_ASKED": "The product does not require DMARC. Set dns.dmarc.check: true to enable this check.",
        "DMARC_MISSING": "Neither the domain nor a parent domain has a DMARC record. Publish the proposed record.",
        "DMARC_SEVERAL": "The domain has several DMARC records, so receivers use none of them. Keep one.",
        "DMARC_VOID": "The record has no valid policy and no report address, so receivers ignore it. Replace it.",
        "DMARC_AT_APEX": "The DMARC record is at the domain itself, where receivers do not look. Move it to _dmarc.",
        "DMARC_MISTYPED": "A record at _dmarc looks like a DMARC record but does not begin with exactly v=DMARC1, "
        "because of a space, quotation marks, a backslash or lower case. Replace it.",
        "DMARC_SPF_HERE": "An SPF record is at _dmarc, where it has no effect. Move it to the domain itself.",
        "DMARC_TAG": "A tag has an invalid value or appears twice, so receivers ignore it. Correct it.",
        "DMARC_AS_NONE": "One policy is not valid, so receivers treat all policies as none. Correct it.",
        "DMARC_NO_POLICY": "The record has no p=, so the policy is none and older receivers ignore the record. Add p=.",
        "DMARC_NONE": "The policy none blocks no mail. Read the reports for a month, then change the policy to "
        "quarantine.",
        "DMARC_NONE_CHOSEN": "The policy is none, as the product suggests. When all senders in the reports are "
        "aligned, change it to quarantine.",
        "DMARC_NO_RUA": "No one receives reports about senders that use the domain. Add rua=.",
        "DMARC_WEAK_SUB": "Subdomains have a weaker policy than the domain and can be abused. Remove sp= and np=.",
        "DMARC_TESTING": "t=y weakens the policy by one step. Remove it when all senders in the reports are aligned.",
        "DMARC_SPF_ALONE": "The policy quarantines or rejects mail, but the server does not sign it, so forwarded mail "
        "is lost. Enable DKIM signing on the server.",
        "DMARC_STRICT": "Alignment is strict. The server's own mail is aligned; other senders must use exactly the "
        "same domain.",
        "DMARC_REMOVED_TAG": "The record contains tags that RFC 9989 removed (pct, rf, ri). You can delete them.",
        "DMARC_SIZE_LIMIT": "A report address has a size limit, which RFC 9989 removed. You can delete it.",
        "DMARC_UNKNOWN_TAG": "The record contains a tag that no version of DMARC defines. Check it for typing errors.",
        "DMARC_FO_MIXED": "fo= combines 0 or 1 with letters, which RFC 9989 no longer allows. Use one form.",
        "DMARC_SLIP": "The record is valid but contains characters that are probably typing errors. Check it.",
        "DMARC_INHERITED": "The domain has no DMARC record. The record of a parent domain applies.",
        "DMARC_EXTERNAL": "Reports go to another organization's domain that does not accept them, so receivers send "
        "none. Ask its operator to publish the record in the details.",
        "DMARC_PERMISSION": "The proposed record sends reports to another domain. Ask its operator to publish the "
        "record in the details, unless both domains belong to one organization.",
        "DMARC_NO_MAIL": "The domain of a report address cannot receive mail. Use another address.",
        "DMARC_MANY_TARGETS": "The record has so many report addresses that the check covers only the first ones.",
        "DMARC_PRODUCT_RUA": "The product's report address is not valid in a DMARC record. Correct dns.dmarc.rua.",
    }
)
"""Codes of this check: meaning and remedy."""


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """TXT at `_dmarc`. With a record there, its report targets; without one, the tree walk and the domain's own TXT."""
    if not subject.expected.dmarc_check:
        return
    yield _name(subject.domain), "TXT"
    own = facts.known(_name(subject.domain), "TXT")
    if own is None or own.unknown:
        return
    policy = policy_at(subject.domain, own)
    if policy is not None:
        if not policy.record.void:
            # Receivers ignore a void record, so its report addresses need no lookups.
            yield from dmarc_reports.questions(subject.domain, policy.record, facts)
    # Several records are a fault by themselves. A tree walk would not help to fix it.
    elif not _records(own):
        # Users often publish the record at the domain itself. The lookup detects that mistake.
        yield subject.domain, "TXT"
        walk = _walk(subject.domain, facts)
        if walk.open is not None:
            yield _name(walk.open), "TXT"


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 35 to 43 of the catalogue of checks."""
    if not subject.expected.dmarc_check:
        text = "The product does not require DMARC (dns.dmarc.check)."
        return skipped(_BASIS, "DMARC_NOT_ASKED", "DMARC is not checked", text)
    own = facts.answer(_name(subject.domain), "TXT")
    if own.unknown:
        return conclude(_BASIS, unknown([own]), good="")
    records = _records(own)
    policy = policy_at(subject.domain, own)
    if policy is not None:
        # One valid record at the domain applies, regardless of the records of parent domains.
        return _with_own(subject, facts, policy, own)
    if records:
        text = f"The domain has {len(records)} DMARC records, so receivers use none of them (section 4.10). Keep one."
        return _proposal(subject, own, [Note("fail", "DMARC_SEVERAL", "Several DMARC records", text)])
    return _without_own(subject, facts, own)


def _with_own(subject: Subject, facts: Facts, policy: DmarcPolicy, own: Answer) -> Finding:
    notes = _policy_notes(subject, policy)
    wish = _wish(subject, policy.text)
    wanted = generator.record(subject.domain, wish)
    # Judge the proposed record with the same function to see whether it really has fewer problems.
    after = _policy_notes(subject, DmarcPolicy(subject.domain, wanted.value, dmarc.parse(wanted.value)))
    # Propose a record only if it has fewer problems. Replacing p=none by p=none would help nobody.
    helps = _count_problems(after) < _count_problems(notes)
    permissions = _permissions(subject.domain, wish, policy) if helps else ()
    reports = dmarc_reports.Reports((), ())
    if not policy.record.void:
        reports = dmarc_reports.judge(subject.domain, policy.record, facts)
    product = _product_notes(subject) if helps else []
    return conclude(
        _BASIS,
        [*notes, *reports.notes, *_misplaced_notes(subject.domain, own), *_permission_notes(permissions), *product],
        good=f"The policy is {policy.record.policy()}",
        expected=[wanted if helps else publish.txt(_name(subject.domain), policy.text)],
        found=found_records(own),
        fix=[wanted] if helps else [],
        elsewhere=[*reports.elsewhere, *permissions],
    )


def _count_problems(notes: list[Note]) -> int:
    return sum(note.status != "pass" for note in notes)


def _without_own(subject: Subject, facts: Facts, own: Answer) -> Finding:
    """Row 36: the policy of a parent domain applies; without one there is no DMARC."""
    walk = _walk(subject.domain, facts)
    if walk.unknown is not None:
        return conclude(_BASIS, unknown([walk.unknown]), good="", found=found_records(own))
    apex = facts.known(subject.domain, "TXT")
    # A user with a mistyped record believes that DMARC is active, so the mistake comes before the missing record.
    wrong = _mistake_notes(subject.domain, own, apex)
    # Receivers treat a void record of a parent like no record.
    if walk.above is None or walk.above.record.void:
        missing = f"Neither {_name(subject.domain)} nor a parent domain has a DMARC record."
        return _proposal(subject, own, [*wrong, Note("fail", "DMARC_MISSING", "No DMARC record", missing)])
    above, exists = walk.above, apex is None or apex.outcome != "nxdomain"
    effective = above.record.applied(below=True, exists=exists)
    tag = above.record.policy_tag(below=True, exists=exists)
    lowered = ", weakened by t=y" if above.record.testing else ""
    text = (
        f"The domain has no DMARC record. The record of {above.domain} applies, with the policy {effective} "
        f"({tag}={above.record.policy(below=True, exists=exists)}{lowered})."
    )
    # A mistyped record at this domain is a fault even if the record of a parent applies.
    notes = [info_note(text, "DMARC_INHERITED"), *(_as_warning(note) for note in wrong)]
    # For this domain, an inherited none is as weak as its own.
    if effective == "none":
        notes.append(_policy_none_note(subject))
    wish = _wish(subject, None)
    wanted = [generator.record(subject.domain, wish)]
    # An own record makes sense only if it is stronger than the inherited one or replaces a faulty one.
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
    # Receivers still apply a policy, so a failure would exaggerate.
    return replace(note, status="warn") if note.status == "fail" else note


def _proposal(subject: Subject, own: Answer, notes: Sequence[Note]) -> Finding:
    """The finding if a record must be published and nothing of the published ones can be kept."""
    wish = _wish(subject, None)
    wanted = [generator.record(subject.domain, wish)]
    permissions = _permissions(subject.domain, wish, None)
    all_notes = [*notes, *_permission_notes(permissions), *_product_notes(subject)]
    return conclude(
        _BASIS, all_notes, good="", expected=wanted, found=found_records(own), fix=wanted, elsewhere=permissions
    )


def _wish(subject: Subject, published: str | None) -> DmarcWish:
    """The content of the proposed record. It weakens nothing that is published, and it is not marked as a test."""
    # The stages with t=y are a decision for the owner, see `dns dmarc`. A check proposes only the expected state.
    return replace(generator.prefilled(subject.expected, _product_rua(subject), published).wish, testing=False)


def _product_rua(subject: Subject) -> tuple[str, ...]:
    try:
        return (report_uri(subject.expected.dmarc_rua),) if subject.expected.dmarc_rua else ()
    except ValueError:
        return ()


def _product_notes(subject: Subject) -> list[Note]:
    if not subject.expected.dmarc_rua or _product_rua(subject):
        return []
    text = "The product's report address (dns.dmarc.rua) is not valid, so the proposed record does not contain it."
    return [info_note(text, "DMARC_PRODUCT_RUA")]


def _permissions(domain: str, wish: DmarcWish, present: DmarcPolicy | None) -> tuple[Record, ...]:
    """The permissions for report addresses that are new in a proposed record. The others are looked up."""
    known = {uri.host for uri in (*present.record.rua, *present.record.ruf)} if present else set()
    # The check of the present record already reports missing permissions of its targets.
    looked_up = {generator.permission(domain, host) for host in known} if present and not present.record.void else set()
    return tuple(record for record in generator.permissions(domain, wish) if record not in looked_up)


def _permission_notes(records: Sequence[Record]) -> list[Note]:
    return [
        info_note(
            "For the reports of the proposed record, this record must also exist: "
            f'{record.name}. IN TXT "{record.value}"',
            "DMARC_PERMISSION",
        )
        for record in records
    ]


def _mistake_notes(domain: str, own: Answer, apex: Answer | None) -> list[Note]:
    """Row 43: the usual mistakes of domains that seem to have no DMARC record.

    Args:
        own: the TXT records at `_dmarc`.
        apex: the TXT records at the domain itself; None = not looked up.
    """
    notes = []
    if apex is not None and any(dmarc.is_dmarc(_tidied(text)) for text in apex.texts()):
        text = f"A DMARC record is at {domain} itself, where receivers do not look. Move it to _dmarc.{domain}."
        notes.append(Note("fail", "DMARC_AT_APEX", "The DMARC record is in the wrong place", text))
    for text in own.texts():
        # `_dmarc` may contain unrelated texts, such as verification tokens. Only similar texts are mistakes.
        if dmarc.is_dmarc(text) or not _MEANT.match(tags.tidied(text)):
            continue
        why = ", ".join(tags.slips(text)) or _version(text)
        text = f"“{text[:_SHOWN]}” looks like a DMARC record, but {why}."
        notes.append(Note("fail", "DMARC_MISTYPED", "The DMARC record is mistyped", text))
    return [*notes, *_misplaced_notes(domain, own)]


def _misplaced_notes(domain: str, own: Answer) -> list[Note]:
    """Row 43: records at `_dmarc` that belong elsewhere."""
    if any(spf.is_spf(text) for text in own.texts()):
        text = f"An SPF record is at _dmarc.{domain}. Move it to {domain}."
        return [info_note(text, "DMARC_SPF_HERE")]
    return []


def _version(text: str) -> str:
    if re.match(r"v\s*=\s*DMARC1\b", text, re.IGNORECASE) and not text.partition("=")[2].lstrip().startswith("DMARC1"):
        return "DMARC1 must be in upper case"
    if re.search(r";\s*v\s*=\s*DMARC1\s*(?:;|$)", text):
        return "v=DMARC1 must be the first tag"
    return "it must begin with v=DMARC1; in exactly this spelling"


def _tidied(text: str) -> str:
    return text if dmarc.is_dmarc(text) else tags.tidied(text)


def _policy_notes(subject: Subject, policy: DmarcPolicy) -> list[Note]:
    """Rows 37 to 39 and 42: the notes about the domain's own record."""
    record = policy.record
    # A void record has no effect, so notes about its other tags would distract from the cause.
    if record.void:
        why = "; ".join(why for _, why in record.bad) or "it has no policy"
        text = f"{_upper(why)}. Without a valid policy and a URI in rua=, receivers ignore the record (section 4.10.1)."
        return [Note("fail", "DMARC_VOID", "The DMARC record is not valid", text), *_slips(policy)]
    notes = [Note("warn", "DMARC_TAG", "A DMARC tag is not valid", f"{_upper(why)}.") for _, why in record.bad]
    if any(tag in dmarc.POLICY_TAGS for tag, _ in record.bad):
        text = "Because a policy is not valid, receivers treat all policies as none (section 4.10.1)."
        notes.append(info_note(text, "DMARC_AS_NONE"))
    # Such a record has an effect only because it has a report address (RFC 9989 section 4.10.1).
    elif record.p is None:
        text = "Without p=, the policy is none, and older receivers ignore the record."
        notes.append(Note("warn", "DMARC_NO_POLICY", "The policy (p=) is missing", text))
    elif record.policy() == "none":
        notes.append(_policy_none_note(subject))
    if not record.rua:
        text = "Without rua=, you receive no reports about senders that use the domain."
        notes.append(Note("warn", "DMARC_NO_RUA", "The record requests no reports", text))
    notes.extend(_below(record))
    # With the policy none, t=y has no effect and is harmless.
    if record.testing and record.policy() != "none":
        text = f"t=y asks receivers to weaken the policy by one step: {record.applied()} instead of {record.policy()}."
        notes.append(Note("warn", "DMARC_TESTING", "The policy is marked as a test", text))
    return [*notes, *_alignment(subject, record), *_information(record), *_slips(policy)]


def _policy_none_note(subject: Subject) -> Note:
    """The note about the policy `none`: information if the product chose it, otherwise a warning."""
    advice = stage(DmarcWish()).advice
    if subject.expected.dmarc_policy == "none" and subject.expected.dmarc_stated:
        return info_note(f"The policy is none, as the product suggests. {advice}", "DMARC_NONE_CHOSEN")
    text = f"Receivers do not block forged mail. {advice}"
    return Note("warn", "DMARC_NONE", "The policy is none", text)


def _below(record: DmarcRecord) -> list[Note]:
    own = record.policy()
    notes = []
    for tag, value in (("sp", record.sp), ("np", record.np)):
        # Attackers choose the weakest name of an organization, often a nonexistent subdomain.
        if value is not None and dmarc.weaker(value, own):
            text = f"{tag}={value} is weaker than p={own}, so subdomains can be abused."
            notes.append(Note("warn", "DMARC_WEAK_SUB", "Subdomains have a weaker policy", text))
    return notes


def _alignment(subject: Subject, record: DmarcRecord) -> list[Note]:
    """Row 42. The check assumes that the server signs with `d=` the domain and uses a return path in the domain."""
    notes: list[Note] = []
    signing = subject.dkim
    # Only known DKIM settings count. An unknown key must not cause a warning.
    if signing is not None and not (signing.active and signing.key) and record.applied() != "none":
        text = (
            f"The server does not sign mail, so p={record.policy()} depends on SPF alone, and SPF fails for forwarded "
            "mail (section 7.4). Enable DKIM signing on the server."
        )
        notes.append(Note("warn", "DMARC_SPF_ALONE", "The policy depends on SPF alone", text))
    if "s" in (record.adkim, record.aspf):
        strict = " and ".join(tag for tag in ("adkim", "aspf") if getattr(record, tag) == "s")
        text = (
            f"{strict} is strict. The server's own mail is aligned: it signs as {subject.domain} and uses it in the "
            "return path. All other senders for the domain must use exactly this name."
        )
        notes.append(info_note(text, "DMARC_STRICT"))
    return notes


def _information(record: DmarcRecord) -> list[Note]:
    notes = []
    if record.removed:
        removed = ", ".join(f"{tag}=" for tag in record.removed)
        text = f"RFC 9989 removed {removed} (appendix A.6). Older receivers may still use it."
        if "pct" in record.removed:
            text += " Use t=y instead of pct= to introduce a policy."
        notes.append(info_note(text, "DMARC_REMOVED_TAG"))
    if record.limited:
        text = "RFC 9989 removed size limits in report addresses (!). Older receivers may still use them."
        notes.append(info_note(text, "DMARC_SIZE_LIMIT"))
    if record.unknown:
        shown = ", ".join(f"{tag[:30]}=" for tag in record.unknown[:5])
        notes.append(info_note(f"Receivers ignore {shown}, which no version of DMARC defines.", "DMARC_UNKNOWN_TAG"))
    if record.mixed:
        text = (
            f"fo={record.fo}: RFC 9989 does not combine digits and letters (section 4.8). New receivers may read fo=0."
        )
        notes.append(info_note(text, "DMARC_FO_MIXED"))
    return notes


def _slips(policy: DmarcPolicy) -> list[Note]:
    # The record is valid in spite of these characters, so they are information only.
    slips = tags.slips(policy.text)
    return [info_note(f"Possible typing errors: {', '.join(slips)}.", "DMARC_SLIP")] if slips else []


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("in ") else text


def _walk(domain: str, facts: Facts) -> TreeWalk:
    return follow(domain, lambda name: facts.known(_name(name), "TXT"))


def _records(answer: Answer) -> list[str]:
    return [text for text in answer.texts() if dmarc.is_dmarc(text)]


def _name(domain: str) -> str:
    return f"_dmarc.{domain}"
