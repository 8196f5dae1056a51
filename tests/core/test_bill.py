"""The monthly bill: started tranches, EAS and MAPI accounts, and the effect of a plan."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from domain_builders import box, by_name, current, desired, gone, plan, read_box, rename
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.billing import Activations, activations_of, bill, billed_protocols, cost_of
from reconciler.core.model import UNSET, CurrentDomain
from reconciler.core.plan import Cost
from reconciler.core.product import Billing

GIB = 1 << 30
PRICES = {
    "tranche_price": Decimal("4.00"),
    "eas_price": Decimal("2.00"),
    "mapi_price": Decimal("3.00"),
    "eas_mapi_price": Decimal("4.50"),
}
BUSINESS = Billing(**PRICES)
NOBODY = Activations()

money = st.decimals(0, 1000, places=2)
counts = st.integers(0, 500)
activations = st.builds(Activations, eas=counts, mapi=counts, both=counts)


def domain(*mailboxes: Any, usage: int | None = 0) -> CurrentDomain:
    return replace(current(mailboxes), usage_bytes=usage)


@st.composite
def billings(draw: Any) -> Billing:
    """Prices with a combination that is at least as expensive as each part, or that charges both parts."""
    eas, mapi = draw(money), draw(money)
    both = draw(st.one_of(st.just(Decimal(0)), st.decimals(max(eas, mapi), 2000, places=2)))
    return Billing(
        tranche_gib=draw(st.integers(1, 100)),
        tranche_price=draw(money),
        eas_price=eas,
        mapi_price=mapi,
        eas_mapi_price=both,
    )


@pytest.mark.parametrize(
    ("usage", "tranches"),
    [(0, 1), (1, 1), (10 * GIB - 1, 1), (10 * GIB, 1), (10 * GIB + 1, 2), (20 * GIB, 2), (21 * GIB, 3), (30 * GIB, 3)],
)
def test_the_price_counts_once_per_started_tranche_and_the_first_is_always_started(usage: int, tranches: int) -> None:
    assert bill(BUSINESS, usage, NOBODY) == tranches * Decimal("4.00")


def test_the_combined_price_replaces_both() -> None:
    assert bill(BUSINESS, 0, Activations(eas=2, mapi=3, both=4)) == Decimal("4.00") + 4 + 9 + 18


def test_a_combined_price_of_zero_means_that_both_are_charged() -> None:
    separate = replace(BUSINESS, eas_mapi_price=Decimal(0))
    assert bill(separate, 0, Activations(both=4)) == Decimal("4.00") + 4 * 5


def test_without_prices_there_is_no_bill_and_a_price_of_zero_is_one() -> None:
    assert bill(Billing(), 5 * GIB, Activations(eas=3)) is None
    assert bill(Billing(tranche_price=Decimal(0)), 5 * GIB, None) == 0
    assert bill(Billing(eas_price=Decimal(2)), None, Activations(eas=3)) == 6


def test_only_figures_with_a_price_must_be_known() -> None:
    assert bill(BUSINESS, None, NOBODY) is None
    assert bill(BUSINESS, 0, None) is None
    assert bill(Billing(tranche_price=Decimal(4)), 0, None) == 4
    assert bill(Billing(eas_price=Decimal(2)), None, NOBODY) == 0


def test_only_protocols_with_a_price_are_billed() -> None:
    assert billed_protocols(Billing(tranche_price=Decimal(4))) == frozenset()
    assert billed_protocols(Billing(eas_price=Decimal(2))) == {"eas"}
    assert billed_protocols(Billing(mapi_price=Decimal(2))) == {"mapi"}
    assert billed_protocols(Billing(eas_mapi_price=Decimal(2))) == {"eas", "mapi"}


def test_the_hosts_own_account_is_never_billed_and_other_administrators_are() -> None:
    both = {"eas": True, "mapi": True}
    boxes = [read_box("boss", is_primary_admin=True, is_admin=True, **both), read_box("chief", is_admin=True, **both)]
    assert activations_of(boxes, BUSINESS) == Activations(both=1)


def test_an_unread_activation_makes_the_bill_unknown_only_if_it_has_a_price() -> None:
    boxes = [read_box("anna", eas=True, mapi=UNSET)]
    assert activations_of(boxes, BUSINESS) is None
    assert activations_of(boxes, Billing(eas_price=Decimal(2))) == Activations(eas=1)
    assert cost_of(plan(desired(), domain(*boxes)), domain(*boxes), BUSINESS) == Cost(
        currency="USD", before=None, after=None
    )


def test_an_unknown_usage_makes_the_bill_unknown_if_storage_has_a_price() -> None:
    there = domain(read_box("anna", eas=True), usage=None)
    made = plan(desired(), there)
    assert cost_of(made, there, BUSINESS) == Cost(currency="USD", before=None, after=None)
    seats_only = cost_of(made, there, replace(BUSINESS, tranche_price=None))
    assert seats_only == Cost(currency="USD", before=Decimal("2.00"), after=Decimal("2.00"))


def test_a_deletion_frees_the_storage_and_the_activations_of_a_mailbox() -> None:
    there = domain(
        read_box("anna", usage_bytes=15 * GIB, eas=True), read_box("ben", usage_bytes=6 * GIB), usage=21 * GIB
    )
    made = plan(desired([box("ben")], removed=[gone("anna")]), there)
    assert cost_of(made, there, BUSINESS) == Cost(currency="USD", before=Decimal("14.00"), after=Decimal("4.00"))


def test_a_deleted_mailbox_of_unknown_size_makes_the_bill_after_the_plan_unknown() -> None:
    there = domain(read_box("anna"), read_box("ben"), usage=21 * GIB)
    made = plan(desired([box("ben")], removed=[gone("anna")]), there)
    assert cost_of(made, there, BUSINESS) == Cost(currency="USD", before=Decimal("12.00"), after=None)


def test_deleting_more_than_the_server_counts_leaves_one_tranche() -> None:
    there = domain(read_box("anna", usage_bytes=15 * GIB), read_box("ben", usage_bytes=0), usage=11 * GIB)
    made = plan(desired([box("ben")], removed=[gone("anna")]), there)
    assert cost_of(made, there, BUSINESS) == Cost(currency="USD", before=Decimal("8.00"), after=Decimal("4.00"))


def test_a_new_mailbox_has_the_activations_of_its_file() -> None:
    there = domain(read_box("ben"))
    made = plan(desired([box("ben", mapi=True), box("anna", eas=True, mapi=True), box("carl")]), there)
    assert cost_of(made, there, BUSINESS) == Cost(currency="USD", before=Decimal("4.00"), after=Decimal("11.50"))


def test_a_rename_changes_no_price_but_an_update_with_it_does() -> None:
    there = domain(read_box("robert", eas=True))
    made = plan(desired([box("bob")], renamed=[rename("robert", "bob")]), there)
    assert made.changes
    assert cost_of(made, there, BUSINESS) == Cost(currency="USD", before=Decimal("6.00"), after=Decimal("6.00"))
    made = plan(desired([box("bob", mapi=True)], renamed=[rename("robert", "bob")]), there)
    assert cost_of(made, there, BUSINESS) == Cost(currency="USD", before=Decimal("6.00"), after=Decimal("8.50"))


def test_the_bill_after_an_incomplete_plan_is_unknown() -> None:
    there = domain(read_box("ben", quota=UNSET))
    made = plan(desired([box("ben", quota=GIB)]), there)
    assert not made.complete
    assert cost_of(made, there, BUSINESS) == Cost(currency="USD", before=Decimal("4.00"), after=None)


def test_without_prices_a_plan_has_no_cost() -> None:
    there = domain(read_box("ben"))
    assert cost_of(plan(desired(), there), there, Billing()) is None


def test_sums_of_any_length_are_exact() -> None:
    odd = Billing(tranche_price=Decimal("0.1"), tranche_gib=1, eas_price=Decimal("0." + "0" * 5 + "1"))
    assert bill(odd, 3 * GIB, Activations(eas=3)) == Decimal("0.300003")
    huge = Billing(tranche_price=Decimal("9" * 60), eas_price=Decimal("0.000001"))
    assert bill(huge, 0, Activations(eas=1)) == Decimal("9" * 60 + ".000001")


@settings(deadline=None, max_examples=100)
@given(billings(), st.integers(0, 1 << 50), st.integers(0, 1 << 40), activations, activations)
def test_more_storage_or_more_activations_never_cost_less(
    billing: Billing, usage: int, more: int, some: Activations, others: Activations
) -> None:
    before = bill(billing, usage, some)
    joined = Activations(eas=some.eas + others.eas, mapi=some.mapi + others.mapi, both=some.both + others.both)
    after = bill(billing, usage + more, joined)
    assert before is not None and after is not None
    assert after >= before


@settings(deadline=None, max_examples=100)
@given(billings(), st.integers(0, 1 << 50), activations)
def test_a_second_protocol_for_a_mailbox_never_costs_less(billing: Billing, usage: int, some: Activations) -> None:
    before = bill(billing, usage, Activations(eas=some.eas + 1, mapi=some.mapi, both=some.both))
    after = bill(billing, usage, Activations(eas=some.eas, mapi=some.mapi, both=some.both + 1))
    assert before is not None and after is not None
    assert after >= before


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 100), st.integers(1, 10_000))
def test_a_full_tranche_does_not_start_the_next_one(size: int, number: int) -> None:
    billing = Billing(tranche_gib=size, tranche_price=Decimal(1))
    edge = number * size * GIB
    assert [bill(billing, edge + step, None) for step in (-1, 0, 1)] == [number, number, number + 1]


@settings(deadline=None, max_examples=50)
@given(billings(), st.lists(st.tuples(st.booleans(), st.booleans()), max_size=5), st.integers(0, 1 << 40))
def test_a_plan_without_changes_costs_nothing(billing: Billing, rows: list[tuple[bool, bool]], usage: int) -> None:
    boxes = [read_box(f"m{n}", eas=eas, mapi=mapi) for n, (eas, mapi) in enumerate(rows)]
    there = replace(current(), mailboxes=by_name(boxes), usage_bytes=usage)
    made = plan(desired(), there)
    cost = cost_of(made, there, billing)
    assert made.changes == ()
    assert cost is not None and cost.before == cost.after is not None
