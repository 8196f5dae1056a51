"""Check `autodiscover`: mail programs find the server by the autodiscover host and the SRV record.

Outlook tries `https://DOMAIN/autodiscover/`, then `https://autodiscover.DOMAIN/autodiscover/`, and the SRV record only
after both fail. So the first two matter even if the SRV record is correct (row 33 of the catalogue of checks).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Fetch, Question, Wanted
from reconciler.compliance.records.addresses import is_askable, is_under
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, info_note, skipped, unknown
from reconciler.core.findings import Finding, Record, Status
from reconciler.core.lookups import Answer, Mx, Srv

_BASIS = Basis(id="autodiscover", reference="MS-OXDISCO section 3.1.5, RFC 2782", good_code="AUTODISCOVER_OK")
_PORT = 443
_PROBE = "reconciler-no-such-host"
"""A host name that no domain uses: only a wildcard answers for it."""
_MICROSOFT = "outlook.com"

CODES: Mapping[str, str] = MappingProxyType(
    {
        "AUTODISCOVER_OK": "Both records point to the server. No action needed.",
        "AUTODISCOVER_MISSING": "Neither the autodiscover host nor the SRV record points to the server. Publish both. "
        "If no certificate covers the host, publish only the SRV record.",
        "AUTODISCOVER_HALF": "Only one of the two records is correct, so some mail programs do not find the server. "
        "Publish the other one.",
        "AUTODISCOVER_HOST_MISSING": "The autodiscover host does not exist. Publish it if the server's certificate "
        "covers its name.",
        "AUTODISCOVER_HOST_WRONG": "The autodiscover host points to another server, and Outlook tries it before the "
        "SRV record. Replace it.",
        "AUTODISCOVER_HOST_STRAY": "The autodiscover host has addresses that the expected host does not have. Use a "
        "CNAME.",
        "AUTODISCOVER_SRV_MISSING": "The SRV record is missing. Publish it. It needs no certificate for the domain "
        "itself.",
        "AUTODISCOVER_SRV_WRONG": "The SRV record points to another host or port, or to a host without an address. "
        "Replace it.",
        "AUTODISCOVER_SRV_OTHERS": "The SRV records contain another host with a lower priority. Delete its record if "
        "it is not yours.",
        "AUTODISCOVER_SRV_CNAME": "The target of the SRV record is a CNAME, which RFC 2782 forbids. Use the canonical "
        "host name.",
        "AUTODISCOVER_PARKED": "The domain neither sends nor receives mail, so this check does not apply.",
        "AUTODISCOVER_ORDER": "The autodiscover host points to another server, and Outlook tries it before the SRV "
        "record. Replace or delete the host.",
        "AUTODISCOVER_OUTLOOK": "The autodiscover host still points to Microsoft 365. Delete that record.",
        "AUTODISCOVER_WILDCARD": "A wildcard record answers for the autodiscover host. Publish a record with that "
        "name.",
        "AUTODISCOVER_APEX": "Outlook first tries the domain's own web server. Make sure that it does not answer "
        "requests for /autodiscover/.",
        "AUTODISCOVER_CERTIFICATE": "The certificate does not cover autodiscover.DOMAIN, so mail programs show a "
        "warning before they try the SRV record. Add the name to the certificate, or delete the host and keep only the "
        "SRV record.",
        "AUTODISCOVER_WEB_UNKNOWN": "The web server at autodiscover.DOMAIN did not respond, so its certificate is "
        "unknown. Run the check again later.",
    }
)
"""Codes of this check: meaning and remedy."""


@dataclass(frozen=True, slots=True)
class _RecordState:
    """The state of the host record or of the SRV record.

    Attributes:
        state: `wrong` = a record exists, but not the expected one.
        code, text: the fault, for `wrong` and `missing`.
        more: other notes, in any state.
    """

    state: Literal["right", "wrong", "missing", "unknown"]
    code: str = ""
    text: str = ""
    unknown: tuple[Answer, ...] = ()
    more: tuple[Note, ...] = ()

    @property
    def faulty(self) -> bool:
        return self.state in ("wrong", "missing")


def questions(subject: Subject, facts: Facts) -> Iterator[Wanted]:
    """The host and the SRV record; the addresses of the expected host only if they must be compared.

    For a domain that sends no mail, the MX comes first: without one it receives no mail either and needs no records.
    """
    if not subject.expected.sends:
        yield subject.domain, "MX"
        mx = facts.known(subject.domain, "MX")
        # `judge` skips the check in this case, so further lookups would be useless.
        if mx is None or not _receives(mx):
            return
    host, service, expected = _host(subject), _service(subject), subject.expected.autodiscover_host
    yield service, "SRV"
    yield host, "A"
    first = facts.known(host, "A")
    # A CNAME for the expected host is correct without a comparison of addresses.
    if first is not None and not first.unknown and not (expected in first.aliases and first.records):
        yield from facts.host_questions(host, every=True)
        if facts.host(host).addresses and expected != host:
            yield from facts.host_questions(expected, every=True)
    answer = facts.known(service, "SRV")
    # The target's addresses matter only if the SRV record is otherwise correct.
    if answer is not None and any(_is_right(data, subject) for data in answer.records):
        yield from facts.host_questions(subject.expected.autodiscover_srv_target)
    yield from _web_questions(subject, facts)
    # Questions about the precedence serve only as a diagnosis of a wrong host. A correct domain does not pay for them.
    if _host_is_known(subject, facts) and _judge_host(subject, facts, facts.answer(host, "A")).faulty:
        yield from _precedence_questions(subject, facts)


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 30 to 33 of the catalogue of checks."""
    if not subject.expected.sends:
        mx = facts.answer(subject.domain, "MX")
        if mx.unknown:
            return conclude(_BASIS, unknown([mx]), good="")
        if not _receives(mx):
            text = "The domain sends no mail (dns.sends: false) and has no MX record, so it has no mail users."
            return skipped(_BASIS, "AUTODISCOVER_PARKED", "The domain does not use mail", text)
    host_answer, srv_answer = facts.answer(_host(subject), "A"), facts.answer(_service(subject), "SRV")
    host, service = _judge_host(subject, facts, host_answer), _judge_service(subject, facts, srv_answer)
    found_host, found_srv = found_records(host_answer), found_records(srv_answer)
    # The AAAA answer repeats the CNAMEs of the A answer. So only its addresses count as additional records.
    more = facts.known(_host(subject), "AAAA")
    found_host.extend(r for r in (found_records(more) if more else []) if r.type == "AAAA")
    wanted_host, wanted_srv = _wanted_host(subject), _wanted_service(subject)
    fix = [
        *(wanted_host if host.faulty else []),
        *(wanted_srv if service.faulty or _has_others(service) else []),
    ]
    expected = [
        *(_kept(found_host, _host(subject)) if host.state == "right" else wanted_host),
        *(_kept(found_srv, _service(subject)) if service.state == "right" and not _has_others(service) else wanted_srv),
    ]
    notes = [*unknown((*host.unknown, *service.unknown)), *_verdict(subject, host, service)]
    if host.faulty:
        # A correct host gives Outlook the right server, regardless of the SRV record.
        notes.extend(_precedence_notes(subject, facts))
    notes.extend(_web_notes(subject, facts))
    good = f"Mail programs find {subject.expected.autodiscover_host}"
    found = [*found_host, *found_srv]
    return conclude(_BASIS, notes, good=good, expected=expected, found=found, fix=fix)


