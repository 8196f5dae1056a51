"""Check `delegation`: the domain's own name servers agree, and the resolver has their latest word."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance.facts import Direct, Facts, Wanted
from reconciler.compliance.records.addresses import is_askable
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, info_note, skipped, unknown
from reconciler.core.findings import Finding
from reconciler.core.lookups import Answer, Host, RecordType, Soa

CODES: Mapping[str, str] = MappingProxyType(
    {
        "DELEGATION_OK": "All name servers of the zone say the same, and so does the resolver.",
        "DELEGATION_NONE": "No name servers were found for the domain: there is no zone to ask for.",
        "DELEGATION_DIFFERS": "The zone's name servers publish different records, so what others see changes from one "
        "question to the next. Look at the server that was not updated, or wait until it is.",
        "DELEGATION_SERIAL": "The zone's name servers have different versions of the zone; what is judged here is the "
        "same in all of them. Wait for the transfer, or look at the one that is behind.",
        "DELEGATION_STALE": "The zone's name servers have newer records than the resolver, which remembers old ones: "
        "you added it, but it is red. Wait for the time that is named and check again.",
        "DELEGATION_NO_ADDRESS": "A name server of the zone has no address. Correct its name where the domain is "
        "registered, or delete it.",
        "DELEGATION_SERVER_UNKNOWN": "One name server was silent, refused, or is not responsible for the zone (lame): "
        "what it says is not known.",
    }
)
_BASIS = Basis(id="delegation", reference="RFC 1034 section 4.2, RFC 2308", good_code="DELEGATION_OK")
_MAX_SERVERS = 6
_MAX_PARENTS = 4
"""Names upwards at which the zone's beginning is looked for."""
_SHOWN, _MAX_VALUES = 100, 6
"""Of what a server publishes: characters of a value, and values."""
_SETS: tuple[RecordType, ...] = ("MX", "TXT")


def questions(subject: Subject, facts: Facts) -> Iterator[Wanted]:
    """NS of the zone, the servers' addresses, and of each server the SOA and what the first checks judge."""
    for rtype in _SETS:
        yield subject.domain, rtype
    for name in _candidates(subject):
        yield name, "NS"
        answer = facts.known(name, "NS")
        if answer is None or answer.unknown:
            return
        if _servers(answer):
            break
    zone = _zone(subject, facts)
    if zone is None:
        return
    for host in _servers(zone):
        yield from facts.host_questions(host)
        address = _address(facts, host)
        if address is not None:
            yield Direct(address, zone.name, "SOA")
            for rtype in _SETS:
                yield Direct(address, subject.domain, rtype)


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; row 53 of the catalogue of checks."""
    asked = [a for name in _candidates(subject) if (a := facts.known(name, "NS")) is not None]
    silent = [answer for answer in asked if answer.unknown]
    zone = _zone(subject, facts)
    if silent:
        return conclude(_BASIS, unknown(silent), good="")
    if zone is None:
        text = f"Neither {subject.domain} nor a name above it has NS records."
        return skipped(_BASIS, "DELEGATION_NONE", "No name servers were found", text)
    notes: list[Note] = []
    reached: dict[str, str] = {}
    for host in _servers(zone):
        here = _server_notes(subject, facts, zone.name, host)
        notes.extend(here)
        address = _address(facts, host)
        if address is not None and not here:
            reached[host] = address
    notes.extend(_disagreement(subject, facts, zone.name, reached))
    notes.extend(_staleness(subject, facts, reached))
    good = (
        f"{len(reached)} name servers agree" if len(reached) != 1 else f"{next(iter(reached))} and the resolver agree"
    )
    return conclude(_BASIS, notes, good=good, found=found_records(zone))


def _server_notes(subject: Subject, facts: Facts, zone: str, host: str) -> list[Note]:
    """Why one server's word is not known; nothing where it is."""
    address = _address(facts, host)
    if address is None:
        state = facts.host(host)
        if state.unknown:
            return unknown(state.unknown)
        text = f"{host} is named as a name server of {zone} but has no address."
        return [Note("warn", "DELEGATION_NO_ADDRESS", "A name server has no address", text)]
    answers = [
        facts.from_server(address, zone, "SOA"),
        *(facts.from_server(address, subject.domain, rtype) for rtype in _SETS),
    ]
    why = next((answer.text for answer in answers if answer is not None and answer.unknown), None)
    if why is None:
        return []
    text = f"{host} ({address}): {why}. What it publishes could not be determined."
    return [Note("error", "DELEGATION_SERVER_UNKNOWN", "A name server gives no usable answer", text)]


