"""What is checked: one domain or domain alias, and what is expected of it."""

from dataclasses import dataclass

from reconciler.core.expectations import Expected
from reconciler.core.model import Dkim


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One domain to check.

    Attributes:
        domain: canonical, as from `reconciler.core.names`.
        server: the workspace's name of the mail server.
        dkim: how the server signs; None = unknown: the server was not asked, or could not say.
        dkim_problem: why a server that was asked could not say; empty where it was not asked.
        alias_of: the domain of which this is a domain alias.
    """

    domain: str
    server: str
    expected: Expected
    dkim: Dkim | None
    alias_of: str | None = None
    dkim_problem: str = ""
