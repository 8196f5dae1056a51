"""The apply of a saved plan: the scope of its read, and the read that verifies it."""

from collections.abc import Sequence
from typing import Any

import pytest
from domain_builders import alias, box, current, desired, gone, plan, read_alias, read_box, rename
from fake_run import run
from fake_server import FakeServer

from reconciler.core.model import UNSET, CurrentDomain
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.planning.recheck import precondition
from reconciler.core.ports import ReadScope
from reconciler.engine.observe import Observation
from reconciler.engine.verify import not_done, saved_scope, verify

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


@pytest.mark.parametrize("is_there", [False, True])
def test_a_saved_change_that_the_server_only_claimed_has_failed_and_remains(is_there: bool) -> None:
    there = current([read_box("alice", quota=1), read_box("carol")])
    wanted = desired([box("alice", quota=5), box("dora")], removed=[gone("carol")])
    made = plan(wanted, there)
    outcomes = tuple(Outcome(change=c, result=Result.APPLIED) for c in made.changes)
    server = FakeServer()
    server.load(current([read_box("alice", quota=5), read_box("dora")]) if is_there else there)

    def left(checked: Sequence[Outcome], seen: Observation) -> Plan:
        assert isinstance(seen, CurrentDomain)
        return not_done(made, checked, seen)

    checked, rest = run(verify(server, wanted, outcomes, left))
    if is_there:
        assert (checked, rest.changes) == (outcomes, ())
        return
    assert {o.change.name: o.detail.partition(": ")[2] for o in checked} == {
        "alice": "quota is 1, not 5",
        "dora": "it does not exist",
        "carol": "it still exists",
    }
    assert rest.changes == made.changes


class Returning:
    """A reader that returns one state."""

    def __init__(self, there: CurrentDomain) -> None:
        self.there = there

    async def read_domain(self, _domain: str, _scope: ReadScope) -> CurrentDomain:
        return self.there


def test_a_field_that_the_read_after_a_change_does_not_return_leaves_the_change_to_do_and_does_not_fail_it() -> None:
    wanted = desired([box("alice", eas=True)])
    made = plan(wanted, current([read_box("alice", eas=False)]))
    outcomes = tuple(Outcome(change=c, result=Result.APPLIED) for c in made.changes)
    now: Any = Returning(current([read_box("alice", eas=UNSET)]))

    def left(checked: Sequence[Outcome], seen: Observation) -> Plan:
        assert isinstance(seen, CurrentDomain)
        return not_done(made, checked, seen)

    checked, rest = run(verify(now, wanted, outcomes, left))
    assert checked == outcomes
    assert rest.changes == made.changes
