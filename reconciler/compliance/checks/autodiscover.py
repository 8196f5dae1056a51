"""Check `autodiscover`: mail programs find the server. Three-valued: both records right, one, or none."""

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

# A part of the check `autodiscover`: what answers before the server's records do (row 33 of the catalogue of checks).
#
# Outlook tries `https://DOMAIN/autodiscover/`, then `https://autodiscover.DOMAIN/autodiscover/`, and the SRV record
# only after both. So what stands at the first two matters where the host record is not the server's.


_FIRST_CODES: Mapping[str, str] = MappingProxyType(
    {
        "AUTODISCOVER_ORDER": "The host autodiscover leads elsewhere, and Outlook asks there before it looks for the "
        "SRV record. Replace or delete the host.",
        "AUTODISCOVER_OUTLOOK": "The host autodiscover still leads to Microsoft 365. Delete that record.",
        "AUTODISCOVER_WILDCARD": "A wildcard answers for the host autodiscover. Publish a record of that name.",
        "AUTODISCOVER_APEX": "Before any of the records, Outlook asks the domain's own web server. See that it does "
        "not answer for /autodiscover/.",
    }
)
_PROBE = "reconciler-no-such-host"
"""A host that nobody has: what answers for it answers for all."""
_MICROSOFT = "outlook.com"


def _first_questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """The domain's own address; and, where the host has one, that of a host that cannot exist."""
    yield subject.domain, "A"
    probe = _probe(subject)
    if facts.host(_host_autodiscover_first(subject)).addresses and is_askable(probe):
        yield probe, "A"


def _first_notes(subject: Subject, facts: Facts) -> list[Note]:
    """What comes before the server; an answer that is not known says nothing."""
    host, domain, expected = _host_autodiscover_first(subject), subject.domain, subject.expected.autodiscover_host
    found: list[Note] = []
    own = facts.host(host)
    if own.addresses:
        found.append(
            info_note(
                "Outlook tries this host before the SRV record, so it goes to the wrong place first.",
                "AUTODISCOVER_ORDER",
            )
        )
    if any(is_under(alias, _MICROSOFT) for alias in own.aliases):
        text = f"{host} leads to {own.aliases[-1]}: it was left there by Microsoft 365."
        found.append(Note("warn", "AUTODISCOVER_OUTLOOK", "Mail programs are sent to Microsoft 365", text))
    wild = facts.known(_probe(subject), "A")
    if (
        wild is not None
        and wild.addresses()
        and (frozenset(wild.addresses()), wild.aliases) == (own.addresses, own.aliases)
    ):
        text = f"A wildcard answers for every name in {domain}, and so for {host}, which is not there itself."
        found.append(Note("warn", "AUTODISCOVER_WILDCARD", "A wildcard answers for the autodiscover host", text))
    apex = facts.known(domain, "A")
    if apex is not None and set(apex.addresses()) - facts.host(expected).addresses:
        text = (
            f"Before any of the two records, Outlook asks https://{domain}/autodiscover/ at "
            f"{', '.join(apex.addresses()[:5])}; if the web server there answers, it does not look further."
        )
        found.append(info_note(text, "AUTODISCOVER_APEX"))
    return found


def _host_autodiscover_first(subject: Subject) -> str:
    return f"autodiscover.{subject.domain}"


def _probe(subject: Subject) -> str:
    return f"{_PROBE}.{subject.domain}"


# A part of the check `autodiscover`: whether the certificate covers the host that mail programs try first.


_WEB_CODES: Mapping[str, str] = MappingProxyType(
    {
        "AUTODISCOVER_CERTIFICATE": "The certificate does not cover autodiscover.DOMAIN, so mail programs warn before "
        "they get to the SRV record. Have it cover that name, or delete the host and keep the SRV record alone.",
        "AUTODISCOVER_WEB_UNKNOWN": "The web server at autodiscover.DOMAIN could not be reached: nothing is known of "
        "its certificate.",
    }
)


def _web_questions(subject: Subject, facts: Facts) -> Iterator[Fetch]:
    """The page that Outlook asks for, where pages may be fetched and the host is there."""
    if facts.pages is not None and facts.host(f"autodiscover.{subject.domain}").addresses:
        yield Fetch(_url(subject))


