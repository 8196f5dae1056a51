"""Check `mx`: mail for the domain goes to the expected server."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records.addresses import is_address, is_public
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, remark, skipped, unknown
from reconciler.core.findings import Finding, Record
from reconciler.core.lookups import Answer, Mx

CODES: Mapping[str, str] = MappingProxyType(
    {
        "MX_OK": "Mail goes to the expected server.",
        "MX_MISSING": "No mail reaches the domain: it has no MX, or does not exist. Publish the records proposed.",
        "MX_IMPLICIT": "Without an MX, mail is tried at the domain's own address, which happens to be the server's. "
        "Publish an MX, so that the address may change.",
        "MX_NULL": "The null MX says that the domain receives no mail at all (RFC 7505). Replace it.",
        "MX_NULL_MIXED": "A null MX stands beside others, which RFC 7505 section 3 does not allow. Delete it.",
        "MX_FOREIGN": "Mail goes to another server, and none of it to the expected one. Publish the records proposed.",
        "MX_INCOMPLETE": "Of the expected hosts one is missing among the MX records. Add it.",
        "MX_NOT_FIRST": "Another server is preferred to the expected one. Delete its record if it is not yours.",
        "MX_OTHERS": "Another server receives a part of the mail. Delete its record if it is not yours.",
        "MX_DUPLICATE": "A host stands twice among the MX records. Keep the record with the lower preference.",
        "MX_ADDRESS": "An MX names an IP address; it must name a host (RFC 5321 section 2.3.5).",
        "MX_BAD_NAME": "An MX names what cannot be a host, so mail servers skip it. Correct the name.",
        "MX_CNAME": "An MX names a CNAME, which RFC 2181 section 10.3 does not allow. Name the host itself.",
        "MX_NO_ADDRESS": "An MX names a host without an address, so no mail can be delivered there.",
        "MX_PRIVATE": "An MX leads to an address that the public Internet cannot reach (RFC 1918, RFC 6890). Publish "
        "the host's public address; where only this resolver sees the private one, lower the check (dns.checks).",
        "MX_NO_IPV6": "The mail hosts have no IPv6 address. That is no fault; IPv6-only senders do not reach them.",
        "MX_PARKED": "The domain is declared as sending no mail and receives none either: nothing to judge.",
    }
)
_BASIS = Basis(id="mx", reference="RFC 5321 section 5.1", good_code="MX_OK")
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
_MAX_TARGETS = 10
"""Targets whose addresses are looked up; nobody has more, and a stranger's zone must not make us ask without end."""


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """MX; then the addresses of its targets, or without an MX those of the domain and of the expected hosts."""
    yield subject.domain, "MX"
    answer = facts.known(subject.domain, "MX")
    if answer is None or answer.unknown:
        return
    if answer.outcome == "nodata":
        yield from facts.host_questions(subject.domain)
        own = _own(subject.domain, facts)
        if own is not None:
            yield from ((host, own.rtype) for host in subject.expected.mx_hosts[:_MAX_TARGETS])
    for host in _hosts(answer):
        yield from facts.host_questions(host, every=host in subject.expected.mx_hosts)


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 1 to 7 and 9 of the catalogue of checks."""
    answer = facts.answer(subject.domain, "MX")
    wanted = publish.mx(subject.domain, subject.expected.mx_hosts)
    if answer.unknown:
        return conclude(_BASIS, unknown([answer]), good="", expected=wanted)
    targets = [data for data in answer.records if isinstance(data, Mx)]
    if not subject.expected.sends and not any(target.host for target in targets):
        text = "The domain is declared as sending no mail (dns.sends: false), and has no MX: it receives none either."
        return skipped(_BASIS, "MX_PARKED", "The domain has no part in mail", text)
    notes = _notes(subject, facts, targets) if targets else _absent(subject, facts, answer)
    # Where the targets are exactly right, what is wrong is in the hosts' own zone: nothing to publish here.
    right = sorted(target.host for target in targets) == sorted(subject.expected.mx_hosts)
    settled = right or all(note.status == "pass" for note in notes)
    kept = [Record(subject.domain, "MX", f"{target.preference} {target.host}.", publish.TTL) for target in targets]
    return conclude(
        _BASIS,
        notes,
        good=f"Mail goes to {_list(sorted({target.host for target in targets}))}",
        expected=kept if settled else wanted,
        found=found_records(answer),
        fix=[] if settled else wanted,
    )


def _absent(subject: Subject, facts: Facts, answer: Answer) -> list[Note]:
    """No MX: by RFC 5321 mail goes to the domain's own address, if it has one (rows 1 and 2)."""
    domain = subject.domain
    if answer.outcome == "nxdomain":
        return [Note("fail", "MX_MISSING", "The domain does not exist in DNS", f"{answer.text}: no mail reaches it.")]
    own = _own(domain, facts)
    if own is None:
        silent = facts.host(domain).unknown
        text = f"{domain} has no MX record and no address: no mail reaches it."
        return unknown(silent) or [Note("fail", "MX_MISSING", "There is no MX record", text)]
    hosts = [facts.answer(host, own.rtype) for host in subject.expected.mx_hosts[:_MAX_TARGETS]]
    where = _list(sorted(own.addresses()))
    if any(not {*own.addresses()}.isdisjoint(host.addresses()) for host in hosts):
        text = f"{domain} has no MX record, so mail goes to its own address {where}, which is the expected server's."
        return [Note("warn", "MX_IMPLICIT", "Mail arrives without an MX record", text)]
    silent = tuple(host for host in hosts if host.unknown)
    if silent:
        return unknown(silent)
    text = f"{domain} has no MX record, so mail goes to its own address {where}, which is not the expected server's."
    return [Note("fail", "MX_MISSING", "There is no MX record", text)]


