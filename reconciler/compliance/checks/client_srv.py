"""Check `client-srv`: SRV records for IMAP and submission, if any, point to the server."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, info_note, unknown
from reconciler.core.findings import Finding, Record
from reconciler.core.lookups import Answer, Srv

CODES: Mapping[str, str] = MappingProxyType(
    {
        "CLIENT_SRV_OK": "The existing SRV records point to the server.",
        "CLIENT_SRV_NONE": "There are no SRV records for IMAP and submission. They are optional: mail programs that "
        "support RFC 6186 use them to configure themselves. Publish the proposed records if you want that.",
        "CLIENT_SRV_FOREIGN": "An SRV record points to another server. Publish the proposed record.",
        "CLIENT_SRV_PORT": "An SRV record contains the wrong port. Publish the proposed record.",
        "CLIENT_SRV_MIXED": "One record declares the service unavailable, another one available. Delete one of them.",
        "CLIENT_SRV_NOT_OFFERED": "A record declares the service unavailable (target “.”), so mail programs do not use "
        "it. Delete it if the server offers the service.",
    }
)
_BASIS = Basis(id="client-srv", reference="RFC 6186 section 3, RFC 8314 section 5.1", good_code="CLIENT_SRV_OK")
_PORTS: Mapping[str, int] = MappingProxyType({"_imaps": 993, "_submissions": 465, "_submission": 587})


def questions(subject: Subject, _facts: Facts) -> Iterator[Question]:
    """SRV of the three services."""
    for service in _PORTS:
        yield _name(service, subject), "SRV"


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; row 49 of the catalogue of checks."""
    notes: list[Note] = []
    found: list[Record] = []
    expected: list[Record] = []
    fix: list[Record] = []
    answers = {service: facts.answer(_name(service, subject), "SRV") for service in _PORTS}
    # These records are optional. A warning for each domain without them would hide real faults.
    if all(answer.void for answer in answers.values()):
        text = f"Mail programs find no SRV records ({', '.join(_PORTS)}), so they guess the settings or ask the user."
        note = Note("skip", "CLIENT_SRV_NONE", "No SRV records for mail programs", text)
        return conclude(_BASIS, [note], good="", expected=[_wanted(service, subject) for service in _PORTS])
    for service, answer in answers.items():
        here = unknown([answer]) if answer.unknown else _service_notes(service, answer, subject)
        found.extend(found_records(answer))
        if any(note.status == "warn" for note in here):
            fix.append(_wanted(service, subject))
        notes.extend(here)
    # A fix replaces all records of its name. Keep the correct records of the other names.
    fixed_names = {record.name for record in fix}
    kept = [
        Record(r.name, r.type, r.value, publish.TTL) for r in found if r.name not in fixed_names and r.type == "SRV"
    ]
    expected = [*fix, *(record for record in kept if record.name in {_name(s, subject) for s in _PORTS})]
    good = f"Mail programs find {subject.expected.autodiscover_srv_target}"
    return conclude(_BASIS, notes, good=good, expected=expected, found=found, fix=fix)


def _service_notes(service: str, answer: Answer, subject: Subject) -> list[Note]:
    records = [r for r in answer.records if isinstance(r, Srv)]
    name = _name(service, subject)
    offered = [r for r in records if r.target]
    if not offered:
        text = f"{name} declares that the service is not available."
        return [info_note(text, "CLIENT_SRV_NOT_OFFERED")] if records else []
    # RFC 2782 lets clients abort at the target “.”, so the other records may never be used.
    if len(offered) < len(records):
        text = f"{name} has the target “.” and others. A record with that target must be the only one (RFC 2782)."
        return [Note("warn", "CLIENT_SRV_MIXED", "Contradictory SRV records", text)]
    wanted = subject.expected.autodiscover_srv_target
    foreign = sorted({r.target for r in offered if r.target != wanted})
    if foreign:
        text = f"{name} points to {', '.join(foreign[:5])} instead of {wanted}."
        return [Note("warn", "CLIENT_SRV_FOREIGN", "Mail programs use another server", text)]
    ports = sorted({r.port for r in offered if r.port != _PORTS[service]})
    if ports:
        text = f"{name} contains port {', '.join(str(port) for port in ports[:5])} instead of {_PORTS[service]}."
        return [Note("warn", "CLIENT_SRV_PORT", "An SRV record contains the wrong port", text)]
    return []


def _wanted(service: str, subject: Subject) -> Record:
    return publish.srv(_name(service, subject), subject.expected.autodiscover_srv_target, _PORTS[service])


def _name(service: str, subject: Subject) -> str:
    return f"{service}._tcp.{subject.domain}"
