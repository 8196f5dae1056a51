"""The apply of a saved plan: the scope of its read, and the read that verifies it."""

from typing import Any

from domain_builders import alias, box, current, desired, gone, plan, read_alias, read_box, rename

from reconciler.core.model import UNSET
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.planning.recheck import precondition
from reconciler.core.ports import ReadScope
from reconciler.engine.verify import proven, saved_scope

BARE: dict[str, Any] = {"forward_to": UNSET, "forward_keep_copy": UNSET, "eas": UNSET, "mapi": UNSET}


def scope(made: Plan) -> ReadScope:
    return saved_scope(made.changes, {c.key: precondition(c, b"s") for c in made.changes})


def test_costly_reads_cover_only_the_fields_of_changes_and_preconditions() -> None:
    there = current(
        [read_box("alice", **{**BARE, "forward_to": ()}), read_box("bob", **BARE), read_box("other")],
        [read_alias("team", allow_sending=UNSET, hide_from_gal=UNSET, internal_only=UNSET, display_name=UNSET)],
    )
    wanted = desired(
        [box("alice", quota=5), box("bob", quota=5), box("new", forward_to=("x@else.example",)), box("plain")],
        [alias("team", "bob"), alias("sales", "bob", display_name="Sales")],
    )
    assert scope(plan(wanted, there)) == ReadScope(
        forwarding=frozenset({"alice", "new"}), alias_flags=frozenset({"sales"})
    )


def test_activations_are_read_if_the_plan_read_or_sets_them() -> None:
    there = current([read_box("bob", **BARE)])
    assert scope(plan(desired([box("bob", quota=5)]), there)) == ReadScope()
    assert scope(plan(desired([box("new", mapi=True)]), there)) == ReadScope(mapi=True)
    activated = current([read_box("bob", **{**BARE, "eas": False})])
    assert scope(plan(desired([box("bob", quota=5)]), activated)) == ReadScope(eas=True)


def test_a_renamed_object_is_read_under_both_names() -> None:
    there = current([read_box("rob", **BARE)], [read_alias("a", "x@else.example")])
    wanted = desired(
        [box("bob", quota=5)], [alias("b", display_name="B")], renamed=[rename("rob", "bob"), rename("a", "b", "alias")]
    )
    assert scope(plan(wanted, there)).alias_flags == {"a", "b"}
    there = current([read_box("rob")])
    forwards = desired([box("bob", forward_to=("x@else.example",))], renamed=[rename("rob", "bob")])
    assert scope(plan(forwards, there)).forwarding == {"bob", "rob"}


def test_a_change_that_the_server_only_claimed_has_failed_and_remains() -> None:
    there = current([read_box("alice", quota=1), read_box("carol")])
    made = plan(desired([box("alice", quota=5), box("dora")], removed=[gone("carol")]), there)
    outcomes = tuple(Outcome(change=c, result=Result.APPLIED) for c in made.changes)
    checked, left = proven(made, outcomes, there)
    assert {o.change.name: o.detail.partition(": ")[2] for o in checked} == {
        "alice": "quota is 1, not 5",
        "dora": "it is not there",
        "carol": "it is still to delete",
    }
    assert left.changes == made.changes
    now = current([read_box("alice", quota=5), read_box("dora")])
    checked, left = proven(made, outcomes, now)
    assert (checked, left.changes) == (outcomes, ())
