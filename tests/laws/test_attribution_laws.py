"""Attribution is a partition: every change of head has one, every change of base is in head or hidden, never both."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from law_strategies import Situation, situations

from reconciler.core.plan import Change, FieldChange, Plan
from reconciler.core.planning.provenance import attribute, directed

Part = tuple[str, Any, FieldChange | None]
"""A rename or another change of a resource as a unit, or one written field."""


@st.composite
def pairs(draw: Any) -> tuple[Plan, Plan, Plan, Situation]:
    """Head, base and the attributed plan for one state of the server; half of the bases are similar to head."""
    there = draw(situations())
    other = draw(situations())
    wanted = other.desired
    if draw(st.booleans()):
        wanted = replace(there.desired, removed=other.desired.removed, aliases=other.desired.aliases, renamed=())
    head = there.plan()
    base = replace(there, desired=wanted, policy=other.policy).plan()
    assert head.complete
    assert base.complete
    return head, base, attribute(head, base), there


def live(plan: Plan, change: Change) -> str:
    """The resource on the server."""
    renamed = {(c.kind, c.new_name): c.name for c in plan.changes if c.action == "rename"}
    if change.action != "rename":
        change = replace(change, name=renamed.get((change.kind, change.name), change.name))
    return change.key


def parts(plan: Plan, changes: tuple[Change, ...]) -> set[tuple[object, ...]]:
    """The smallest effects of changes: updates field by field, other changes as units."""
    found: set[tuple[object, ...]] = set()
    for change in changes:
        key = live(plan, change)
        if change.action == "update":
            found |= {(key, f.name) for f in change.fields}
        else:
            found.add((key, change.action, change.new_name))
    return found


@settings(max_examples=80)
@given(pairs())
def test_every_change_has_an_attribution_and_no_change_is_both_hidden_and_planned(made: Any) -> None:
    head, base, shown, _ = made
    assert all(c.attribution for c in shown.changes)
    assert all(f.attribution for c in shown.changes for f in c.fields)
    assert shown == head
    here, pending = parts(head, head.changes), parts(base, base.changes)
    hidden = parts(base, shown.hidden)
    assert hidden <= pending
    assert hidden & here == set()
    assert hidden | here >= pending


@settings(max_examples=80)
@given(pairs())
def test_the_attribution_follows_from_the_two_plans(made: Any) -> None:
    head, base, shown, _ = made
    planned = {(live(base, c), f) for c in base.changes for f in c.fields}
    touched = {(key, f.name) for key, f in planned}
    for change in shown.changes:
        key = live(head, change)
        for field in change.fields:
            if field.attribution == "pending":
                assert (key, field) in planned
            if field.attribution == "both":
                assert (key, field.name) in touched
                assert (key, field) not in planned
        if change.attribution == "pending":
            assert all(f.attribution == "pending" for f in change.fields)
            assert parts(head, (change,)) <= parts(base, base.changes)
        if change.attribution == "change set":
            assert all(f.attribution == "change set" for f in change.fields)


@settings(max_examples=50)
@given(situations())
def test_equal_files_leave_everything_pending_and_hide_nothing(there: Situation) -> None:
    made = there.plan()
    shown = attribute(made, there.plan())
    assert all(c.attribution == "pending" for c in shown.changes)
    assert all(f.attribution == "pending" for c in shown.changes for f in c.fields)
    assert shown.hidden == ()


@settings(max_examples=50)
@given(situations())
def test_without_a_base_all_is_from_the_change_set(there: Situation) -> None:
    shown = attribute(there.plan(), None)
    assert all(c.attribution == "change set" for c in shown.changes)
    assert shown.hidden == ()


@settings(max_examples=50)
@given(situations())
def test_equal_files_mean_that_every_update_changed_on_the_server(there: Situation) -> None:
    shown = directed(there.plan(), there.desired, lambda kind, address: None)
    for change in shown.changes:
        only_password = change.action == "update" and all(f.sensitive for f in change.fields)
        if not only_password and change.reason != "pruned":
            assert change.direction == "server"
    unknown = directed(there.plan(), None, lambda kind, address: None)
    assert all(c.direction is None for c in unknown.changes)
