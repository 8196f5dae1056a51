"""Check `ptr`: forward and reverse DNS match for the addresses that send mail."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from types import MappingProxyType

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records.addresses import is_address, is_askable, is_public, reverse_name
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, info_note, skipped, unknown
from reconciler.core.findings import Finding, Record
from reconciler.core.lookups import Answer, Host, Mx, RecordType

CODES: Mapping[str, str] = MappingProxyType(
    {
        "PTR_OK": "Forward and reverse DNS match for every address of the mail server.",
        "PTR_MISSING": "An address that sends mail has no PTR record, so Gmail and others reject mail from it. Ask the "
        "provider of the address to set its reverse DNS.",
        "PTR_NOT_CONFIRMED": "The name in a PTR record does not resolve to the address. Publish the address for that "
        "name, or have the PTR record changed.",
        "PTR_HELO": "The PTR record does not contain the host name that the mail server uses in HELO. Have it changed "
        "to the server's host name.",
        "PTR_PRIVATE": "dns.spf.senders contains an address that is not reachable from the Internet. Replace it with "
        "the public address that receivers see.",
        "PTR_NO_ADDRESS": "No address of the mail server is known: the MX records do not point to it, and "
        "dns.spf.senders contains none. Set dns.spf.senders to enable this check.",
        "PTR_SENDERS_UNKNOWN": "dns.spf.senders is empty, so the check covers the addresses of the MX hosts instead. "
        "Set dns.spf.senders in the product.",
    }
)
_BASIS = Basis(id="ptr", reference="RFC 8601 section 2.7.3, RFC 1912 section 2.1", good_code="PTR_OK")
_MAX_HOSTS, _MAX_ADDRESSES, _MAX_NAMES = 6, 8, 3
"""Limits of lookups: hosts, addresses, and names per address."""


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """The addresses of the server's hosts, their PTR names, and the addresses of those names."""
    yield subject.domain, "MX"
    for host in _hosts(subject, facts):
        yield from facts.host_questions(host, every=True)
    for address in _addresses(subject, facts):
        yield reverse_name(address), "PTR"
        for name in _names(facts.known(reverse_name(address), "PTR")):
            yield name, _family(address)


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; row 8 of the catalogue of checks."""
    mx = facts.answer(subject.domain, "MX")
    # Addresses in dns.spf.senders can be judged without the MX.
    notes = unknown([mx]) if mx.unknown else []
    for host in _hosts(subject, facts):
        notes.extend(unknown(facts.host(host).unknown))
    for sender in subject.expected.spf_senders:
        if is_address(sender) and not is_public(sender):
            text = f"{sender} in dns.spf.senders is not a public address, so receivers never see it."
            notes.append(Note("warn", "PTR_PRIVATE", "A sender address is not public", text))
    addresses = _addresses(subject, facts)
    if not addresses and not notes:
        text = "The MX records do not point to the expected server, and dns.spf.senders contains no address."
        return skipped(_BASIS, "PTR_NO_ADDRESS", "The mail server's address is unknown", text)
    found: list[Record] = []
    elsewhere: list[Record] = []
    for address in addresses:
        here = _judge_address(subject, facts, address)
        answer = facts.answer(reverse_name(address), "PTR")
        found.extend(found_records(answer))
        # The reverse zone belongs to the provider of the address, so the record is for another operator.
        if any(note.code in ("PTR_MISSING", "PTR_HELO") for note in here) and _is_servers(subject, facts, address):
            elsewhere.append(Record(reverse_name(address), "PTR", f"{subject.expected.hostname}.", publish.TTL))
        notes.extend(here)
    if not subject.expected.spf_senders:
        text = "dns.spf.senders is empty, so the check covers the addresses of the MX hosts instead."
        notes.append(info_note(text, "PTR_SENDERS_UNKNOWN"))
    shown = f"{', '.join(addresses[:3])}{' and more' if addresses[3:] else ''}"
    good = f"Forward and reverse DNS match: {shown}"
    return conclude(_BASIS, notes, good=good, found=found, elsewhere=elsewhere)


def _judge_address(subject: Subject, facts: Facts, address: str) -> list[Note]:
    answer = facts.answer(reverse_name(address), "PTR")
    if answer.unknown:
        return unknown([answer])
    names = _names(answer)
    if not names:
        text = f"{address} has no usable PTR record. Ask the provider of the address to set one; this zone cannot."
        return [Note("warn", "PTR_MISSING", "An address has no PTR record", text)]
    forward = {name: facts.answer(name, _family(address)) for name in names}
    confirmed = [name for name, found in forward.items() if address in found.addresses()]
    # Receivers trust a name only if it resolves to the address (RFC 8601 section 2.7.3), because anyone can write any
    # PTR.
    if not confirmed:
        silent = [found for found in forward.values() if found.unknown]
        if silent:
            return unknown(silent)
        text = f"The PTR record of {address} contains {', '.join(names)}, which does not resolve to {address}."
        return [Note("warn", "PTR_NOT_CONFIRMED", "Forward and reverse DNS do not match", text)]
    hostname = subject.expected.hostname
    # Other senders, such as a relay of the provider, may use another name in HELO.
    if _is_servers(subject, facts, address) and hostname not in names:
        text = f"The PTR record of {address} contains {', '.join(names)}, but the server uses {hostname} in HELO."
        return [Note("warn", "PTR_HELO", "The PTR record and the server's host name differ", text)]
    return []


def _hosts(subject: Subject, facts: Facts) -> list[str]:
    """Hosts with addresses of the server: the expected MX hosts, the senders, and the server's host name."""
    answer = facts.known(subject.domain, "MX")
    targets = [r.host for r in answer.records if isinstance(r, Mx)] if answer else []
    ours = [host for host in targets if host in subject.expected.mx_hosts]
    senders = [sender for sender in subject.expected.spf_senders if not is_address(sender)]
    # Without any other sign, the server's host name may be internal and must not be judged.
    own = [subject.expected.hostname] if (ours or senders or subject.expected.spf_senders) else []
    hosts = dict.fromkeys((*senders[:_MAX_HOSTS], *ours, *own))
    return [host for host in hosts if host and is_askable(host) and not is_address(host)][: 2 * _MAX_HOSTS]


def _addresses(subject: Subject, facts: Facts) -> list[str]:
    """The public addresses to judge. The server's host name alone adds none: it may be an internal name."""
    hosts = [host for host in _hosts(subject, facts) if host != subject.expected.hostname or host in _named(subject)]
    found = {address for host in hosts for address in facts.host(host).addresses}
    found |= {sender for sender in subject.expected.spf_senders if is_address(sender)}
    public = (address for address in found if is_public(address))
    return sorted(public, key=lambda text: (ip_address(text).version, int(ip_address(text))))[:_MAX_ADDRESSES]


def _named(subject: Subject) -> tuple[str, ...]:
    return (*subject.expected.mx_hosts, *subject.expected.spf_senders)


def _names(answer: Answer | None) -> list[str]:
    """The names in a PTR answer that can be looked up."""
    names = [r.name for r in answer.records if isinstance(r, Host)] if answer else []
    return [name for name in names if name and is_askable(name)][:_MAX_NAMES]


def _family(address: str) -> RecordType:
    return "A" if ip_address(address).version == 4 else "AAAA"


def _is_servers(subject: Subject, facts: Facts, address: str) -> bool:
    hostname = subject.expected.hostname
    return bool(hostname) and address in facts.host(hostname).addresses
