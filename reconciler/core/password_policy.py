"""What a server asks of passwords, and whether a product says the same."""

from dataclasses import dataclass
from typing import Literal

from reconciler.core.product import PasswordPolicy

PolicyState = Literal["same", "different", "partly-known", "unknown"]
"""partly-known: what the server told is as in the product, but it did not tell all · unknown: it told nothing."""

_RULES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPasswordPolicy:
    """The rules that a product has too, as far as the server told them; None = unknown. `min_length` in characters."""

    min_length: int | None = None
    require_uppercase: bool | None = None
    require_digit: bool | None = None
    require_special: bool | None = None


def as_policy(server: ServerPasswordPolicy) -> PasswordPolicy:
    """A server's rules as far as they are known; a rule that it did not tell asks nothing."""
    return PasswordPolicy(
        min_length=server.min_length or 0,
        require_uppercase=bool(server.require_uppercase),
        require_digit=bool(server.require_digit),
        require_special=bool(server.require_special),
    )


def stricter(product: PasswordPolicy, server: ServerPasswordPolicy) -> PasswordPolicy:
    """What satisfies both a product's rules and a server's."""
    told = as_policy(server)
    return PasswordPolicy(
        min_length=max(product.min_length, told.min_length),
        require_uppercase=product.require_uppercase or told.require_uppercase,
        require_digit=product.require_digit or told.require_digit,
        require_special=product.require_special or told.require_special,
    )


@dataclass(frozen=True, slots=True)
class PolicyDifference:
    """One rule on which the two do not agree; `rule` is its name in product files."""

    rule: str
    product: int | bool
    server: int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyComparison:
    """Whether a server's password policy is the product's.

    Attributes:
        differences: the rules that are known of both and differ, in the order of product files.
        unknown: the rules that the server did not tell.
    """

    differences: tuple[PolicyDifference, ...]
    unknown: tuple[str, ...]

    @property
    def state(self) -> PolicyState:
        """The comparison in a word: a difference outweighs what is unknown."""
        if self.differences:
            return "different"
        if not self.unknown:
            return "same"
        return "unknown" if len(self.unknown) == _RULES else "partly-known"


def compare_policies(product: PasswordPolicy, server: ServerPasswordPolicy | None) -> PolicyComparison:
    """Holds each of the product's rules against the server's; None = the server tells nothing."""
    told = server or ServerPasswordPolicy()
    rows: tuple[tuple[str, int | bool, int | bool | None], ...] = (
        ("minLength", product.min_length, told.min_length),
        ("requireUppercase", product.require_uppercase, told.require_uppercase),
        ("requireDigit", product.require_digit, told.require_digit),
        ("requireSpecial", product.require_special, told.require_special),
    )
    assert len(rows) == _RULES
    return PolicyComparison(
        differences=tuple(
            PolicyDifference(rule, wanted, found)
            for rule, wanted, found in rows
            if found is not None and found != wanted
        ),
        unknown=tuple(rule for rule, _, found in rows if found is None),
    )
