"""Check `dane`: TLSA records, if mail hosts have any, are usable for senders."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance import trust
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records.addresses import is_askable
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, info_note, skipped, unknown
from reconciler.core.findings import Finding
from reconciler.core.lookups import Answer, Mx, Tlsa

CODES: Mapping[str, str] = MappingProxyType(
    {
        "DANE_OK": "All mail hosts pin their certificates with TLSA records in signed zones.",
        "DANE_NONE": "No mail host pins its certificate (TLSA). DANE is optional. No action needed.",
        "DANE_NO_MX": "The domain has no mail host, so there are no TLSA records to check.",
        "DANE_NOT_VALIDATED": "The resolver does not validate DNSSEC, and TLSA records are useless without it. Set "
        "dns.resolvers to a validating resolver.",
        "DANE_INSECURE": "TLSA records exist, but the zone of the domain or of the host is not signed, so senders "
        "ignore them. Sign the zones, or delete the records.",
        "DANE_UNUSABLE": "None of a host's TLSA records is usable for mail. Publish records with usage 2 or 3, "
        "selector 0 or 1 and a digest of the correct length, or delete them.",
        "DANE_BAD_RECORD": "A host has usable and unusable TLSA records. Delete the unusable ones.",
        "DANE_PARTIAL": "Some mail hosts pin their certificates and others do not, so an attacker can choose the "
        "others. Publish TLSA records for all hosts.",
    }
)
_BASIS = Basis(id="dane", reference="RFC 7672 sections 2.2 and 3.1", good_code="DANE_OK")
_MAX_HOSTS = 5
_DIGITS = {1: 64, 2: 128}
"""Hexadecimal digits of SHA-256 and SHA-512 (RFC 6698 section 2.1.3)."""


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """MX, and the address and TLSA of each host; the root zone if no answer has the AD bit."""
    yield subject.domain, "MX"
    hosts = _hosts(facts.known(subject.domain, "MX"))
    for host in hosts:
        yield host, "A"
        yield _name(host), "TLSA"
    seen = [a for a in (facts.known(subject.domain, "MX"), *(facts.known(h, "A") for h in hosts)) if a is not None]
    if hosts and len(seen) == 1 + len(hosts) and not any(answer.authenticated for answer in seen):
        yield trust.ROOT


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; row 46 of the catalogue of checks."""
    mx = facts.answer(subject.domain, "MX")
    if mx.unknown:
        return conclude(_BASIS, unknown([mx]), good="")
    hosts = _hosts(mx)
    if not hosts:
        text = f"{subject.domain} has no MX record that names a host."
        return skipped(_BASIS, "DANE_NO_MX", "No mail host", text)
    # TLSA records are only meaningful with DNSSEC. Without a validating resolver, any result would mislead.
    validates = trust.validates(facts, [mx, *(facts.answer(host, "A") for host in hosts)])
    if isinstance(validates, Answer):
        return conclude(_BASIS, unknown([validates]), good="")
    if not validates:
        text = "The resolver does not validate DNSSEC, and senders ignore TLSA records without validation."
        return skipped(_BASIS, "DANE_NOT_VALIDATED", "The resolver does not validate DNSSEC", text)
    answers = {host: facts.answer(_name(host), "TLSA") for host in hosts}
    silent = [answer for answer in answers.values() if answer.unknown]
    pinned = [host for host, answer in answers.items() if answer.outcome == "records"]
    # If a TLSA lookup failed, DANE may exist, and a failure would stop the delivery of mail.
    if not pinned and not silent:
        return skipped(_BASIS, "DANE_NONE", "No mail host pins its certificate", "DANE is optional.")
    notes = [note for host in pinned for note in _host_notes(host, mx, facts.answer(host, "A"), answers[host])]
    # An attacker who can block the pinned hosts moves the delivery to a host without TLSA.
    open_hosts = [host for host, answer in answers.items() if answer.void]
    if pinned and open_hosts:
        text = f"TLSA records exist for {', '.join(pinned)}, but not for {', '.join(open_hosts)}."
        notes.append(Note("warn", "DANE_PARTIAL", "Not every mail host pins its certificate", text))
    if silent:
        text = "While TLSA lookups fail, senders that use DANE delay the mail (section 2.2)."
        notes.extend([*unknown(silent), info_note(text)])
    notes.append(info_note("The check does not compare the certificate, because that needs a connection to port 25."))
    found = [record for answer in answers.values() for record in found_records(answer)]
    return conclude(_BASIS, notes, good=f"Certificates are pinned: {', '.join(pinned)}", found=found)


def _host_notes(host: str, mx: Answer, address: Answer, answer: Answer) -> list[Note]:
    if address.unknown:
        return unknown([address])
    if not trust.is_secure((mx, address, answer)):
        # All three answers must be secure (RFC 7672 section 2.2). Name the first one that is not.
        weak = next(a for a in (mx, address, answer) if not a.authenticated)
        text = f"{_name(host)} has TLSA records, but the {weak.rtype} records of {weak.name} are not signed."
        return [Note("warn", "DANE_INSECURE", "TLSA records without DNSSEC", text)]
    records = [r for r in answer.records if isinstance(r, Tlsa)]
    bad = [r for r in records if not _is_usable(r)]
    if not bad:
        return []
    shown = ", ".join(f"{r.usage} {r.selector} {r.matching} {r.data[:12]}…" for r in bad[:3])
    text = f"Senders cannot use these records at {_name(host)}: {shown}"
    # With only unusable records, senders must use TLS but cannot authenticate the host (RFC 7672 section 2.2).
    if len(bad) == len(records):
        return [Note("fail", "DANE_UNUSABLE", "No TLSA record is usable", text)]
    return [Note("warn", "DANE_BAD_RECORD", "A TLSA record is not usable", text)]


def _is_usable(record: Tlsa) -> bool:
    """Whether senders can use the record. Mail servers do not support usages 0 and 1 (RFC 7672 section 3.1.3)."""
    fits = len(record.data) == _DIGITS[record.matching] if record.matching in _DIGITS else bool(record.data)
    return record.usage in (2, 3) and record.selector in (0, 1) and record.matching in (0, 1, 2) and fits


def _hosts(answer: Answer | None) -> list[str]:
    hosts = [r.host for r in answer.records if isinstance(r, Mx)] if answer else []
    return [host for host in dict.fromkeys(hosts) if host and is_askable(_name(host))][:_MAX_HOSTS]


def _name(host: str) -> str:
    return f"_25._tcp.{host}"
