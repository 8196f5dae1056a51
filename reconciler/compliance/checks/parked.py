"""Check `parked`: a domain that sends no mail declares that in DNS, so that receivers reject forged mail."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance import generator, publish
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records import dkim, dmarc, spf
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, info_note, unknown
from reconciler.core.findings import Finding, Record
from reconciler.core.lookups import Answer, Mx

CODES: Mapping[str, str] = MappingProxyType(
    {
        "PARKED_OK": "SPF, DMARC and DKIM all declare that the domain sends no mail.",
        "PARKED_SPF": "The domain sends no mail (dns.sends: false), but its SPF record does not declare that. Publish "
        "v=spf1 -all and no other SPF record.",
        "PARKED_DMARC": "The domain sends no mail, but its DMARC record does not reject forged mail. Publish the "
        "proposed record.",
        "PARKED_DKIM": "The domain sends no mail, but does not revoke all DKIM keys. Publish an empty key at "
        "*._domainkey.",
        "PARKED_IMPLICIT_MX": "The domain has an address but no MX record, so servers try to deliver mail to that "
        "address. Publish the null MX.",
        "PARKED_RECEIVES": "The domain has an MX record and receives mail. That is compatible with sending none.",
    }
)
_BASIS = Basis(
    id="parked", reference="RFC 7505, RFC 7208 section 10.1.2, M3AAWG protecting parked domains", good_code="PARKED_OK"
)
_SPF = "v=spf1 -all"
_DKIM = "v=DKIM1; p="


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """MX, SPF, DMARC and the wildcard for keys; without an MX record, also the domain's addresses."""
    if subject.expected.sends:
        return
    yield subject.domain, "MX"
    yield subject.domain, "TXT"
    yield _dmarc_name(subject), "TXT"
    yield _dkim_name(subject), "TXT"
    answer = facts.known(subject.domain, "MX")
    if answer is not None and answer.outcome == "nodata":
        yield from facts.host_questions(subject.domain, every=True)


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; row 52 of the catalogue of checks."""
    # Each part gives its own notes and records, so a fix touches only the records that are wrong.
    parts = (
        _judge_mx(subject, facts),
        _judge_spf(subject, facts.answer(subject.domain, "TXT")),
        _judge_dmarc(subject, facts.answer(_dmarc_name(subject), "TXT")),
        _judge_dkim(subject, facts.answer(_dkim_name(subject), "TXT")),
    )
    notes = [note for here, _, _ in parts for note in here]
    wanted = [record for _, _, here in parts for record in here]
    weak = [part for part in parts if any(note.status == "warn" for note in part[0])]
    fix = [record for _, _, here in weak for record in here]
    # A fix replaces the found records of the same names. So leave out correct records, or readers would delete them.
    names = {record.name for record in fix}
    found = [r for part in parts for r in part[1] if part in weak or r.name not in names]
    return conclude(
        _BASIS, notes, good="The domain declares that it sends no mail", expected=wanted, found=found, fix=fix
    )


_Part = tuple[list[Note], list[Record], list[Record]]
"""The notes, the records found, and the expected records."""


def _judge_mx(subject: Subject, facts: Facts) -> _Part:
    answer = facts.answer(subject.domain, "MX")
    if answer.unknown:
        return unknown([answer]), [], []
    targets = [r for r in answer.records if isinstance(r, Mx)]
    null = [Record(subject.domain, "MX", "0 .", publish.TTL)]
    # dns.sends: false is only about outgoing mail. A domain may still receive.
    if any(target.host for target in targets):
        text = "The domain has an MX record, so it receives mail. See the check mx."
        return [info_note(text, "PARKED_RECEIVES")], found_records(answer), []
    if targets:
        return [], found_records(answer), null
    # A domain without MX and address receives nothing anyway and needs no null MX.
    own = facts.host(subject.domain)
    if not own.addresses:
        return unknown(own.unknown), [], []
    text = (
        f"{subject.domain} has an address but no MX record, so servers deliver to the address (RFC 5321 section 5.1)."
    )
    return [Note("warn", "PARKED_IMPLICIT_MX", "The null MX is missing", text)], [], null


def _judge_spf(subject: Subject, answer: Answer) -> _Part:
    wanted = [publish.txt(subject.domain, _SPF)]
    if answer.unknown:
        return unknown([answer]), [], []
    records = [text for text in answer.texts() if spf.is_spf(text)]
    found = [Record(subject.domain, "TXT", text) for text in records]
    # Spelling and space do not matter to receivers, so a correct record stays as it is.
    if len(records) == 1 and records[0].lower().split() == _SPF.split():
        return [], found, [publish.txt(subject.domain, records[0])]
    text = f"SPF: {'; '.join(f'“{t[:60]}”' for t in records[:3]) or 'no record'}. Expected: {_SPF}."
    return [Note("warn", "PARKED_SPF", "SPF does not forbid all mail", text)], found, wanted


def _judge_dmarc(subject: Subject, answer: Answer) -> _Part:
    name = _dmarc_name(subject)
    if answer.unknown:
        return unknown([answer]), [], []
    records = [text for text in answer.texts() if dmarc.is_dmarc(text)]
    rua = publish.reports_to(subject.expected.dmarc_rua)
    # Keep the report addresses of the existing record: reports also show forged mail of parked domains.
    one = records[0] if len(records) == 1 else None
    wanted = [generator.record(subject.domain, generator.prefilled(subject.expected, (rua,) if rua else (), one).wish)]
    found = [Record(name, "TXT", text) for text in answer.texts()]
    if len(records) == 1 and _rejects(dmarc.parse(records[0])):
        return [], found, [publish.txt(name, records[0])]
    shown = "; ".join(f"“{t[:60]}”" for t in records[:3]) or "no record"
    text = f"DMARC: {shown}. Expected: p=reject, also for subdomains."
    return [Note("warn", "PARKED_DMARC", "DMARC does not reject forged mail", text)], found, wanted


def _rejects(record: dmarc.DmarcRecord) -> bool:
    return record.p == "reject" and {record.sp, record.np} <= {None, "reject"} and not record.testing


def _judge_dkim(subject: Subject, answer: Answer) -> _Part:
    name = _dkim_name(subject)
    if answer.unknown:
        return unknown([answer]), [], []
    found = found_records(answer)
    texts = answer.texts()
    # Keys at the usual selectors of other providers are covered by the wildcard too.
    if texts and all(dkim.parse_dkim(text).key == "" for text in texts):
        return [], found, [publish.txt(name, text) for text in texts] if not answer.aliases else []
    text = f"{name} has no empty key (p=). An empty key revokes all keys of the domain."
    return [Note("warn", "PARKED_DKIM", "DKIM keys are not revoked", text)], found, [publish.txt(name, _DKIM)]


def _dmarc_name(subject: Subject) -> str:
    return f"_dmarc.{subject.domain}"


def _dkim_name(subject: Subject) -> str:
    return f"*._domainkey.{subject.domain}"