def _disagreement(subject: Subject, facts: Facts, zone: str, reached: Mapping[str, str]) -> list[Note]:
    notes: list[Note] = []
    for rtype in _SETS:
        published = {
            host: _values(facts.from_server(address, subject.domain, rtype)) for host, address in reached.items()
        }
        if len(set(published.values())) > 1:
            shown = "; ".join(f"{host} says {_quoted(values)}" for host, values in published.items())
            text = f"{rtype} of {subject.domain}: {shown}."
            notes.append(Note("warn", "DELEGATION_DIFFERS", "The name servers do not agree", text))
    serials = {host: _serial(facts.from_server(address, zone, "SOA")) for host, address in reached.items()}
    if len(set(serials.values())) > 1:
        shown = ", ".join(f"{host} has {serial}" for host, serial in serials.items())
        text = f"Versions of the zone {zone} (SOA serial): {shown}."
        notes.append(Note("warn", "DELEGATION_SERIAL", "The name servers have different versions", text))
    return notes


def _staleness(subject: Subject, facts: Facts, reached: Mapping[str, str]) -> list[Note]:
    """Whether the resolver's answer, which all checks judge, is not what the servers say now."""
    notes: list[Note] = []
    for rtype in _SETS:
        cached = facts.answer(subject.domain, rtype)
        if cached.unknown:
            notes.extend(unknown([cached]))
            continue
        direct = [
            a for address in reached.values() if (a := facts.from_server(address, subject.domain, rtype)) is not None
        ]
        published = {_values(answer) for answer in direct}
        if len(published) != 1 or cached.aliases or any(answer.aliases for answer in direct):
            continue
        ttl = max((answer.ttl or 0 for answer in direct), default=0)
        if published != {_values(cached)}:
            text = (
                f"{rtype} of {subject.domain}: its name servers say {_quoted(published.pop())}; the resolver still remembers "
                f"{_quoted(_values(cached))}, which is what the other checks judge. Wait up to {ttl} seconds."
            )
            notes.append(Note("warn", "DELEGATION_STALE", "The resolver has not seen the latest records yet", text))
        else:
            notes.append(
                info_note(f"A change of the {rtype} records is seen everywhere after at most {ttl} seconds (TTL).")
            )
    return notes


def _values(answer: Answer | None) -> tuple[str, ...]:
    """What a server publishes, to compare."""
    assert answer is not None, "only servers that answered are compared"
    return tuple(record.value for record in found_records(answer))


def _quoted(values: tuple[str, ...]) -> str:
    """The same for people."""
    quoted = [f"“{value[:_SHOWN]}{'…' if len(value) > _SHOWN else ''}”" for value in values[:_MAX_VALUES]]
    more = [f"{len(values) - _MAX_VALUES} more"] if len(values) > _MAX_VALUES else []
    return ", ".join((*quoted, *more)) or "that there is none"


def _serial(answer: Answer | None) -> str:
    records = [r for r in answer.records if isinstance(r, Soa)] if answer else []
    return str(records[0].serial) if records else "no SOA"


def _candidates(subject: Subject) -> list[str]:
    """The domain and the names above it, but not a top-level domain."""
    labels = subject.domain.split(".")
    return [".".join(labels[at:]) for at in range(min(_MAX_PARENTS, max(1, len(labels) - 1)))]


def _zone(subject: Subject, facts: Facts) -> Answer | None:
    """The answer with the name servers of the zone that the domain is in."""
    answers = (facts.known(name, "NS") for name in _candidates(subject))
    return next((answer for answer in answers if answer is not None and _servers(answer)), None)


def _servers(answer: Answer) -> list[str]:
    if answer.aliases:
        return []
    hosts = [r.name for r in answer.records if isinstance(r, Host)]
    return [host for host in dict.fromkeys(hosts) if host and is_askable(host)][:_MAX_SERVERS]


def _address(facts: Facts, host: str) -> str | None:
    """One address of a server; each server is asked once."""
    return min(facts.host(host).addresses, default=None)
