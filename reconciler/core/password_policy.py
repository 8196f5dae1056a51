"""The password rules of a server, and their comparison with those of a product."""

from dataclasses import dataclass
from typing import Literal

from reconciler.core.product import PasswordPolicy

PolicyState = Literal["same", "different", "partly-known", "unknown"]
"""partly-known: all rules that the server reported are equal, but some are missing · unknown: it reported none."""

_RULES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPasswordPolicy:
    """The server's values of the rules that products have; None = not reported. `min_length` in characters."""

    min_length: int | None = None
    require_uppercase: bool | None = None
    require_digit: bool | None = None
    require_special: bool | None = None


def as_policy(server: ServerPasswordPolicy) -> PasswordPolicy:
    """The rules of a server as a policy; a rule that it did not report requires nothing."""
    # The defaults of PasswordPolicy are those of products, so each rule is set explicitly.
    return PasswordPolicy(
        min_length=server.min_length or 0,
        require_uppercase=bool(server.require_uppercase),
        require_digit=bool(server.require_digit),
        require_special=bool(server.require_special),
    )


def stricter(product: PasswordPolicy, server: ServerPasswordPolicy) -> PasswordPolicy:
    """The policy that satisfies the rules of both the product and the server."""
    reported = as_policy(server)
    return PasswordPolicy(
        min_length=max(product.min_length, reported.min_length),
        require_uppercase=product.require_uppercase or reported.require_uppercase,
        require_digit=product.require_digit or reported.require_digit,
        require_special=product.require_special or reported.require_special,
    )


@dataclass(frozen=True, slots=True)
class PolicyDifference:
    """One rule with different values; `rule` is its name in product files."""

    rule: str
    product: int | bool
    server: int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyComparison:
    """The comparison of a server's password policy with the product's.

    Attributes:
        differences: the rules with different values, in the order of product files.
        unknown: the rules that the server did not report.
    """

    differences: tuple[PolicyDifference, ...]
    unknown: tuple[str, ...]

    @property
    def state(self) -> PolicyState:
        """The result in one word. A difference has precedence over unknown rules."""
        if self.differences:
            return "different"
        if not self.unknown:
            return "same"
        return "unknown" if len(self.unknown) == _RULES else "partly-known"


def compare_policies(product: PasswordPolicy, server: ServerPasswordPolicy | None) -> PolicyComparison:
    """Compares each rule of the product with the server's; None = the server reports no rules."""
    # A server without any report is compared like one that reports no rule, so that both have the state "unknown".
    reported = server or ServerPasswordPolicy()
    rows: tuple[tuple[str, int | bool, int | bool | None], ...] = (
        ("minLength", product.min_length, reported.min_length),
        ("requireUppercase", product.require_uppercase, reported.require_uppercase),
        ("requireDigit", product.require_digit, reported.require_digit),
        ("requireSpecial", product.require_special, reported.require_special),
    )
    # `state` tells "unknown" from "partly-known" by this number.
    assert len(rows) == _RULES
    return PolicyComparison(
        differences=tuple(
            PolicyDifference(rule, wanted, found)
            for rule, wanted, found in rows
            if found is not None and found != wanted
        ),
        unknown=tuple(rule for rule, _, found in rows if found is None),
    )
