"""Plans show the bill to the cent, with the same rounding as `status` and the invoice."""

from decimal import Decimal

import pytest

from reconciler.core.plan import Cost, Plan
from reconciler.core.quantities import format_money
from reconciler.output.plan.costs import bill_words, cost_words
from reconciler.output.plan.json import plans_document


def cost(before: str, after: str) -> Cost:
    return Cost(currency="CAD", before=Decimal(before), after=Decimal(after))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("9.95", "19.555", "CAD 9.95 -> 19.56 (+9.61)"),
        ("9.945", "0.005", "CAD 9.95 -> 0.01 (-9.94)"),
        ("1.001", "1.002", "CAD 1.00 -> 1.00 (+0.00)"),
        ("0.125", "0.125", "CAD 0.13, unchanged"),
    ],
)
def test_half_a_cent_is_rounded_up_and_the_difference_is_that_of_the_amounts_shown(
    before: str, after: str, expected: str
) -> None:
    assert cost_words(cost(before, after), arrow="->") == expected


def test_text_and_json_show_the_amount_that_status_shows() -> None:
    plan = Plan(domain="example.com", server="mail1", cost=cost("0.125", "2.005"))
    (line,) = bill_words([plan], arrow="->")
    shown = [format_money(Decimal(x)) for x in ("0.125", "2.005")]
    assert line == f"Monthly bill: CAD {shown[0]} -> {shown[1]} (+1.88)."
    (domain,) = plans_document([plan], {})["domains"]  # type: ignore[misc]
    assert [domain["cost"]["monthlyBefore"], domain["cost"]["monthlyAfter"]] == shown
