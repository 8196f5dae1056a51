"""Check `autodiscover`: mail programs find the server. Three-valued: both records right, one, or none."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from reconciler.compliance import publish
from reconciler.compliance.checks import autodiscover_web
from reconciler.compliance.facts import Facts, Wanted
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, remark, unknown
from reconciler.core.dns import Answer, Srv
from reconciler.core.findings import Finding, Record

_BASIS = Basis(id="autodiscover", reference="MS-OXDISCO section 3.1.5, RFC 2782", good_code="AUTODISCOVER_OK")
_PORT = 443


@dataclass(frozen=True, slots=True)
class _Part:
    """The host record or the SRV record.

    Attributes:
        state: `wrong` = something is there, but not what is expected.
        text: what is wrong or missing.
    """

    state: Literal["right", "wrong", "missing", "unknown"]
    text: str = ""
    unknown: tuple[Answer, ...] = ()
    remarks: list[str] = field(default_factory=list)


def questions(subject: Subject, facts: Facts) -> Iterator[Wanted]:
    """The host and the service; the expected host's addresses only where they must be compared."""
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
    yield from autodiscover_web.questions(subject, facts)


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 30 to 33 of the catalogue of checks."""
    host_answer, srv_answer = facts.answer(_host(subject), "A"), facts.answer(_service(subject), "SRV")
    host, service = _judge_host(subject, facts, host_answer), _judge_service(subject, facts, srv_answer)
    found_host, found_srv = found_records(host_answer), found_records(srv_answer)
    more = facts.known(_host(subject), "AAAA")
    found_host.extend(r for r in (found_records(more) if more else []) if r.type == "AAAA")
    wanted_host, wanted_srv = _wanted_host(subject), _wanted_service(subject)
    fix = [
        *(wanted_host if host.state in ("wrong", "missing") else []),
        *(wanted_srv if service.state in ("wrong", "missing") else []),
    ]
    expected = [
        *(_kept(found_host, _host(subject)) if host.state == "right" else wanted_host),
        *(_kept(found_srv, _service(subject)) if service.state == "right" else wanted_srv),
    ]
    notes = [*unknown((*host.unknown, *service.unknown)), *_verdict(subject, host, service)]
    notes.extend(autodiscover_web.notes(subject, facts))
    good = f"Mail programs find {subject.expected.autodiscover_host}"
    found = [*found_host, *found_srv]
    return conclude(_BASIS, notes, good=good, expected=expected, found=found, fix=fix)


def _kept(found: list[Record], name: str) -> list[Record]:
    """The domain's own records among those found, as records to keep."""
    return [Record(r.name, r.type, r.value, publish.TTL) for r in found if r.name == name]


def _verdict(subject: Subject, host: _Part, service: _Part) -> list[Note]:
    remarks = [remark(text) for part in (host, service) for text in part.remarks]
    texts = [part.text for part in (host, service) if part.state in ("wrong", "missing")]
    if "unknown" in (host.state, service.state):
        return [*(remark(text) for text in texts), *remarks]
    right = [part.state for part in (host, service)].count("right")
    if right == 2:
        return remarks
    if not right:
        title = "Mail programs do not find the server"
        return [*(Note("fail", "AUTODISCOVER_MISSING", title, text) for text in texts), *remarks]
    title = "One of the two autodiscover records is not right"
    notes = [Note("warn", "AUTODISCOVER_HALF", title, text) for text in texts]
    if host.state == "wrong":
        text = "Outlook tries this host before the SRV record, so it goes to the wrong place first."
        notes.append(remark(text))
    elif host.state == "missing":
        text = (
            f"Outlook tries the host before the SRV record. Add the host only if the server's certificate covers "
            f"{_host(subject)}; otherwise the SRV record alone spares users a certificate warning."
        )
        notes.append(remark(text))
    return [*notes, *remarks]


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
        return _Part("wrong", f"{name} leads to {expected}, which has no address.")
    if not own.addresses:
        if own.unknown:
            return _Part("unknown", unknown=own.unknown)
        if own.aliases:
            return _Part("wrong", f"{name} is a CNAME for {own.aliases[-1]}, which has no address.")
        return _Part("missing", f"{name} is not there; it should be a CNAME for {expected}.")
    theirs = facts.host(expected)
    if own.addresses & theirs.addresses:
        stray = sorted(own.addresses - theirs.addresses)
        remarks = [f"{name} has addresses that {expected} has not: {', '.join(stray[:5])}."] if stray else []
        # With an address of one family unknown, a stray address may well be the expected host's.
        return _Part("right", remarks=[] if theirs.unknown else remarks)
    if own.unknown or theirs.unknown:
        return _Part("unknown", unknown=(*own.unknown, *theirs.unknown))
    where = own.aliases[-1] if own.aliases else ", ".join(sorted(own.addresses)[:5])
    left = " It was left there by Microsoft 365." if where.endswith(".outlook.com") else ""
    return _Part("wrong", f"{name} leads to {where}, not to {expected}.{left}")


def _judge_service(subject: Subject, facts: Facts, answer: Answer) -> _Part:
    """Rows 31 and 32: the most preferred target is the expected one, on port 443."""
    name, expected = _service(subject), subject.expected.autodiscover_srv_target
    if answer.unknown:
        return _Part("unknown", unknown=(answer,))
    services = [data for data in answer.records if isinstance(data, Srv)]
    if not services:
        return _Part("missing", f"{name} has no SRV record; it should lead to {expected}, port {_PORT}.")
    right = [data for data in services if _is_right(data, subject)]
    others = [data for data in services if data not in right]
    if not right or any(other.priority <= min(data.priority for data in right) for other in others):
        shown = ", ".join(f"{data.target or 'nowhere'}:{data.port}" for data in others[:5])
        return _Part("wrong", f"{name} leads to {shown}, not to {expected}:{_PORT} alone.")
    target = facts.host(expected)
    if target.unknown and not target.addresses:
        return _Part("unknown", unknown=target.unknown)
    if target.nowhere:
        return _Part("wrong", f"{name} leads to {expected}, which has no address.")
    remarks = [f"{name} names another target of lower preference: {others[0].target}."] if others else []
    if target.aliases:
        remarks.append(f"{expected} is a CNAME; the target of an SRV record should not be one (RFC 2782).")
    return _Part("right", remarks=remarks)


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