def _receives(mx: Answer) -> bool:
    return any(isinstance(data, Mx) and data.host for data in mx.records)


def _kept(found: list[Record], name: str) -> list[Record]:
    """The records found at `name`, as records to keep."""
    return [Record(r.name, r.type, r.value, publish.TTL) for r in found if r.name == name]


def _has_others(service: _RecordState) -> bool:
    return any(note.code == "AUTODISCOVER_SRV_OTHERS" for note in service.more)


def _host_is_known(subject: Subject, facts: Facts) -> bool:
    """Whether all lookups for the judgment of the host are done."""
    host, expected = _host(subject), subject.expected.autodiscover_host
    first = facts.known(host, "A")
    if first is None or first.unknown:
        return False
    wanted = facts.host_questions(host, every=True)
    if facts.host(host).addresses and expected not in (host, *first.aliases):
        wanted += facts.host_questions(expected, every=True)
    return all(facts.has(question) for question in wanted)


def _verdict(subject: Subject, host: _RecordState, service: _RecordState) -> list[Note]:
    more = [note for part in (host, service) for note in part.more]
    faulty = [part for part in (host, service) if part.faulty]
    # If one record is unknown, the other one alone must not turn the finding into a failure.
    if "unknown" in (host.state, service.state):
        return [*(info_note(part.text, part.code) for part in faulty), *more]
    if not faulty:
        return more
    title, code = "One of the two autodiscover records is wrong", "AUTODISCOVER_HALF"
    # One correct record is enough for most programs. Without any, users must configure the server by hand.
    if len(faulty) == 2:
        title, code = "Mail programs do not find the server", "AUTODISCOVER_MISSING"
    status: Status = "fail" if len(faulty) == 2 else "warn"
    notes = [Note(status, code, title, ""), *(Note(status, part.code, title, part.text) for part in faulty)]
    # Publishing the host can make things worse: without a matching certificate, all users see a warning.
    if len(faulty) == 1 and host.state == "missing":
        text = (
            f"Outlook tries the host before the SRV record. Add the host only if the server's certificate covers "
            f"{_host(subject)}. Otherwise users get a certificate warning that the SRV record alone avoids."
        )
        notes.append(info_note(text))
    return [*notes, *more]


