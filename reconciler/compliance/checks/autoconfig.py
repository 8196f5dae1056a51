"""Check `autoconfig`: the optional records for Thunderbird and calendar programs point to the server."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, info_note, skipped, unknown
from reconciler.core.findings import Finding, Record
from reconciler.core.lookups import Answer, Srv

CODES: Mapping[str, str] = MappingProxyType(
    {
        "AUTOCONFIG_OK": "The existing records point to the server.",
        "AUTOCONFIG_NONE": "There is no autoconfig host and no SRV record for calendars and contacts. They are "
        "optional: publish them only if the server offers these services.",
        "AUTOCONFIG_FOREIGN": "autoconfig.DOMAIN points to another server, and Thunderbird uses it. Publish the "
        "proposed record, or delete the existing one.",
        "AUTOCONFIG_DAV_FOREIGN": "The SRV record for calendars or contacts points to another server or port. Publish "
        "the proposed record, or delete the existing one.",
    }
)
_BASIS = Basis(
    id="autoconfig", reference="RFC 6764 section 3, Thunderbird autoconfiguration", good_code="AUTOCONFIG_OK"
)
_SERVICES = ("_caldavs", "_carddavs")
_PORT = 443


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """The SRV records and the host's addresses; the expected host's addresses only if they must be compared."""
    host, expected = _host(subject), subject.expected.autodiscover_host
    for service in _SERVICES:
        yield _name(service, subject), "SRV"
    yield from facts.host_questions(host, every=True)
    own = facts.host(host)
    if own.addresses and expected not in own.aliases:
        yield from facts.host_questions(expected, every=True)


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; row 50 of the catalogue of checks."""
    host = facts.answer(_host(subject), "A")
    more = facts.known(_host(subject), "AAAA")
    services = [facts.answer(_name(service, subject), "SRV") for service in _SERVICES]
    host_answers = [host, *([more] if more else [])]
    # A CNAME without an address is still a record that misleads mail programs.
    if all(answer.void and not answer.aliases for answer in (*host_answers, *services)):
        text = f"{_host(subject)} and the SRV records for calendars and contacts do not exist."
        return skipped(_BASIS, "AUTOCONFIG_NONE", "No autoconfig records", text)
    notes = _host_notes(subject, facts)
    fix = []
    # Only a wrong record gets a proposal. Whether the server has an autoconfig page is unknown.
    if any(note.code == "AUTOCONFIG_FOREIGN" for note in notes):
        fix.append(publish.cname(_host(subject), subject.expected.autodiscover_host))
    for service, answer in zip(_SERVICES, services, strict=True):
        here = unknown([answer]) if answer.unknown else _service_notes(subject, answer)
        if any(note.status == "warn" for note in here):
            fix.append(publish.srv(_name(service, subject), subject.expected.autodiscover_srv_target, _PORT))
        notes.extend(here)
    found = [record for answer in (*host_answers, *services) for record in found_records(answer)]
    good = f"All records point to {subject.expected.autodiscover_host}"
    return conclude(_BASIS, notes, good=good, expected=_expected(subject, found, fix), found=found, fix=fix)


def _expected(subject: Subject, found: list[Record], fix: list[Record]) -> list[Record]:
    """The records to publish, and the correct ones to keep."""
    fixed_names = {record.name for record in fix}
    ours = {_host(subject), *(_name(service, subject) for service in _SERVICES)}
    kept = (r for r in found if r.name in ours - fixed_names)
    return [*fix, *(Record(r.name, r.type, r.value, publish.TTL) for r in kept)]


def _host_notes(subject: Subject, facts: Facts) -> list[Note]:
    name, expected = _host(subject), subject.expected.autodiscover_host
    own, theirs = facts.host(name), facts.host(expected)
    if expected in own.aliases or expected == name:
        return []
    if not own.addresses:
        return unknown(own.unknown)
    if own.addresses & theirs.addresses:
        return []
    if own.unknown or theirs.unknown:
        return unknown((*own.unknown, *theirs.unknown))
    where = own.aliases[-1] if own.aliases else ", ".join(sorted(own.addresses)[:5])
    text = f"{name} points to {where} instead of {expected}."
    return [Note("warn", "AUTOCONFIG_FOREIGN", "Thunderbird uses another server", text)]


def _service_notes(subject: Subject, answer: Answer) -> list[Note]:
    expected = subject.expected.autodiscover_srv_target
    records = [r for r in answer.records if isinstance(r, Srv)]
    # The target “.” is a deliberate statement, so it is not a fault.
    if records and not any(r.target for r in records):
        return [info_note(f"{answer.name} declares that the service is not available.")]
    wrong = [r for r in records if (r.target, r.port) != (expected, _PORT)]
    if not wrong:
        return []
    shown = ", ".join(f"{r.target or '.'}:{r.port}" for r in wrong[:5])
    text = f"{answer.name} points to {shown} instead of {expected}:{_PORT}."
    return [Note("warn", "AUTOCONFIG_DAV_FOREIGN", "Calendar programs use another server", text)]


def _host(subject: Subject) -> str:
    return f"autoconfig.{subject.domain}"


def _name(service: str, subject: Subject) -> str:
    return f"{service}._tcp.{subject.domain}"
