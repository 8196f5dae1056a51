"""A part of the check `autodiscover`: what answers before the server's records do (row 33 of the catalogue of checks).

Outlook tries `https://DOMAIN/autodiscover/`, then `https://autodiscover.DOMAIN/autodiscover/`, and the SRV record only
after both. So what stands at the first two matters where the host record is not the server's.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records.dns_names import is_askable, is_under
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Note, remark

CODES: Mapping[str, str] = MappingProxyType(
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


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """The domain's own address; and, where the host has one, that of a host that cannot exist."""
    yield subject.domain, "A"
    probe = _probe(subject)
    if facts.host(_host(subject)).addresses and is_askable(probe):
        yield probe, "A"


def notes(subject: Subject, facts: Facts) -> list[Note]:
    """What comes before the server; an answer that is not known says nothing."""
    host, domain, expected = _host(subject), subject.domain, subject.expected.autodiscover_host
    found: list[Note] = []
    own = facts.host(host)
    if own.addresses:
        found.append(
            remark(
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
        found.append(remark(text, "AUTODISCOVER_APEX"))
    return found


def _host(subject: Subject) -> str:
    return f"autodiscover.{subject.domain}"


def _probe(subject: Subject) -> str:
    return f"{_PROBE}.{subject.domain}"
