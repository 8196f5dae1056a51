"""How domains stand: how much of each limit is used, the bill, DNS in a word each, and the password policy. Pure."""

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
    """How much of a limit is used: a count, or bytes.

    Attributes:
        used: None = unknown.
        sold: the product's limit; None = none, or not stated.
        served: the server's own limit; None = none, or not known.
        switched_off: the server says that the feature is off for this domain.
    """

    used: int | None
    sold: int | None = None
    served: int | None = None
    switched_off: bool = False

    @property
    def limit(self) -> int | None:
        """The lower of the two limits; None = none that is known."""
        return min((n for n in (self.sold, self.served) if n is not None), default=None)

    @property
    def exceeded(self) -> bool:
        """Whether more is used than the lower limit allows."""
        return self.used is not None and self.limit is not None and self.used > self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a read of the domain told. The host's own account is counted in none of them but in `disk`.

    Attributes:
        disk: bytes.
        currency: None where the product has no prices.
        monthly: the bill; None where there is none, or where it cannot be known.
        passwords: None where the domain has no product to compare the server's policy with.
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
        figures: None where the domain could not be read; `diagnostics` then say why.
        pills: check -> its status; empty where DNS was not asked.
        dns_problem: why DNS could not be asked at all; empty where it was, or was not wanted.
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
        product: None where the file names none: only the server's limits are known then.
        current: read with the seats (`ReadScope.seats`), as far as the server tells them.
        policy: the server's password policy, None where it cannot be read.
    """
    sold = product.limits if product else Limits()
    server = current.limits
    own = [m for m in current.mailboxes.values() if not is_hosts_own(m)]
    billing = product.billing if product and is_billed(product.billing) else None
    return Figures(
        mailboxes=Use(used=len(own), sold=sold.mailboxes or None, served=server.mailboxes or None),
        aliases=Use(used=len(current.aliases), sold=sold.aliases or None, served=server.aliases or None),
        domain_aliases=Use(
            # The product's 0 is a limit: the feature is not offered. The server's 0 is none.
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
    known = not any(isinstance(value, Unset) for value in values)
    return Use(used=sum(values) if known else None, sold=sold or None, served=served or None, switched_off=switched_off)
