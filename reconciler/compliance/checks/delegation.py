"""Check `delegation`: the domain's name servers agree with each other and with the resolver."""

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
        "DELEGATION_OK": "All name servers of the zone and the resolver return the same records.",
        "DELEGATION_NONE": "The domain and its parents have no name servers, so there is no zone to query.",
        "DELEGATION_DIFFERS": "The zone's name servers return different records, so results depend on the server that "
        "answers. Update the server that is behind, or wait for the transfer.",
        "DELEGATION_SERIAL": "The zone's name servers have different versions of the zone, with the same records for "
        "this domain. Wait for the transfer, or update the server that is behind.",
        "DELEGATION_STALE": "The zone's name servers return newer records than the resolver's cache, which all other "
        "checks use. Wait for the time in the details, then run the check again.",
        "DELEGATION_NO_ADDRESS": "A name server of the zone has no address. Correct or delete its name at the "
        "registrar.",
        "DELEGATION_SERVER_UNKNOWN": "A name server did not respond, refused the query, or is not responsible for the "
        "zone (lame). Its records are unknown. Check that server.",
    }
)
_BASIS = Basis(id="delegation", reference="RFC 1034 section 4.2, RFC 2308", good_code="DELEGATION_OK")
_MAX_SERVERS = 6
_MAX_PARENTS = 4
"""Limit of names, from the domain upwards, at which the check looks for the top of the zone."""
_SHOWN, _MAX_VALUES = 100, 6
"""Limits of what a note quotes: characters of a value, and values."""
_SETS: tuple[RecordType, ...] = ("MX", "TXT")


def questions(subject: Subject, facts: Facts) -> Iterator[Wanted]:
    """NS of the zone and the servers' addresses; then from each server the SOA and the records of other checks."""
    for rtype in _SETS:
        yield subject.domain, rtype
    # A customer domain is often a name inside the zone of its parent. So look for NS records upwards.
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
            # The serial shows a pending zone transfer even if the compared records are still equal.
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
        # An unregistered name, or a resolver that filters NS. The check `mx` reports a nonexistent domain.
        text = f"Neither {subject.domain} nor a parent domain has NS records."
        return skipped(_BASIS, "DELEGATION_NONE", "No name servers found", text)
    notes: list[Note] = []
    reached: dict[str, str] = {}
    for host in _servers(zone):
        here = _server_notes(subject, facts, zone.name, host)
        notes.extend(here)
        address = _address(facts, host)
        # Only servers with complete answers take part in the comparison. A failure is not a difference.
        if address is not None and not here:
            reached[host] = address
    notes.extend(_disagreement(subject, facts, zone.name, reached))
    notes.extend(_staleness(subject, facts, reached))
    good = (
        f"{len(reached)} name servers agree" if len(reached) != 1 else f"{next(iter(reached))} and the resolver agree"
    )
    return conclude(_BASIS, notes, good=good, found=found_records(zone))


def _server_notes(subject: Subject, facts: Facts, zone: str, host: str) -> list[Note]:
    """Why the records of one server are unknown; empty if they are known."""
    address = _address(facts, host)
    if address is None:
        state = facts.host(host)
        if state.unknown:
            return unknown(state.unknown)
        text = f"{host} is a name server of {zone} but has no address."
        return [Note("warn", "DELEGATION_NO_ADDRESS", "A name server has no address", text)]
    answers = [
        facts.from_server(address, zone, "SOA"),
        *(facts.from_server(address, subject.domain, rtype) for rtype in _SETS),
    ]
    why = next((answer.text for answer in answers if answer is not None and answer.unknown), None)
    if why is None:
        return []
    text = f"{host} ({address}): {why}. Its records are unknown."
    return [Note("error", "DELEGATION_SERVER_UNKNOWN", "A name server does not answer properly", text)]


def _disagreement(subject: Subject, facts: Facts, zone: str, reached: Mapping[str, str]) -> list[Note]:
    notes: list[Note] = []
    for rtype in _SETS:
        published = {
            host: _values(facts.from_server(address, subject.domain, rtype)) for host, address in reached.items()
        }
        # Secondary servers that miss an update give random results: receivers ask any of the servers.
        if len(set(published.values())) > 1:
            shown = "; ".join(f"{host} returns {_quoted(values)}" for host, values in published.items())
            text = f"{rtype} of {subject.domain}: {shown}."
            notes.append(Note("warn", "DELEGATION_DIFFERS", "The name servers return different records", text))
    serials = {host: _serial(facts.from_server(address, zone, "SOA")) for host, address in reached.items()}
    if len(set(serials.values())) > 1:
        shown = ", ".join(f"{host} has {serial}" for host, serial in serials.items())
        text = f"SOA serials of the zone {zone}: {shown}."
        notes.append(Note("warn", "DELEGATION_SERIAL", "The name servers have different zone versions", text))
    return notes


def _staleness(subject: Subject, facts: Facts, reached: Mapping[str, str]) -> list[Note]:
    """Compares the resolver's answer, which all other checks use, with the answers of the servers."""
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
        # Servers that disagree have their own note. A CNAME may lead into another zone that was not compared.
        if len(published) != 1 or cached.aliases or any(answer.aliases for answer in direct):
            continue
        # The resolver may have fetched its answer just before the change, so the full TTL is the upper limit.
        ttl = max((answer.ttl or 0 for answer in direct), default=0)
        if published != {_values(cached)}:
            text = (
                f"{rtype} of {subject.domain}: the name servers return {_quoted(published.pop())}. The resolver's "
                f"cache still contains {_quoted(_values(cached))}, and the other checks use that. "
                f"Wait up to {ttl} seconds."
            )
            notes.append(Note("warn", "DELEGATION_STALE", "The resolver still returns old records", text))
        else:
            notes.append(
                info_note(f"A change of the {rtype} records is visible everywhere after at most {ttl} seconds (TTL).")
            )
    return notes


def _values(answer: Answer | None) -> tuple[str, ...]:
    """The values in an answer, to compare."""
    assert answer is not None, "only answers are compared"
    return tuple(record.value for record in found_records(answer))


def _quoted(values: tuple[str, ...]) -> str:
    """The values as a note quotes them."""
    quoted = [f"“{value[:_SHOWN]}{'…' if len(value) > _SHOWN else ''}”" for value in values[:_MAX_VALUES]]
    more = [f"{len(values) - _MAX_VALUES} more"] if len(values) > _MAX_VALUES else []
    return ", ".join((*quoted, *more)) or "no record"


def _serial(answer: Answer | None) -> str:
    records = [r for r in answer.records if isinstance(r, Soa)] if answer else []
    return str(records[0].serial) if records else "no SOA"


def _candidates(subject: Subject) -> list[str]:
    """The domain and its parents, without the top-level domain."""
    labels = subject.domain.split(".")
    return [".".join(labels[at:]) for at in range(min(_MAX_PARENTS, max(1, len(labels) - 1)))]


def _zone(subject: Subject, facts: Facts) -> Answer | None:
    """The NS answer of the zone that contains the domain."""
    answers = (facts.known(name, "NS") for name in _candidates(subject))
    return next((answer for answer in answers if answer is not None and _servers(answer)), None)


def _servers(answer: Answer) -> list[str]:
    if answer.aliases:
        return []
    # Limit and filter the names, because the zone is untrusted.
    hosts = [r.name for r in answer.records if isinstance(r, Host)]
    return [host for host in dict.fromkeys(hosts) if host and is_askable(host)][:_MAX_SERVERS]


def _address(facts: Facts, host: str) -> str | None:
    """One address of a server: each server gets each question once."""
    return min(facts.host(host).addresses, default=None)
