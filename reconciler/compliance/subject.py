"""The subject of a check: one domain or domain alias, and its expected DNS records."""

from dataclasses import dataclass

from reconciler.core.expectations import Expected
from reconciler.core.model import Dkim


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One domain to check.

    Attributes:
        domain: canonical, as from `reconciler.core.names`.
        server: the workspace's name of the mail server.
        dkim: the server's DKIM settings; None = unknown.
        dkim_problem: why the server did not give its DKIM settings; empty if nobody asked the server.
        alias_of: the domain that this domain alias belongs to; None = it is a domain.
    """

    domain: str
    server: str
    expected: Expected
    dkim: Dkim | None
    alias_of: str | None = None
    dkim_problem: str = ""
