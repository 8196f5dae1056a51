"""Check `client-srv`: mail programs find IMAP and submission by their SRV records."""

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
        "CLIENT_SRV_OK": "The SRV records that are there lead to the server.",
        "CLIENT_SRV_NONE": "There are no SRV records for IMAP and submission. That is no fault; with them, mail "
        "programs that know RFC 6186 set themselves up.",
        "CLIENT_SRV_FOREIGN": "An SRV record sends mail programs to another server. Publish the one proposed.",
        "CLIENT_SRV_PORT": "An SRV record names another port than the service has. Publish the one proposed.",
        "CLIENT_SRV_MIXED": "A record says that the service is not offered, another that it is. Delete one of them.",
        "CLIENT_SRV_NOT_OFFERED": "A record says that a service is not offered (target “.”); mail programs believe it.",
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
    if all(answer.void for answer in answers.values()):
        text = f"Mail programs that look for {', '.join(_PORTS)} find nothing, and have to guess or ask."
        note = Note("skip", "CLIENT_SRV_NONE", "There are no SRV records for mail programs", text)
        return conclude(_BASIS, [note], good="", expected=[_wanted(service, subject) for service in _PORTS])
    for service, answer in answers.items():
        here = unknown([answer]) if answer.unknown else _service_notes(service, answer, subject)
        found.extend(found_records(answer))
        if any(note.status == "warn" for note in here):
            fix.append(_wanted(service, subject))
        notes.extend(here)
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
        text = f"{name} says that the service is not offered."
        return [info_note(text, "CLIENT_SRV_NOT_OFFERED")] if records else []
    if len(offered) < len(records):
        text = f"{name} has a target “.”, which must be the only record, and others (RFC 2782)."
        return [Note("warn", "CLIENT_SRV_MIXED", "A service is offered and is not", text)]
    wanted = subject.expected.autodiscover_srv_target
    foreign = sorted({r.target for r in offered if r.target != wanted})
    if foreign:
        text = f"{name} leads to {', '.join(foreign[:5])}, expected is {wanted}."
        return [Note("warn", "CLIENT_SRV_FOREIGN", "Mail programs are sent to another server", text)]
    ports = sorted({r.port for r in offered if r.port != _PORTS[service]})
    if ports:
        text = f"{name} names port {', '.join(str(port) for port in ports[:5])}, not {_PORTS[service]}."
        return [Note("warn", "CLIENT_SRV_PORT", "An SRV record names another port", text)]
    return []


def _wanted(service: str, subject: Subject) -> Record:
    return publish.srv(_name(service, subject), subject.expected.autodiscover_srv_target, _PORTS[service])


def _name(service: str, subject: Subject) -> str:
    return f"{service}._tcp.{subject.domain}"