def _web_notes(subject: Subject, facts: Facts) -> list[Note]:
    """What the connection told; row 34 of the catalogue of checks. Any answer at all shows a good certificate."""
    page = facts.page(_url(subject))
    if page is None:
        return []
    if page.outcome == "certificate":
        text = f"{page.url}: {page.text}. The SRV record alone needs the server's own name only."
        return [Note("warn", "AUTODISCOVER_CERTIFICATE", "The certificate does not cover the autodiscover host", text)]
    if page.outcome == "temporary" and not page.status:
        text = f"{page.url}: {page.text}. That says nothing about its certificate; try again later."
        return [Note("error", "AUTODISCOVER_WEB_UNKNOWN", "The autodiscover host could not be reached", text)]
    return []


def _url(subject: Subject) -> str:
    return f"https://autodiscover.{subject.domain}/autodiscover/autodiscover.xml"


_BASIS = Basis(id="autodiscover", reference="MS-OXDISCO section 3.1.5, RFC 2782", good_code="AUTODISCOVER_OK")
_PORT = 443

CODES: Mapping[str, str] = MappingProxyType(
    {
        "AUTODISCOVER_OK": "Both records lead mail programs to the server. Nothing is to be done.",
        "AUTODISCOVER_MISSING": "Neither the host autodiscover nor the SRV record leads to the server. Publish both, "
        "or the SRV record alone where no certificate covers the host.",
        "AUTODISCOVER_HALF": "One of the two records is right, so that some mail programs do not find the server. "
        "Publish the other.",
        "AUTODISCOVER_HOST_MISSING": "The host autodiscover is not there. Publish it if a certificate covers its name.",
        "AUTODISCOVER_HOST_WRONG": "The host autodiscover leads elsewhere, and Outlook goes there before it asks for "
        "the SRV record. Replace it.",
        "AUTODISCOVER_HOST_STRAY": "The host autodiscover has addresses that the expected host has not. Use a CNAME.",
        "AUTODISCOVER_SRV_MISSING": "There is no SRV record. Publish it: it needs no certificate of the domain's own.",
        "AUTODISCOVER_SRV_WRONG": "The SRV record leads to another host or port, or nowhere. Replace it.",
        "AUTODISCOVER_SRV_OTHERS": "Another host stands beside the server in the SRV records, as a second choice. "
        "Delete it.",
        "AUTODISCOVER_SRV_CNAME": "The target of the SRV record is a CNAME, which RFC 2782 does not allow. Name the "
        "host itself.",
        "AUTODISCOVER_PARKED": "The domain is declared as sending no mail and receives none either: nothing to judge.",
        **_FIRST_CODES,
        **_WEB_CODES,
    }
)
"""What each code means, and what to do."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The host record or the SRV record.

    Attributes:
        state: `wrong` = something is there, but not what is expected.
        code, text: what is wrong or missing.
        more: warnings and remarks, whatever the state.
    """

    state: Literal["right", "wrong", "missing", "unknown"]
    code: str = ""
    text: str = ""
    unknown: tuple[Answer, ...] = ()
    more: tuple[Note, ...] = ()

    @property
    def amiss(self) -> bool:
        return self.state in ("wrong", "missing")


