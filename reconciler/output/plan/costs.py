"""The effect of plans on the monthly bill, as text: per domain, and in total per currency."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from reconciler.core.billing import total
from reconciler.core.plan import Cost, Plan
from reconciler.core.quantities import format_money


@dataclass(frozen=True, slots=True)
class Bill:
    """The bill of all domains in one currency.

    Attributes:
        cost: the sums over the domains with both amounts known; None on both sides if there is no such domain.
        unknown: the number of domains with an unknown amount; they are in neither sum.
    """

    cost: Cost
    unknown: int


def plan_bills(plans: Iterable[Plan]) -> tuple[Bill, ...]:
    """The bill in each currency, sorted by currency; empty if no product has prices."""
    costs = [p.cost for p in plans if p.cost is not None]
    return tuple(_bill(currency, costs) for currency in sorted({c.currency for c in costs}))


def _bill(currency: str, costs: Iterable[Cost]) -> Bill:
    # Amounts of different currencies cannot be added, and the program knows no exchange rates.
    of_currency = [c for c in costs if c.currency == currency]
    # A domain counts on both sides or on neither. Otherwise an unknown amount would look like a saving or a price
    # increase.
    known = [(c.before, c.after) for c in of_currency if c.before is not None and c.after is not None]
    if not known:
        return Bill(Cost(currency=currency, before=None, after=None), len(of_currency))
    before, after = (total(side) for side in zip(*known, strict=True))
    return Bill(Cost(currency=currency, before=before, after=after), len(of_currency) - len(known))


def amount(value: Decimal | None) -> str:
    """`14.50`, with two decimals, rounded as `status` does."""
    return "unknown" if value is None else format_money(value)


def cost_words(cost: Cost, *, arrow: str) -> str:
    """`USD 14.50 -> 19.00 (+4.50)`, or `USD 14.50, unchanged`; not yet safe to print."""
    if cost.before == cost.after:
        return f"{cost.currency} {amount(cost.before)}" + (", unchanged" if cost.before is not None else "")
    words = f"{cost.currency} {amount(cost.before)} {arrow} {amount(cost.after)}"
    if cost.before is None or cost.after is None:
        return words
    # The difference of the rounded amounts, because a reader subtracts what is shown.
    difference = Decimal(amount(cost.after)) - Decimal(amount(cost.before))
    return f"{words} ({difference:+.2f})"


def bill_words(plans: Iterable[Plan], *, arrow: str) -> Iterator[str]:
    """`Monthly bill: USD 14.50 -> 19.00 (+4.50).`, one line per currency; unknown amounts are counted."""
    for bill in plan_bills(plans):
        if bill.cost.before is None:
            text = f"{bill.cost.currency} unknown"
        else:
            text = cost_words(bill.cost, arrow=arrow)
            if bill.unknown:
                domains = "1 domain" if bill.unknown == 1 else f"{bill.unknown} domains"
                text += f"; unknown for {domains}"
        yield f"Monthly bill: {text}."