def _own(domain: str, facts: Facts) -> Answer | None:
    """The domain's own addresses, where mail goes without an MX: of IPv4, or where it has none of IPv6.

    One family is enough: where the IPv4 address is another server's, mail goes there, whatever IPv6 says.
    """
    first = facts.known(domain, "A")
    more = facts.known(domain, "AAAA") if first is not None and first.outcome == "nodata" else None
    return next((answer for answer in (first, more) if answer is not None and answer.addresses()), None)


def _notes(subject: Subject, facts: Facts, targets: list[Mx]) -> list[Note]:
    expected = set(subject.expected.mx_hosts)
    notes: list[Note] = []
    null = [target for target in targets if not target.host]
    if null and len(targets) == 1:
        text = "The only MX is the null MX (RFC 7505): it says that the domain receives no mail at all."
        return [Note("fail", "MX_NULL", "The domain refuses all mail", text)]
    if null:
        text = "A null MX must be the only MX (RFC 7505 section 3); beside others, what happens is not defined."
        notes.append(Note("fail", "MX_NULL_MIXED", "A null MX stands beside others", text))
    notes.extend(_where_mail_goes(expected, [target for target in targets if target.host]))
    hosts = [target.host for target in targets if target.host]
    twice = sorted({host for host in hosts if hosts.count(host) > 1})
    if twice:
        text = f"{_list(twice)} stands there more than once; the higher preference has no effect."
        notes.append(Note("warn", "MX_DUPLICATE", "An MX target stands there twice", text))
    for host in dict.fromkeys(hosts[:_MAX_TARGETS]):
        notes.extend(_target(host, facts, ours=host in expected))
    return [*notes, *_ipv6(sorted(expected & set(hosts)), facts)]


def _ipv6(ours: list[str], facts: Facts) -> list[Note]:
    """Row 9, information only: an AAAA that cannot be looked up makes nothing worse."""
    more = {host: facts.known(host, "AAAA") for host in ours}
    without = [host for host, answer in more.items() if answer is not None and answer.void]
    if not without:
        return []
    return [remark(f"No IPv6 address: {_list(without)}. Senders that have IPv6 only cannot reach it.", "MX_NO_IPV6")]


def _where_mail_goes(expected: set[str], targets: list[Mx]) -> list[Note]:
    """Rows 1 and 3: the expected hosts are there, come first, and are alone."""
    present = [target for target in targets if target.host in expected]
    foreign = sorted({target.host for target in targets if target.host not in expected})
    if not present:
        text = f"Mail goes to {_list(foreign)}; expected is {_list(sorted(expected))}."
        return [Note("fail", "MX_FOREIGN", "Mail goes to another server", text)] if foreign else []
    notes: list[Note] = []
    missing = sorted(expected - {target.host for target in present})
    if missing:
        text = f"Of the expected hosts, {_list(missing)} is missing."
        notes.append(Note("warn", "MX_INCOMPLETE", "An expected MX is missing", text))
    if min(target.preference for target in targets) < min(target.preference for target in present):
        text = f"{_list(foreign)} is preferred to the expected server: mail goes there. Delete it if it is not yours."
        notes.append(Note("warn", "MX_NOT_FIRST", "Mail goes to another server first", text))
    elif foreign:
        text = f"{_list(foreign)} receives a part of the mail too. Delete it if it is not yours."
        notes.append(Note("warn", "MX_OTHERS", "Another server receives mail too", text))
    return notes


def _target(host: str, facts: Facts, *, ours: bool) -> list[Note]:
    """Rows 5 to 7 for one target."""
    if is_address(host):
        text = f"{host} is an IP address; an MX must name a host (RFC 5321 section 2.3.5)."
        return [Note("fail", "MX_ADDRESS", "An MX target is an IP address", text)]
    if not _HOST.fullmatch(host):
        text = f"{host} cannot be the name of a host: mail servers skip it."
        return [Note("fail" if ours else "warn", "MX_BAD_NAME", "An MX target is no host name", text)]
    state = facts.host(host)
    notes: list[Note] = []
    if state.aliases:
        text = f"{host} is a CNAME for {state.aliases[-1]}; an MX must not point at one (RFC 2181 section 10.3)."
        notes.append(Note("fail", "MX_CNAME", "An MX target is a CNAME", text))
    if state.nowhere:
        text = f"{host} has no address: no mail can be delivered to it."
        notes.append(Note("fail" if ours else "warn", "MX_NO_ADDRESS", "An MX target has no address", text))
    if not state.addresses:
        notes.extend(unknown(state.unknown))
    hidden = sorted(address for address in state.addresses if not is_public(address))
    if hidden:
        reach = (
            "no mail can be delivered to it" if len(hidden) == len(state.addresses) else "senders may try it in vain"
        )
        text = f"{host} has the address {_list(hidden)}, which the public Internet cannot reach: {reach}."
        grave = ours and len(hidden) == len(state.addresses)
        notes.append(Note("fail" if grave else "warn", "MX_PRIVATE", "An MX leads to a private address", text))
    return notes


def _hosts(answer: Answer) -> list[str]:
    """The targets whose addresses can be looked up, the preferred first."""
    hosts = [data.host for data in answer.records if isinstance(data, Mx)][:_MAX_TARGETS]
    return [host for host in dict.fromkeys(hosts) if _HOST.fullmatch(host) and not is_address(host)]


def _list(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
