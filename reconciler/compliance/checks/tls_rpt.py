"""Check `tls-rpt`: a record tells senders where to report TLS problems."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records import tags
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, unknown
from reconciler.core.findings import Finding, Record
from reconciler.core.lookups import Answer

CODES: Mapping[str, str] = MappingProxyType(
    {
        "TLS_RPT_OK": "The record is valid: senders report TLS problems.",
        "TLS_RPT_NONE": "The domain requests no TLS reports. They are optional: they show you when senders cannot "
        "deliver with TLS. Publish the proposed record if you want them.",
        "TLS_RPT_SEVERAL": "The domain has several TLS reporting records, so senders use none of them. Keep one.",
        "TLS_RPT_INVALID": "The TLS reporting record is not valid, so no sender reports. Publish the proposed record, "
        "or fix the named fault.",
    }
)
_BASIS = Basis(id="tls-rpt", reference="RFC 8460 section 3", good_code="TLS_RPT_OK")
_VERSION = re.compile(r"v[ \t]*=[ \t]*TLSRPTv1[ \t]*;")
_URI = re.compile(r"mailto:[^\s,!@;]{1,256}@[a-z0-9.-]{1,253}|https://[^\s,!;]{1,500}", re.IGNORECASE)


def questions(subject: Subject, _facts: Facts) -> Iterator[Question]:
    """TXT at `_smtp._tls`."""
    yield _name(subject), "TXT"


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; row 45 of the catalogue of checks."""
    answer = facts.answer(_name(subject), "TXT")
    if answer.unknown:
        return conclude(_BASIS, unknown([answer]), good="")
    records = _records(answer)
    # Senders ignore mistyped records, so the report must show them next to the proposed one.
    meant = [text for text in answer.texts() if tags.tidied(text).lower().replace(" ", "").startswith("v=tlsrpt")]
    found = found_records(answer)
    if not records and not meant:
        wanted = _wanted(subject, [])
        text = f"{_name(subject)} has no record, so senders do not report TLS problems."
        note = Note("skip", "TLS_RPT_NONE", "The domain requests no TLS reports", text)
        return conclude(_BASIS, [note], good="", expected=wanted, found=found)
    notes = _notes(subject, records, meant)
    # Keep addresses of the faulty record: someone already reads the reports there.
    fix = _wanted(subject, _usable(records or meant)) if notes else []
    kept = [publish.txt(_name(subject), text) for text in records]
    return conclude(
        _BASIS, notes, good="Senders report TLS problems", expected=fix if notes else kept, found=found, fix=fix
    )


def _notes(subject: Subject, records: list[str], meant: list[str]) -> list[Note]:
    if len(records) > 1:
        text = (
            f"The domain has {len(records)} TLS reporting records, so senders use none of them (section 3). Keep one."
        )
        return [Note("warn", "TLS_RPT_SEVERAL", "Several TLS reporting records", text)]
    title = "The TLS reporting record is not valid"
    if not records:
        why = "; ".join(tags.slips(meant[0])) or "it does not begin with v=TLSRPTv1; in this spelling"
        text = f"“{meant[0][:60]}” looks like a TLS reporting record, but {why}."
        return [Note("warn", "TLS_RPT_INVALID", title, text)]
    parsed = tags.parse(records[0])
    faults = list(parsed.faults)
    uris = [uri.strip() for uri in (parsed.get("rua") or "").split(",") if uri.strip()]
    if not uris:
        faults.append("it has no report address (rua=)")
    faults.extend(f"“{u[:60]}” is neither mailto:name@domain nor https://" for u in uris if not _URI.fullmatch(u))
    if not faults:
        return []
    return [Note("warn", "TLS_RPT_INVALID", title, f"The record at {_name(subject)}: {'; '.join(faults)}.")]


def _usable(texts: list[str]) -> list[str]:
    """The usable report addresses in some records. `mailto:` is added where it is missing."""
    found = [uri.strip() for text in texts for uri in (tags.parse(tags.tidied(text)).get("rua") or "").split(",")]
    completed = (uri if _URI.fullmatch(uri) else f"mailto:{uri}" for uri in found)
    return [uri for uri in dict.fromkeys(completed) if _URI.fullmatch(uri)]


def _wanted(subject: Subject, uris: list[str]) -> list[Record]:
    """The record to publish; empty without a report address. The default is the product's DMARC report address."""
    own = publish.reports_to(subject.expected.dmarc_rua)
    targets = [uri for uri in (uris or [own]) if _URI.fullmatch(uri)]
    return [publish.txt(_name(subject), f"v=TLSRPTv1; rua={','.join(targets)}")] if targets else []


def _records(answer: Answer) -> list[str]:
    return [text for text in answer.texts() if _VERSION.match(text)]


def _name(subject: Subject) -> str:
    return f"_smtp._tls.{subject.domain}"
