"""The bill after an apply is that of the plan, an empty plan does not change it, and it takes few requests."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
import stamina
from domain_builders import box, current, desired, gone, read_box
from fake_run import run
from fake_server import FakeServer
from http_values import Silent
from http_world import HttpWorld, start, stop
from hypothesis import given, settings
from hypothesis import strategies as st
from law_strategies import TODAY, Situation, situations

from reconciler.app.apply.run import ApplyHooks, run_apply
from reconciler.app.plan.planner import PlanRequest
from reconciler.app.plan.reading import make_plans
from reconciler.config.workspace import Configuration
from reconciler.core.billing import cost_of
from reconciler.core.model import CurrentDomain, DesiredDomain
from reconciler.core.plan import Cost, Plan
from reconciler.core.ports import ReadScope
from reconciler.core.product import Billing, Product
from reconciler.engine.observe import observe

GIB = 1 << 30
BUSINESS = Billing(
    tranche_price=Decimal("4.00"),
    eas_price=Decimal("2.00"),
    mapi_price=Decimal("3.00"),
    eas_mapi_price=Decimal("4.50"),
)
ACTIVATIONS = ReadScope(activations=frozenset({"eas", "mapi"}))
LISTS = ("GET settings/domain/active-sync-mailboxes", "GET settings/domain/mapi-ews-mailboxes")


def heavy(there: Situation, sizes: list[int]) -> Situation:
    """A situation with mailbox sizes around the limits of tranches."""
    facts = {name: sizes[n % len(sizes)] for n, name in enumerate(sorted(there.current.mailboxes))}
    mailboxes = {
        n: replace(m, facts=replace(m.facts, usage_bytes=facts[n])) for n, m in there.current.mailboxes.items()
    }
    return replace(there, current=replace(there.current, mailboxes=mailboxes))


def seen(server: FakeServer, wanted: DesiredDomain) -> CurrentDomain:
    found = run(observe(server, wanted, ACTIVATIONS))
    assert isinstance(found, CurrentDomain)
    return found


@settings(deadline=None, max_examples=120)
@given(situations(), st.lists(st.sampled_from([0, 1, GIB, 9 * GIB, 10 * GIB, 25 * GIB]), min_size=1, max_size=4))
def test_the_bill_after_an_apply_is_that_of_the_plan(there: Situation, sizes: list[int]) -> None:
    there = heavy(there, sizes)
    server, journal = there.server(), there.journal()
    before = seen(server, there.desired)
    made = there.plan_from(before, journal)
    promised = cost_of(made, before, BUSINESS)
    there.apply_to(server, journal)
    after = seen(server, there.desired)
    left = there.plan_from(after, journal)
    assert left.changes == ()
    kept = cost_of(left, after, BUSINESS)
    assert promised is not None and kept is not None
    assert promised.after == kept.before == kept.after
    assert promised.after is not None and promised.before is not None
    assert made.changes or promised.before == promised.after


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    made = start(tmp_path_factory.mktemp("cost"))
    with stamina.set_testing(True, attempts=4, cap=True):
        yield made
    stop(made)


def configured(world: HttpWorld, wanted: DesiredDomain, billing: Billing) -> Configuration:
    sold = replace(wanted, product="business")
    config = world.configuration(world.root(), sold)
    return replace(config, products={"business": Product(name="business", billing=billing)})


def planned(world: HttpWorld, wanted: DesiredDomain, billing: Billing) -> tuple[Plan, Counter[str]]:
    """A plan and the requests that it sent."""
    world.own("POST", "requests/reset")
    (made,) = run(make_plans(configured(world, wanted, billing), PlanRequest(today=TODAY), Silent()))
    return made, Counter(f"{r['method']} {r['endpoint']}" for r in world.log())


@pytest.mark.parametrize(
    ("billing", "more"),
    [
        (Billing(), ()),
        (Billing(tranche_price=Decimal(4)), ()),
        (Billing(mapi_price=Decimal(3)), LISTS[1:]),
        (BUSINESS, LISTS),
    ],
    ids=["no prices", "storage only", "MAPI only", "all"],
)
def test_a_bill_costs_a_request_for_each_protocol_that_has_a_price_and_no_other(
    world: HttpWorld, billing: Billing, more: tuple[str, ...]
) -> None:
    world.load(current([read_box("anna", eas=True), read_box("ben")]))
    wanted = desired([box("anna"), box("ben", quota=GIB)])
    world.own("POST", "requests/reset")
    run(make_plans(world.configuration(world.root(), wanted), PlanRequest(today=TODAY), Silent()))
    plain = Counter(f"{r['method']} {r['endpoint']}" for r in world.log())
    made, asked = planned(world, wanted, billing)
    assert asked - plain == Counter(more)
    assert plain - asked == Counter()
    assert (made.cost is None) is (billing == Billing())


def test_managed_activations_are_not_requested_twice(world: HttpWorld) -> None:
    world.load(current([read_box("anna")]))
    _, asked = planned(world, desired([box("anna", eas=True, mapi=True)]), BUSINESS)
    assert [asked[name] for name in LISTS] == [1, 1]


def test_the_bill_of_a_real_server_after_the_apply_is_that_of_the_plan(world: HttpWorld) -> None:
    there = current([read_box("anna", eas=True), read_box("ben", mapi=True), read_box("old")])
    world.load(there)
    for name, size in (("anna", 9 * GIB), ("old", 12 * GIB)):
        world.own("POST", "account", {"email": f"{name}@example.com", "size": size})
    wanted = desired([box("anna", mapi=True), box("carl", eas=True)], removed=[gone("old")])
    made, _ = planned(world, wanted, BUSINESS)
    # Before: 21 GiB are 3 tranches, one EAS, one MAPI. After: 9 GiB, one EAS, one MAPI, one with both.
    assert made.cost == Cost(currency="USD", before=Decimal("17.00"), after=Decimal("13.50"))
    config = configured(world, wanted, BUSINESS)
    hooks = ApplyHooks(agree=lambda _: True, on_outcome=lambda _: None)
    assert run(run_apply(config, PlanRequest(today=TODAY), hooks, Silent())).converged
    again, _ = planned(world, wanted, BUSINESS)
    assert again.cost == Cost(currency="USD", before=Decimal("13.50"), after=Decimal("13.50"))


@pytest.mark.parametrize("missing", ["missing:settings/domain/active-sync-mailboxes"])
def test_with_unreadable_activations_the_bill_is_unknown_and_the_plan_continues(world: HttpWorld, missing: str) -> None:
    world.load(current([read_box("anna")]), after=[missing])
    made, _ = planned(world, desired([box("anna", quota=GIB)]), BUSINESS)
    assert made.complete and len(made.changes) == 1
    assert made.cost == Cost(currency="USD", before=None, after=None)
