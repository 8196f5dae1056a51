"""Check `mx`: the MX records deliver mail to the expected server."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records.addresses import is_address, is_public
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, info_note, skipped, unknown
from reconciler.core.findings import Finding, Record
from reconciler.core.lookups import Answer, Mx

CODES: Mapping[str, str] = MappingProxyType(
    {
        "MX_OK": "Mail goes to the expected server.",
        "MX_MISSING": "The domain has no MX record, or does not exist, so no mail reaches it. Publish the proposed "
        "records.",
        "MX_IMPLICIT": "The domain has no MX record. Mail still arrives, because the domain's own address is the "
        "server's. Publish an MX record.",
        "MX_NULL": "A null MX declares that the domain receives no mail (RFC 7505). Replace it with the proposed "
        "records.",
        "MX_NULL_MIXED": "A null MX must be the only MX record (RFC 7505 section 3). Delete it.",
        "MX_FOREIGN": "All mail goes to another server. Publish the proposed records.",
        "MX_INCOMPLETE": "An expected host is missing from the MX records. Add it.",
        "MX_NOT_FIRST": "Another server has a higher priority than the expected one. Delete its record if it is not "
        "yours.",
        "MX_OTHERS": "Another server also receives mail. Delete its record if it is not yours.",
        "MX_DUPLICATE": "Duplicate MX host. Keep the record with the lowest preference.",
        "MX_ADDRESS": "An MX record contains an IP address. Replace it with a host name (RFC 5321 section 2.3.5).",
        "MX_BAD_NAME": "An MX record contains an invalid host name, so mail servers skip it. Correct the name.",
        "MX_CNAME": "An MX host is a CNAME, which RFC 2181 section 10.3 forbids. Use the canonical host name.",
        "MX_NO_ADDRESS": "An MX host has no address, so mail servers cannot deliver to it. Correct the host name, or "
        "publish an address for it.",
        "MX_PRIVATE": "An MX host has an address that is not reachable from the Internet (RFC 1918, RFC 6890). Publish "
        "its public address. If only this resolver returns the private address, lower the check in dns.checks.",
        "MX_NO_IPV6": "The mail hosts have no IPv6 address, so senders with only IPv6 cannot reach them. No action "
        "needed.",
        "MX_PARKED": "The domain neither sends nor receives mail, so this check does not apply.",
    }
)
_BASIS = Basis(id="mx", reference="RFC 5321 section 5.1", good_code="MX_OK")
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
_MAX_TARGETS = 10
"""Limit of targets whose addresses are looked up. An untrusted zone must not cause an unlimited number of lookups."""


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """MX; then the addresses of its targets. Without an MX, the addresses of the domain and of the expected hosts."""
    yield subject.domain, "MX"
    answer = facts.known(subject.domain, "MX")
    # A failed MX lookup decides nothing, so addresses would not change the finding.
    if answer is None or answer.unknown:
        return
    if answer.outcome == "nodata":
        yield from facts.host_questions(subject.domain)
        own = _own(subject.domain, facts)
        if own is not None:
            # The comparison needs only the family of the own address. This saves half of the lookups.
            yield from ((host, own.rtype) for host in subject.expected.mx_hosts[:_MAX_TARGETS])
    for host in _hosts(answer):
        yield from facts.host_questions(host, every=host in subject.expected.mx_hosts)


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 1 to 7 and 9 of the catalogue of checks."""
    answer = facts.answer(subject.domain, "MX")
    wanted = publish.mx(subject.domain, subject.expected.mx_hosts)
    if answer.unknown:
        # The expected records do not depend on the failed lookup, so the report still shows them.
        return conclude(_BASIS, unknown([answer]), good="", expected=wanted)
    targets = [data for data in answer.records if isinstance(data, Mx)]
    # A parked domain without MX is correct as it is. The check `parked` judges the rest.
    if not subject.expected.sends and not any(target.host for target in targets):
        text = "The domain sends no mail (dns.sends: false) and has no MX record, so it receives none either."
        return skipped(_BASIS, "MX_PARKED", "The domain does not use mail", text)
    notes = _notes(subject, facts, targets) if targets else _no_mx_notes(subject, facts, answer)
    # If the targets are exactly as expected, the fault is in the zone of the hosts. This zone cannot fix it.
    right = sorted(target.host for target in targets) == sorted(subject.expected.mx_hosts)
    correct = right or all(note.status == "pass" for note in notes)
    # Keep the published preferences: other values in the same order would be a change without a benefit.
    kept = [Record(subject.domain, "MX", f"{target.preference} {target.host}.", publish.TTL) for target in targets]
    return conclude(
        _BASIS,
        notes,
        good=f"Mail goes to {_list(sorted({target.host for target in targets}))}",
        expected=kept if correct else wanted,
        found=found_records(answer),
        fix=[] if correct else wanted,
    )