def _judge_host(subject: Subject, facts: Facts, answer: Answer) -> _RecordState:
    """Row 30: the host is a CNAME for the expected host, or shares an address with it."""
    name, expected = _host(subject), subject.expected.autodiscover_host
    if answer.unknown:
        return _RecordState("unknown", unknown=(answer,))
    own = facts.host(name)
    # A CNAME follows the server when its address changes, so it needs no comparison.
    if expected in own.aliases or expected == name:
        if own.addresses:
            return _RecordState("right")
        if own.unknown:
            return _RecordState("unknown", unknown=own.unknown)
        return _RecordState("wrong", "AUTODISCOVER_HOST_WRONG", f"{name} points to {expected}, which has no address.")
    if not own.addresses:
        if own.unknown:
            return _RecordState("unknown", unknown=own.unknown)
        if own.aliases:
            text = f"{name} is a CNAME for {own.aliases[-1]}, which has no address."
            return _RecordState("wrong", "AUTODISCOVER_HOST_WRONG", text)
        text = f"{name} does not exist. Publish a CNAME for {expected}."
        return _RecordState("missing", "AUTODISCOVER_HOST_MISSING", text)
    theirs = facts.host(expected)
    # One common address is enough: users often copy only the IPv4 address.
    if own.addresses & theirs.addresses:
        stray = sorted(own.addresses - theirs.addresses)
        text = f"{name} has addresses that {expected} does not have: {', '.join(stray[:5])}."
        # If a lookup for the expected host failed, the extra address may be one of its own.
        certain = stray and not theirs.unknown
        return _RecordState("right", more=(info_note(text, "AUTODISCOVER_HOST_STRAY"),) if certain else ())
    if own.unknown or theirs.unknown:
        return _RecordState("unknown", unknown=(*own.unknown, *theirs.unknown))
    where = own.aliases[-1] if own.aliases else ", ".join(sorted(own.addresses)[:5])
    return _RecordState("wrong", "AUTODISCOVER_HOST_WRONG", f"{name} points to {where} instead of {expected}.")


def _judge_service(subject: Subject, facts: Facts, answer: Answer) -> _RecordState:
    """Rows 31 and 32: the target with the highest priority is the expected host on port 443."""
    name, expected = _service(subject), subject.expected.autodiscover_srv_target
    if answer.unknown:
        return _RecordState("unknown", unknown=(answer,))
    services = [data for data in answer.records if isinstance(data, Srv)]
    if not services:
        text = f"{name} has no SRV record. Publish one for {expected}, port {_PORT}."
        return _RecordState("missing", "AUTODISCOVER_SRV_MISSING", text)
    right = [data for data in services if _is_right(data, subject)]
    others = [data for data in services if data not in right]
    shown = ", ".join(f"{data.target or '.'}:{data.port}" for data in others[:5])
    # With equal priority, clients choose at random, so a foreign target gets a part of them.
    if not right or any(other.priority <= min(data.priority for data in right) for other in others):
        return _RecordState(
            "wrong", "AUTODISCOVER_SRV_WRONG", f"{name} points to {shown} instead of only {expected}:{_PORT}."
        )
    target = facts.host(expected)
    if target.unknown and not target.addresses:
        return _RecordState("unknown", unknown=target.unknown)
    if target.no_address:
        return _RecordState("wrong", "AUTODISCOVER_SRV_WRONG", f"{name} points to {expected}, which has no address.")
    more: list[Note] = []
    if others:
        text = f"{name} also contains {shown}, with a lower priority. Delete that record if it is not yours."
        more.append(Note("warn", "AUTODISCOVER_SRV_OTHERS", "The SRV records contain another host", text))
    if target.aliases:
        text = f"{expected} is a CNAME. The target of an SRV record must not be a CNAME (RFC 2782)."
        more.append(Note("warn", "AUTODISCOVER_SRV_CNAME", "The target of the SRV record is a CNAME", text))
    return _RecordState("right", more=tuple(more))