def questions(subject: Subject, facts: Facts) -> Iterator[Wanted]:
    """The host and the service; the expected host's addresses only where they must be compared.

    Of a domain that sends no mail the MX first: without one it receives none either, and nobody looks for its server.
    """
    if not subject.expected.sends:
        yield subject.domain, "MX"
        mx = facts.known(subject.domain, "MX")
        if mx is None or not _receives(mx):
            return
    host, service, expected = _host(subject), _service(subject), subject.expected.autodiscover_host
    yield service, "SRV"
    yield host, "A"
    first = facts.known(host, "A")
    if first is not None and not first.unknown and not (expected in first.aliases and first.records):
        yield from facts.host_questions(host, every=True)
        if facts.host(host).addresses and expected != host:
            yield from facts.host_questions(expected, every=True)
    answer = facts.known(service, "SRV")
    if answer is not None and any(_is_right(data, subject) for data in answer.records):
        yield from facts.host_questions(subject.expected.autodiscover_srv_target)
    yield from _web_questions(subject, facts)
    if _host_is_known(subject, facts) and _judge_host(subject, facts, facts.answer(host, "A")).amiss:
        yield from _first_questions(subject, facts)


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 30 to 33 of the catalogue of checks."""
    if not subject.expected.sends:
        mx = facts.answer(subject.domain, "MX")
        if mx.unknown:
            return conclude(_BASIS, unknown([mx]), good="")
        if not _receives(mx):
            text = "The domain is declared as sending no mail (dns.sends: false), and has no MX: nobody has mail there."
            return skipped(_BASIS, "AUTODISCOVER_PARKED", "The domain has no part in mail", text)
    host_answer, srv_answer = facts.answer(_host(subject), "A"), facts.answer(_service(subject), "SRV")
    host, service = _judge_host(subject, facts, host_answer), _judge_service(subject, facts, srv_answer)
    found_host, found_srv = found_records(host_answer), found_records(srv_answer)
    more = facts.known(_host(subject), "AAAA")
    found_host.extend(r for r in (found_records(more) if more else []) if r.type == "AAAA")
    wanted_host, wanted_srv = _wanted_host(subject), _wanted_service(subject)
    fix = [
        *(wanted_host if host.amiss else []),
        *(wanted_srv if service.amiss or _crowded(service) else []),
    ]
    expected = [
        *(_kept(found_host, _host(subject)) if host.state == "right" else wanted_host),
        *(_kept(found_srv, _service(subject)) if service.state == "right" and not _crowded(service) else wanted_srv),
    ]
    notes = [*unknown((*host.unknown, *service.unknown)), *_verdict(subject, host, service)]
    if host.amiss:
        notes.extend(_first_notes(subject, facts))
    notes.extend(_web_notes(subject, facts))
    good = f"Mail programs find {subject.expected.autodiscover_host}"
    found = [*found_host, *found_srv]
    return conclude(_BASIS, notes, good=good, expected=expected, found=found, fix=fix)


def _receives(mx: Answer) -> bool:
    return any(isinstance(data, Mx) and data.host for data in mx.records)


def _kept(found: list[Record], name: str) -> list[Record]:
    """The domain's own records among those found, as records to keep."""
    return [Record(r.name, r.type, r.value, publish.TTL) for r in found if r.name == name]


def _crowded(service: _Part) -> bool:
    return any(note.code == "AUTODISCOVER_SRV_OTHERS" for note in service.more)


def _host_is_known(subject: Subject, facts: Facts) -> bool:
    """Whether all that the host's judgement rests on was asked."""
    host, expected = _host(subject), subject.expected.autodiscover_host
    first = facts.known(host, "A")
    if first is None or first.unknown:
        return False
    wanted = facts.host_questions(host, every=True)
    if facts.host(host).addresses and expected not in (host, *first.aliases):
        wanted += facts.host_questions(expected, every=True)
    return all(facts.has(question) for question in wanted)


def _verdict(subject: Subject, host: _Part, service: _Part) -> list[Note]:
    more = [note for part in (host, service) for note in part.more]
    amiss = [part for part in (host, service) if part.amiss]
    if "unknown" in (host.state, service.state):
        return [*(info_note(part.text, part.code) for part in amiss), *more]
    if not amiss:
        return more
    title, code = "One of the two autodiscover records is not right", "AUTODISCOVER_HALF"
    if len(amiss) == 2:
        title, code = "Mail programs do not find the server", "AUTODISCOVER_MISSING"
    status: Status = "fail" if len(amiss) == 2 else "warn"
    notes = [Note(status, code, title, ""), *(Note(status, part.code, title, part.text) for part in amiss)]
    if len(amiss) == 1 and host.state == "missing":
        text = (
            f"Outlook tries the host before the SRV record. Add the host only if the server's certificate covers "
            f"{_host(subject)}; otherwise the SRV record alone spares users a certificate warning."
        )
        notes.append(info_note(text))
    return [*notes, *more]


