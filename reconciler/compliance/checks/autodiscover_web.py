"""A part of the check `autodiscover`: whether the certificate covers the host that mail programs try first."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance.facts import Facts, Fetch
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Note

CODES: Mapping[str, str] = MappingProxyType(
    {
        "AUTODISCOVER_CERTIFICATE": "The certificate does not cover autodiscover.DOMAIN, so mail programs warn before "
        "they get to the SRV record. Have it cover that name, or delete the host and keep the SRV record alone.",
        "AUTODISCOVER_WEB_UNKNOWN": "The web server at autodiscover.DOMAIN could not be reached: nothing is known of "
        "its certificate.",
    }
)


def questions(subject: Subject, facts: Facts) -> Iterator[Fetch]:
    """The page that Outlook asks for, where pages may be fetched and the host is there."""
    if facts.pages is not None and facts.host(f"autodiscover.{subject.domain}").addresses:
        yield Fetch(_url(subject))


def notes(subject: Subject, facts: Facts) -> list[Note]:
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
