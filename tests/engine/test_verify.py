import pytest
from domain_builders import alias, box, current, desired, gone, plan, read_alias, read_box, rename
from fake_run import FakePasswords, MemoryJournal, run
from fake_server import FakeServer

from reconciler.core.errors import ReconcilerError, Unreachable
from reconciler.core.model import CurrentDomain, DesiredDomain
from reconciler.core.plan import Outcome, Plan
from reconciler.core.secret import SecretRef
from reconciler.engine.apply import apply_plan
from reconciler.engine.observe import Observation
from reconciler.engine.verify import has_converged, verify


def again(wanted: DesiredDomain, seen: Observation, **options: object) -> Plan:
    if isinstance(seen, ReconcilerError):
        return Plan(domain=wanted.domain, server=wanted.server, complete=False)
    return plan(wanted, seen, **options)


def made_and_verified(
    wanted: DesiredDomain, there: CurrentDomain, faults: dict | None = None, **options: object
) -> tuple[dict[str, Outcome], Plan]:
    server = FakeServer()
    server.load(there)
    server.faults = faults or {}
    outcomes = run(apply_plan(plan(wanted, there, **options), server, FakePasswords(), MemoryJournal(), lambda _: None))
    checked, left = run(verify(server, wanted, outcomes, lambda _, seen: again(wanted, seen)))
    assert [o.change for o in checked] == [o.change for o in outcomes]
    return {o.change.name: o for o in checked}, left


def test_an_applied_change_that_a_read_confirms_has_converged() -> None:
    outcomes, left = made_and_verified(desired([box("a", quota=5, eas=True)], [alias("s", "a")]), current())
    assert {o.result.value for o in outcomes.values()} == {"applied"}
    assert has_converged(left)


IGNORED = {
    "create": (desired([box("a")]), current(), "it does not exist"),
    "update": (desired([box("a", quota=5)]), current([read_box("a")]), "quota is 0, not 5"),
    "delete": (desired([], removed=[gone("a")]), current([read_box("a")]), "it still exists"),
    "rename": (desired([box("b")], renamed=[rename("a", "b")]), current([read_box("a")]), "it still has its old name"),
    "rename alias": (
        desired(aliases=[alias("b", "x@else.example")], renamed=[rename("a", "b", "alias")]),
        current(aliases=[read_alias("a")]),
        "it still has its old name",
    ),
    "seats": (desired([box("a", eas=True)]), current([read_box("a")]), "eas is false, not true"),
}


@pytest.mark.parametrize("case", sorted(IGNORED))
def test_a_change_that_the_server_accepted_without_effect_becomes_failed(case: str) -> None:
    wanted, there, what = IGNORED[case]
    outcomes, left = made_and_verified(wanted, there, {1: "ignore"})
    assert outcomes["a"].result.value == "failed"
    assert outcomes["a"].detail == f"the server accepted the change, but a new read shows: {what}"
    assert outcomes["a"].hint
    assert not has_converged(left)


def test_ambiguous_activations_are_decided_by_the_read() -> None:
    wanted, there = desired([box("a", eas=True)]), current([read_box("a")])
    outcomes, left = made_and_verified(wanted, there, {1: "ambiguous, no effect", 2: "ambiguous, no effect"})
    assert (outcomes["a"].result.value, has_converged(left)) == ("failed", False)
    outcomes, left = made_and_verified(wanted, there, {1: "ambiguous, applied"})
    assert (outcomes["a"].result.value, has_converged(left)) == ("applied", True)


def test_only_the_fields_of_a_change_can_contradict_it() -> None:
    """The server rejected the activation, which remains; the successful rename does not fail because of it."""
    wanted = desired([box("b", quota=5)], renamed=[rename("a", "b")])
    outcomes, left = made_and_verified(wanted, current([read_box("a")]), {2: "refuse"})
    assert {n: o.result.value for n, o in outcomes.items()} == {"a": "applied", "b": "failed"}
    assert outcomes["b"].detail == "the server says no"
    assert [c.name for c in left.changes] == ["b"]


def test_a_failed_or_untried_change_keeps_its_reason() -> None:
    outcomes, left = made_and_verified(desired([box("a")], [alias("s", "a")]), current(), {1: "refuse"})
    assert outcomes["a"].detail == "the server says no"
    assert outcomes["s"].detail.startswith("it depends on")
    assert not has_converged(left)


def test_a_remaining_password_does_not_contradict_an_update() -> None:
    ref = SecretRef("env", "A", version=2)
    wanted = desired([box("a", quota=5, password=ref)])
    server, there = FakeServer(), current([read_box("a")])
    server.load(there)
    known = {"a@example.com": 1}
    made = plan(wanted, there, password_versions=known)
    outcomes = run(apply_plan(made, server, FakePasswords(), MemoryJournal(), lambda _: None))
    checked, left = run(verify(server, wanted, outcomes, lambda _, seen: again(wanted, seen, password_versions=known)))
    assert [o.result.value for o in checked] == ["applied"]
    assert not has_converged(left)


def test_without_a_read_nothing_has_converged_and_outcomes_stay() -> None:
    wanted, there = desired([box("a")]), current()
    server = FakeServer()
    server.load(there)
    outcomes = run(apply_plan(plan(wanted, there), server, FakePasswords(), MemoryJournal(), lambda _: None))
    server.read_fault = Unreachable("no answer")
    checked, left = run(verify(server, wanted, outcomes, lambda _, seen: again(wanted, seen)))
    assert [o.result.value for o in checked] == ["applied"]
    assert not has_converged(left)
