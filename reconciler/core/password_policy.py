"""What a server asks of passwords, and whether a product says the same."""

from dataclasses import dataclass

from reconciler.core.product import PasswordPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPasswordPolicy:
    """The rules that a product has too, as far as the server told them; None = unknown. `min_length` in characters."""

    min_length: int | None = None
    require_uppercase: bool | None = None
    require_digit: bool | None = None
    require_special: bool | None = None


@dataclass(frozen=True, slots=True)
class PolicyDifference:
    """One rule on which the two do not agree; `rule` is its name in product files."""

    rule: str
    product: int | bool
    server: int | bool


def policy_differences(product: PasswordPolicy, server: ServerPasswordPolicy) -> tuple[PolicyDifference, ...]:
    """The rules that are known of both and differ, in the order of product files."""
    rows: tuple[tuple[str, int | bool, int | bool | None], ...] = (
        ("minLength", product.min_length, server.min_length),
        ("requireUppercase", product.require_uppercase, server.require_uppercase),
        ("requireDigit", product.require_digit, server.require_digit),
        ("requireSpecial", product.require_special, server.require_special),
    )
    return tuple(
        PolicyDifference(rule, wanted, found) for rule, wanted, found in rows if found is not None and found != wanted
    )
