"""What the pages are made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.comparison import Comparison
from reconciler.core.findings import DomainReport
from reconciler.core.status import DomainStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcStart:
    """With what the DMARC generator of a page begins.

    Attributes:
        policy: what the domain publishes itself, or the product's where that is stronger.
        rua, ruf: addresses or URIs for reports, separated by spaces; None or empty = nobody.
        subdomain_policy, np: empty = as the one before.
        published: the policy that the domain itself publishes now; None where there is none, or none is known.
    """

    policy: str
    rua: str | None
    ruf: str = ""
    subdomain_policy: str = ""
    np: str = ""
    adkim: str = "r"
    aspf: str = "r"
    fo: str = "0"
    testing: bool = False
    published: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageInput:
    """One domain or domain alias.

    Attributes:
        status: None of a domain alias, and where the mail servers were not asked.
    """

    report: DomainReport
    dmarc: DmarcStart
    status: DomainStatus | None = None
    product: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteInput:
    """All pages.

    Attributes:
        generated: shown in one element of each page, the only one that differs between reports of the same facts.
        comparison: with an earlier report, where one was given.
    """

    pages: tuple[PageInput, ...]
    generated: Mapping[str, object]
    comparison: Comparison | None = None