def _judge_host(subject: Subject, facts: Facts, answer: Answer) -> _Part:
    """Row 30: a CNAME for the expected host, or an address in common with it."""
    name, expected = _host(subject), subject.expected.autodiscover_host
    if answer.unknown:
        return _Part("unknown", unknown=(answer,))
    own = facts.host(name)
    if expected in own.aliases or expected == name:
        if own.addresses:
            return _Part("right")
        if own.unknown:
            return _Part("unknown", unknown=own.unknown)
        return _Part("wrong", "AUTODISCOVER_HOST_WRONG", f"{name} leads to {expected}, which has no address.")
    if not own.addresses:
        if own.unknown:
            return _Part("unknown", unknown=own.unknown)
        if own.aliases:
            text = f"{name} is a CNAME for {own.aliases[-1]}, which has no address."
            return _Part("wrong", "AUTODISCOVER_HOST_WRONG", text)
        text = f"{name} is not there; it should be a CNAME for {expected}."
        return _Part("missing", "AUTODISCOVER_HOST_MISSING", text)
    theirs = facts.host(expected)
    if own.addresses & theirs.addresses:
        stray = sorted(own.addresses - theirs.addresses)
        text = f"{name} has addresses that {expected} has not: {', '.join(stray[:5])}."
        # With an address of one family unknown, a stray address may well be the expected host's.
        told = stray and not theirs.unknown
        return _Part("right", more=(info_note(text, "AUTODISCOVER_HOST_STRAY"),) if told else ())
    if own.unknown or theirs.unknown:
        return _Part("unknown", unknown=(*own.unknown, *theirs.unknown))
    where = own.aliases[-1] if own.aliases else ", ".join(sorted(own.addresses)[:5])
    return _Part("wrong", "AUTODISCOVER_HOST_WRONG", f"{name} leads to {where}, not to {expected}.")


def _judge_service(subject: Subject, facts: Facts, answer: Answer) -> _Part:
    """Rows 31 and 32: the most preferred target is the expected one, on port 443, and alone."""
    name, expected = _service(subject), subject.expected.autodiscover_srv_target
    if answer.unknown:
        return _Part("unknown", unknown=(answer,))
    services = [data for data in answer.records if isinstance(data, Srv)]
    if not services:
        text = f"{name} has no SRV record; it should lead to {expected}, port {_PORT}."
        return _Part("missing", "AUTODISCOVER_SRV_MISSING", text)
    right = [data for data in services if _is_right(data, subject)]
    others = [data for data in services if data not in right]
    shown = ", ".join(f"{data.target or 'nowhere'}:{data.port}" for data in others[:5])
    if not right or any(other.priority <= min(data.priority for data in right) for other in others):
        return _Part("wrong", "AUTODISCOVER_SRV_WRONG", f"{name} leads to {shown}, not to {expected}:{_PORT} alone.")
    target = facts.host(expected)
    if target.unknown and not target.addresses:
        return _Part("unknown", unknown=target.unknown)
    if target.no_address:
        return _Part("wrong", "AUTODISCOVER_SRV_WRONG", f"{name} leads to {expected}, which has no address.")
    more: list[Note] = []
    if others:
        text = f"{name} names another target, of lower preference: {shown}. Delete it if it is not yours."
        more.append(Note("warn", "AUTODISCOVER_SRV_OTHERS", "The SRV records name another host too", text))
    if target.aliases:
        text = f"{expected} is a CNAME; the target of an SRV record must not be one (RFC 2782)."
        more.append(Note("warn", "AUTODISCOVER_SRV_CNAME", "The target of the SRV record is a CNAME", text))
    return _Part("right", more=tuple(more))


def _is_right(data: object, subject: Subject) -> bool:
    expected = subject.expected.autodiscover_srv_target
    return isinstance(data, Srv) and data.target == expected and data.port == _PORT


def _host(subject: Subject) -> str:
    return f"autodiscover.{subject.domain}"


def _service(subject: Subject) -> str:
    return f"_autodiscover._tcp.{subject.domain}"


def _wanted_host(subject: Subject) -> list[Record]:
    """None where the expected host is this very name: its address is the server's matter."""
    if subject.expected.autodiscover_host == _host(subject):
        return []
    return [publish.cname(_host(subject), subject.expected.autodiscover_host)]


def _wanted_service(subject: Subject) -> list[Record]:
    return [publish.srv(_service(subject), subject.expected.autodiscover_srv_target, _PORT)]