def _precedence_questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """The domain's own address; and if the host has one, the address of a host that nobody uses."""
    yield subject.domain, "A"
    probe = _probe(subject)
    if facts.host(_host(subject)).addresses and is_askable(probe):
        yield probe, "A"


def _precedence_notes(subject: Subject, facts: Facts) -> list[Note]:
    """Row 33: servers that Outlook tries before the expected one. A failed lookup gives no note."""
    host, domain, expected = _host(subject), subject.domain, subject.expected.autodiscover_host
    found: list[Note] = []
    own = facts.host(host)
    if own.addresses:
        found.append(
            info_note(
                "Outlook tries this host before the SRV record, so it connects to the wrong server first.",
                "AUTODISCOVER_ORDER",
            )
        )
    if any(is_under(alias, _MICROSOFT) for alias in own.aliases):
        text = f"{host} points to {own.aliases[-1]}, left over from Microsoft 365."
        found.append(Note("warn", "AUTODISCOVER_OUTLOOK", "The autodiscover host points to Microsoft 365", text))
    wild = facts.known(_probe(subject), "A")
    if (
        wild is not None
        and wild.addresses()
        and (frozenset(wild.addresses()), wild.aliases) == (own.addresses, own.aliases)
    ):
        # Equal addresses and aliases for a random name prove that the host has no record of its own.
        text = f"A wildcard record answers for every name in {domain}. {host} itself does not exist."
        found.append(Note("warn", "AUTODISCOVER_WILDCARD", "A wildcard record answers for the autodiscover host", text))
    apex = facts.known(domain, "A")
    if apex is not None and set(apex.addresses()) - facts.host(expected).addresses:
        text = (
            f"Outlook first requests https://{domain}/autodiscover/ from "
            f"{', '.join(apex.addresses()[:5])}. If that web server answers, Outlook uses neither of the two records."
        )
        found.append(info_note(text, "AUTODISCOVER_APEX"))
    return found


def _web_questions(subject: Subject, facts: Facts) -> Iterator[Fetch]:
    """The page that Outlook requests, if fetching is on and the host exists."""
    if facts.pages is not None and facts.host(_host(subject)).addresses:
        yield Fetch(_url(subject))


def _web_notes(subject: Subject, facts: Facts) -> list[Note]:
    """Row 34: the certificate of the autodiscover host. Any HTTP response proves that it is valid."""
    page = facts.page(_url(subject))
    if page is None:
        return []
    if page.outcome == "certificate":
        text = f"{page.url}: {page.text}. An SRV record without the host needs only the server's own name."
        return [Note("warn", "AUTODISCOVER_CERTIFICATE", "The certificate does not cover the autodiscover host", text)]
    # A status code, even an error, means that the TLS handshake succeeded.
    if page.outcome == "temporary" and not page.status:
        text = f"{page.url}: {page.text}. Its certificate is unknown. Try again later."
        return [Note("error", "AUTODISCOVER_WEB_UNKNOWN", "The autodiscover host did not respond", text)]
    return []


def _url(subject: Subject) -> str:
    return f"https://{_host(subject)}/autodiscover/autodiscover.xml"


def _is_right(data: object, subject: Subject) -> bool:
    expected = subject.expected.autodiscover_srv_target
    return isinstance(data, Srv) and data.target == expected and data.port == _PORT


def _host(subject: Subject) -> str:
    return f"autodiscover.{subject.domain}"


def _service(subject: Subject) -> str:
    return f"_autodiscover._tcp.{subject.domain}"


def _wanted_host(subject: Subject) -> list[Record]:
    """The CNAME. Empty if the expected host has this name itself: its address is not part of this check."""
    if subject.expected.autodiscover_host == _host(subject):
        return []
    return [publish.cname(_host(subject), subject.expected.autodiscover_host)]


def _wanted_service(subject: Subject) -> list[Record]:
    return [publish.srv(_service(subject), subject.expected.autodiscover_srv_target, _PORT)]


def _probe(subject: Subject) -> str:
    return f"{_PROBE}.{subject.domain}"