def _no_mx_notes(subject: Subject, facts: Facts, answer: Answer) -> list[Note]:
    """Rows 1 and 2: without an MX record, mail goes to the domain's own address (RFC 5321 section 5.1)."""
    domain = subject.domain
    # Without the name there is no implicit MX either. It is usually an expired or mistyped domain.
    if answer.outcome == "nxdomain":
        return [
            Note("fail", "MX_MISSING", "The domain does not exist in DNS", f"{answer.text}, so no mail reaches it.")
        ]
    own = _own(domain, facts)
    if own is None:
        # Only a certain absence of both records and addresses is a failure.
        silent = facts.host(domain).unknown
        text = f"{domain} has no MX record and no address, so no mail reaches it."
        return unknown(silent) or [Note("fail", "MX_MISSING", "There is no MX record", text)]
    hosts = [facts.answer(host, own.rtype) for host in subject.expected.mx_hosts[:_MAX_TARGETS]]
    where = _list(sorted(own.addresses()))
    # Mail arrives today, but it stops when the domain's address moves to another web server. So this is a warning.
    if any(not {*own.addresses()}.isdisjoint(host.addresses()) for host in hosts):
        text = f"{domain} has no MX record, so mail goes to its address {where}, which belongs to the expected server."
        return [Note("warn", "MX_IMPLICIT", "No MX record; mail arrives by the domain's address", text)]
    # Without all addresses of the expected hosts, the owner of the own address is unknown.
    silent = tuple(host for host in hosts if host.unknown)
    if silent:
        return unknown(silent)
    text = f"{domain} has no MX record, so mail goes to its address {where}, which belongs to another server."
    return [Note("fail", "MX_MISSING", "There is no MX record", text)]


def _own(domain: str, facts: Facts) -> Answer | None:
    """The domain's own IPv4 addresses, or IPv6 addresses if it has no others: the target of mail without an MX record.

    One family is enough: if the IPv4 address belongs to another server, mail goes there regardless of IPv6.
    """
    first = facts.known(domain, "A")
    more = facts.known(domain, "AAAA") if first is not None and first.outcome == "nodata" else None
    return next((answer for answer in (first, more) if answer is not None and answer.addresses()), None)


def _notes(subject: Subject, facts: Facts, targets: list[Mx]) -> list[Note]:
    expected = set(subject.expected.mx_hosts)
    notes: list[Note] = []
    null = [target for target in targets if not target.host]
    # RFC 7505 gives a null MX its meaning only if it is alone. So the next case is a different fault.
    if null and len(targets) == 1:
        text = "The only MX record is a null MX (RFC 7505). It declares that the domain receives no mail."
        return [Note("fail", "MX_NULL", "The domain refuses all mail", text)]
    if null:
        text = "A null MX must be the only MX record (RFC 7505 section 3). Next to others, its effect is undefined."
        notes.append(Note("fail", "MX_NULL_MIXED", "Null MX next to other MX records", text))
    notes.extend(_target_notes(expected, [target for target in targets if target.host]))
    hosts = [target.host for target in targets if target.host]
    # Hosting panels create duplicates when a user adds a record that the template already contains.
    repeated = sorted({host for host in hosts if hosts.count(host) > 1})
    if repeated:
        text = (
            f"More than one MX record names {_list(repeated)}. Only the one with the lowest preference has an effect."
        )
        notes.append(Note("warn", "MX_DUPLICATE", "Duplicate MX host", text))
    # The limit matches that of `questions`: no answers exist for further hosts.
    for host in dict.fromkeys(hosts[:_MAX_TARGETS]):
        notes.extend(_host_notes(host, facts, ours=host in expected))
    return [*notes, *_ipv6(sorted(expected & set(hosts)), facts)]


