"""The status of domains: the use of each limit, the bill, one status per DNS check, and the password policy. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from reconciler.core.billing import activations_of, bill, is_billed
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.findings import Status
from reconciler.core.model import CurrentDomain, Mailbox, Unset
from reconciler.core.ownership import is_hosts_own
from reconciler.core.password_policy import PolicyComparison, ServerPasswordPolicy, compare_policies
from reconciler.core.product import Limits, Product

NO_PILLS: Mapping[str, Status] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The use of a limit: a count, or bytes.

    Attributes:
        used: None = unknown.
        sold: the product's limit; None = unlimited or not stated.
        served: the server's own limit; None = unlimited or unknown.
        switched_off: the server reports that the feature is off for this domain.
    """

    used: int | None
    sold: int | None = None
    served: int | None = None
    switched_off: bool = False

    @property
    def limit(self) -> int | None:
        """The lower of the two limits; None = unlimited or unknown."""
        return min((n for n in (self.sold, self.served) if n is not None), default=None)

    @property
    def exceeded(self) -> bool:
        """Whether the use exceeds the lower limit."""
        return self.used is not None and self.limit is not None and self.used > self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of a domain from one read. Only `disk` includes the host's own account.

    Attributes:
        disk: bytes.
        currency: None if the product has no prices.
        monthly: the bill; None without prices, or if the bill is unknown.
        passwords: None without a product, because there is nothing to compare the server's policy with.
    """

    mailboxes: Use
    aliases: Use
    domain_aliases: Use
    eas: Use
    mapi: Use
    disk: Use
    currency: str | None = None
    monthly: Decimal | None = None
    passwords: PolicyComparison | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainStatus:
    """One domain.

    Attributes:
        figures: None if the domain could not be read; `diagnostics` have the reason.
        pills: check -> its status; empty if DNS was not checked.
        dns_problem: why DNS could not be checked; empty if it was, or was not requested.
    """

    domain: str
    server: str
    product: str | None
    figures: Figures | None
    diagnostics: tuple[Diagnostic, ...] = ()
    pills: Mapping[str, Status] = field(default_factory=lambda: NO_PILLS)
    dns_problem: str = ""


def figures(product: Product | None, current: CurrentDomain, policy: ServerPasswordPolicy | None) -> Figures:
    """The figures of a domain that was read.

    Args:
        product: None if the file names none; then only the server's limits are known.
        current: read with the activations (`ReadScope.activations`), as far as the server reports them.
        policy: the server's password policy, None if it cannot be read.
    """
    sold = product.limits if product else Limits()
    server = current.limits
    # The host's own account belongs to the host, so customers neither see nor pay for it.
    own = [m for m in current.mailboxes.values() if not is_hosts_own(m)]
    # A product without prices shows no bill, instead of a bill of 0.
    billing = product.billing if product and is_billed(product.billing) else None
    return Figures(
        mailboxes=Use(used=len(own), sold=sold.mailboxes or None, served=server.mailboxes or None),
        aliases=Use(used=len(current.aliases), sold=sold.aliases or None, served=server.aliases or None),
        domain_aliases=Use(
            # 0 means "not offered" in a product, but "unlimited" on the server.
            used=len(current.domain_aliases),
            sold=sold.domain_aliases,
            served=server.domain_aliases or None,
        ),
        eas=_activations(own, "eas", sold.eas_accounts, server.eas, switched_off=server.eas_enabled is False),
        mapi=_activations(own, "mapi", sold.mapi_accounts, server.mapi, switched_off=server.mapi_enabled is False),
        disk=Use(used=current.usage_bytes, sold=sold.domain_size or None, served=server.domain_size or None),
        currency=billing.currency if billing else None,
        monthly=bill(billing, current.usage_bytes, activations_of(own, billing)) if billing else None,
        passwords=compare_policies(product.password_policy, policy) if product else None,
    )


def _activations(own: list[Mailbox], protocol: str, sold: int | None, served: int | None, *, switched_off: bool) -> Use:
    values = [getattr(m, protocol) for m in own]
    # One unread mailbox makes the count a lower bound, which a reader would mistake for the number.
    known = not any(isinstance(value, Unset) for value in values)
    return Use(used=sum(values) if known else None, sold=sold or None, served=served or None, switched_off=switched_off)
