"""The comparison of a server's password rules with the product's."""

from reconciler.core.password_policy import (
    PolicyDifference,
    ServerPasswordPolicy,
    as_policy,
    compare_policies,
    stricter,
)
from reconciler.core.product import PasswordPolicy

PRODUCT = PasswordPolicy(min_length=12)
SAME = ServerPasswordPolicy(min_length=12, require_uppercase=True, require_digit=True, require_special=True)


def test_equal_policies_are_the_same() -> None:
    found = compare_policies(PRODUCT, SAME)
    assert (found.state, found.differences, found.unknown) == ("same", (), ())


def test_each_different_rule_is_listed_and_has_precedence_over_unknown_ones() -> None:
    found = compare_policies(PRODUCT, ServerPasswordPolicy(min_length=5, require_special=False))
    assert found.state == "different"
    assert found.differences == (
        PolicyDifference("minLength", 12, 5),
        PolicyDifference("requireSpecial", True, False),
    )
    assert found.unknown == ("requireUppercase", "requireDigit")


def test_an_unreported_rule_never_counts_as_equal() -> None:
    assert compare_policies(PRODUCT, None).state == "unknown"
    assert compare_policies(PRODUCT, ServerPasswordPolicy()).state == "unknown"
    assert compare_policies(PRODUCT, ServerPasswordPolicy(min_length=12)).state == "partly-known"


def test_the_stricter_policy_has_the_harder_of_each_rule() -> None:
    product = PasswordPolicy(min_length=12, require_uppercase=False, require_digit=True, require_special=False)
    server = ServerPasswordPolicy(min_length=8, require_uppercase=True, require_special=None)
    both = PasswordPolicy(min_length=12, require_uppercase=True, require_digit=True, require_special=False)
    assert stricter(product, server) == both
    assert stricter(product, ServerPasswordPolicy(min_length=30)).min_length == 30
    assert stricter(product, ServerPasswordPolicy()) == product


def test_a_server_that_reports_no_rules_requires_nothing() -> None:
    nothing = PasswordPolicy(min_length=0, require_uppercase=False, require_digit=False, require_special=False)
    assert as_policy(ServerPasswordPolicy()) == nothing