def _ipv6(ours: list[str], facts: Facts) -> list[Note]:
    """Row 9. Information only, so a failed AAAA lookup does not change the status."""
    more = {host: facts.known(host, "AAAA") for host in ours}
    without = [host for host, answer in more.items() if answer is not None and answer.void]
    if not without:
        return []
    return [
        info_note(f"No IPv6 address: {_list(without)}. Senders with only IPv6 cannot reach this server.", "MX_NO_IPV6")
    ]


def _target_notes(expected: set[str], targets: list[Mx]) -> list[Note]:
    """Rows 1 and 3: the expected hosts are present, have the highest priority, and there are no others."""
    present = [target for target in targets if target.host in expected]
    foreign = sorted({target.host for target in targets if target.host not in expected})
    # Without any expected host, one note is enough. Missing and foreign hosts would only repeat it.
    if not present:
        text = f"Mail goes to {_list(foreign)} instead of {_list(sorted(expected))}."
        return [Note("fail", "MX_FOREIGN", "Mail goes to another server", text)] if foreign else []
    notes: list[Note] = []
    missing = sorted(expected - {target.host for target in present})
    if missing:
        text = f"Missing from the MX records: {_list(missing)}."
        notes.append(Note("warn", "MX_INCOMPLETE", "An expected MX record is missing", text))
    # A spam filter in front may be intentional, so a foreign host with higher priority is a warning and not a failure.
    if min(target.preference for target in targets) < min(target.preference for target in present):
        text = f"{_list(foreign)} has a higher priority than the expected server. Delete the record if it is not yours."
        notes.append(Note("warn", "MX_NOT_FIRST", "Mail goes to another server first", text))
    elif foreign:
        text = f"{_list(foreign)} also receives mail. Delete the record if it is not yours."
        notes.append(Note("warn", "MX_OTHERS", "Another server also receives mail", text))
    return notes


def _host_notes(host: str, facts: Facts, *, ours: bool) -> list[Note]:
    """Rows 5 to 7 for one target."""
    if is_address(host):
        text = f"{host} is an IP address. An MX record must contain a host name (RFC 5321 section 2.3.5)."
        return [Note("fail", "MX_ADDRESS", "An MX record contains an IP address", text)]
    # A typing error in a foreign record does no harm to the expected server, so it only warns.
    if not _HOST.fullmatch(host):
        text = f"{host} is not a valid host name, so mail servers skip it."
        return [Note("fail" if ours else "warn", "MX_BAD_NAME", "An MX record contains an invalid host name", text)]
    state = facts.host(host)
    notes: list[Note] = []
    # Many senders follow the CNAME anyway, but some treat it as an error and bounce.
    if state.aliases:
        text = f"{host} is a CNAME for {state.aliases[-1]}. An MX host must not be a CNAME (RFC 2181 section 10.3)."
        notes.append(Note("fail", "MX_CNAME", "An MX host is a CNAME", text))
    if state.no_address:
        text = f"{host} has no address, so mail servers cannot deliver to it."
        notes.append(Note("fail" if ours else "warn", "MX_NO_ADDRESS", "An MX host has no address", text))
    # With at least one address, a failed lookup of the other family does not matter.
    if not state.addresses:
        notes.extend(unknown(state.unknown))
    # Split-horizon DNS can return private addresses only to this resolver. The remedy in CODES covers that case.
    private = sorted(address for address in state.addresses if not is_public(address))
    if private:
        reach = "mail servers cannot deliver to it" if len(private) == len(state.addresses) else "some deliveries fail"
        text = f"{host} has the address {_list(private)}, which is not reachable from the Internet: {reach}."
        fails = ours and len(private) == len(state.addresses)
        notes.append(Note("fail" if fails else "warn", "MX_PRIVATE", "An MX host has a private address", text))
    return notes


def _hosts(answer: Answer) -> list[str]:
    """The targets whose addresses can be looked up, in the order of preference."""
    hosts = [data.host for data in answer.records if isinstance(data, Mx)][:_MAX_TARGETS]
    return [host for host in dict.fromkeys(hosts) if _HOST.fullmatch(host) and not is_address(host)]


def _list(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
