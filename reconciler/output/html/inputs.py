"""The input of the pages."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.comparison import Comparison
from reconciler.core.findings import DomainReport
from reconciler.core.status import DomainStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcStart:
    """The initial values of the DMARC form of a page.

    Attributes:
        policy: the policy that the domain publishes, or that of the product if it is stricter.
        rua, ruf: addresses or URIs for reports, separated by spaces; None or empty = no reports.
        subdomain_policy, np: empty = `sp` is the same as `p`, and `np` the same as `sp`.
        published: the policy that the domain publishes now; None = it publishes none, or it is unknown.
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
        status: None for a domain alias, and if the report does not include data of the mail servers.
    """

    report: DomainReport
    dmarc: DmarcStart
    status: DomainStatus | None = None
    product: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteInput:
    """All pages.

    Attributes:
        generated: shown in one element of each page. Only this element differs between reports of the same results.
        comparison: the differences from an earlier report; None = no earlier report was given.
    """

    pages: tuple[PageInput, ...]
    generated: Mapping[str, object]
    comparison: Comparison | None = None
