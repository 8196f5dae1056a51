"""A product: limits, offer, password policy, prices and DNS expectations (the 23 options of the hosting panel)."""

from dataclasses import dataclass, field
from decimal import Decimal

from reconciler.core.expectations import DnsOverrides
from reconciler.core.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Maximum numbers; None = not stated. `mailboxes` and `aliases`: 0 = unlimited; `domain_aliases`: 0 = not offered.

    Sizes are bytes, 0 = unlimited.
    """

    mailboxes: int | None = None
    aliases: int | None = None
    domain_aliases: int | None = None
    mailbox_quota: int | None = None
    domain_size: int | None = None
    eas_accounts: int | None = None
    mapi_accounts: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Whether a customer may turn EAS and MAPI on (options 14 and 15)."""

    eas: bool = True
    mapi: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """The rules for passwords (options 9 to 12)."""

    min_length: int = 8
    require_uppercase: bool = True
    require_digit: bool = True
    require_special: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """Prices per month (options 1 to 4 and 16); None = not stated: no bill is shown."""

    currency: str = "USD"
    tranche_gib: int = 10
    tranche_price: Decimal | None = None
    eas_price: Decimal = Decimal(0)
    mapi_price: Decimal = Decimal(0)
    eas_mapi_price: Decimal = Decimal(0)
    threshold_days: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product file; the file name is the product's name."""

    name: str
    limits: Limits = Limits()
    offer: Offer = Offer()
    password_policy: PasswordPolicy = PasswordPolicy()
    billing: Billing = Billing()
    dns: DnsOverrides = field(default_factory=DnsOverrides)
    origin: Span = field(default=Span(""), compare=False)


def password_faults(policy: PasswordPolicy, password: str, *, local_part: str, domain: str) -> tuple[str, ...]:
    """The rules that a password violates, as texts; empty for a valid password.

    In addition to the four rules of the policy, a password must not contain the mailbox's name, the domain, or the
    first label of the domain if it has four letters or more. An empty name is unknown and not checked.
    """
    # Names are compared without case, because attackers try all spellings.
    lower = password.lower()
    label = domain.split(".", 1)[0]
    faults = [
        (len(password) < policy.min_length, f"it has fewer than {policy.min_length} characters"),
        (policy.require_uppercase and not any(c.isupper() for c in password), "it has no upper-case letter"),
        (policy.require_digit and not any(c.isdigit() for c in password), "it has no digit"),
        (policy.require_special and all(c.isalnum() or c.isspace() for c in password), "it has no special character"),
        (bool(local_part) and local_part.lower() in lower, "it contains the mailbox's name"),
        (bool(domain) and domain in lower, "it contains the domain"),
        # Short labels such as `mx` occur by chance. A password with the complete domain has one message, not two.
        (len(label) >= 4 and domain not in lower and label in lower, "it contains the domain's first label"),
    ]
    return tuple(text for at_fault, text in faults if at_fault)
