"""Attribution: two plans over the same read."""

from datetime import date
from typing import Any

import pytest
from domain_builders import (
    ENV,
    TODAY,
    alias,
    box,
    current,
    desired,
    gone,
    only,
    plan,
    read_alias,
    read_box,
    rename,
    story,
)

from reconciler.core.model import CurrentDomain, DesiredDomain
from reconciler.core.plan import Change, Plan
from reconciler.core.planning.provenance import attribute
from reconciler.core.secret import SecretRef

GIB = 1 << 30
LATER = date(2026, 7, 1)


def both(head: DesiredDomain, base: DesiredDomain, there: CurrentDomain, **options: Any) -> Plan:
    return attribute(plan(head, there, **options), plan(base, there, **options))


def attributions(change: Change) -> dict[str, str | None]:
    return {f.name: f.attribution for f in change.fields}


def hidden(made: Plan) -> list[str]:
    return [f"{c.action} {c.key} {','.join(f.name for f in c.fields)}".strip() for c in made.hidden]


def test_a_change_only_in_head_comes_from_the_change_set() -> None:
    made = both(desired([box("a", quota=9)]), desired([box("a", quota=5)]), current([read_box("a", quota=5)]))
    assert only(made).attribution == "change set"
    assert attributions(only(made)) == {"quota": "change set"}
    assert made.hidden == ()


def test_a_change_in_both_plans_was_pending_before() -> None:
    wanted = desired([box("a", quota=5)])
    made = both(wanted, wanted, current([read_box("a", quota=7)]))
    assert (only(made).attribution, attributions(only(made))) == ("pending", {"quota": "pending"})


def test_a_change_with_new_and_pending_fields_is_both() -> None:
    there = current([read_box("a", quota=7)])
    made = both(desired([box("a", quota=5, display_name="A")]), desired([box("a", quota=5)]), there)
    assert only(made).attribution == "both"
    assert attributions(only(made)) == {"displayName": "change set", "quota": "pending"}


def test_a_pending_field_with_a_new_value_is_both_and_not_hidden() -> None:
    made = both(desired([box("a", quota=9)]), desired([box("a", quota=5)]), current([read_box("a", quota=7)]))
    assert (only(made).attribution, attributions(only(made)), made.hidden) == ("both", {"quota": "both"}, ())


def test_a_domain_that_the_base_does_not_manage_is_all_from_the_change_set() -> None:
    made = attribute(plan(desired([box("a"), box("b")]), current()), None)
    assert {c.attribution for c in made.changes} == {"change set"}
    assert {f.attribution for c in made.changes for f in c.fields} == {"change set"}


def test_drift_that_the_change_set_accepts_is_hidden() -> None:
    there = current([read_box("a", quota=9, display_name="x")])
    head, base = desired([box("a", quota=9)]), desired([box("a", quota=5, display_name="A")])
    made = both(head, base, there)
    assert made.changes == ()
    assert hidden(made) == ["update mailbox:a@example.com displayName,quota"]
    kept = both(desired([box("a", quota=9, display_name="A")]), base, there)
    assert hidden(kept) == ["update mailbox:a@example.com quota"]
    assert attributions(only(kept)) == {"displayName": "pending"}


@pytest.mark.parametrize(
    "head", [desired([box("a")]), desired([]), desired()], ids=["declared", "left alone", "absent"]
)
def test_a_deletion_that_the_change_set_reverses_is_hidden(head: DesiredDomain) -> None:
    made = both(head, desired([], removed=[gone("a")]), current([read_box("a")]))
    assert made.changes == ()
    assert hidden(made) == ["delete mailbox:a@example.com"]


def test_a_creation_whose_declaration_the_change_set_removes_is_hidden() -> None:
    made = both(desired([]), desired([box("a", quota=5)]), current())
    assert hidden(made) == ["create mailbox:a@example.com quota,password"]


def test_a_section_that_is_no_longer_managed_hides_its_pending_changes() -> None:
    made = both(desired([]), desired([], [alias("s", "x@else.example")]), current([], [read_alias("s", "a")]))
    assert hidden(made) == ["update alias:s@example.com to"]


def test_a_deletion_of_a_drifted_resource_is_the_change_sets_and_hides_the_drift() -> None:
    made = both(desired([], removed=[gone("a")]), desired([box("a", quota=5)]), current([read_box("a", quota=7)]))
    assert only(made).attribution == "change set"
    assert hidden(made) == ["update mailbox:a@example.com quota"]


def test_a_pending_deletion_is_pending_for_whatever_reason() -> None:
    there = current([read_box("a")])
    made = both(desired([], removed=[gone("a")]), desired([]), there, prune=True)
    assert (story(made), only(made).attribution, made.hidden) == (["delete mailbox:a@example.com"], "pending", ())


def test_a_pending_creation_whose_fields_change_is_both_and_hides_nothing() -> None:
    base = desired([box("a", quota=5, display_name="A", password=ENV)])
    made = both(desired([box("a", quota=9, password=ENV)]), base, current())
    assert only(made).attribution == "both"
    assert attributions(only(made)) == {"quota": "both", "password": "pending"}
    assert made.hidden == ()
    fewer = both(desired([box("a", password=ENV)]), base, current())
    assert (only(fewer).attribution, attributions(only(fewer))) == ("both", {"password": "pending"})
    more = both(base, desired([box("a", password=ENV)]), current())
    assert only(more).attribution == "both"
    alone = both(desired([], [], ["x.example"]), desired([], [], ["x.example"]), current())
    assert only(alone).attribution == "pending"


def test_a_password_is_pending_only_where_its_reference_is_the_same() -> None:
    there, known = current([read_box("a")]), {"a@example.com": 1}

    def ref(version: int) -> DesiredDomain:
        return desired([box("a", password=SecretRef("env", "PW", version=version))])

    assert only(both(ref(2), ref(2), there, password_versions=known)).attribution == "pending"
    assert only(both(ref(3), ref(2), there, password_versions=known)).attribution == "both"
    assert only(both(ref(2), ref(1), there, password_versions=known)).attribution == "change set"


def test_what_was_pending_under_the_old_name_is_pending_under_the_new_one() -> None:
    there = current([read_box("robert", quota=7)])
    head = desired([box("bob", quota=5, display_name="B")], renamed=[rename("robert", "bob")])
    made = both(head, desired([box("robert", quota=5)]), there)
    assert story(made) == ["rename mailbox:robert@example.com", "update mailbox:bob@example.com"]
    assert [c.attribution for c in made.changes] == ["change set", "both"]
    assert attributions(made.changes[1]) == {"displayName": "change set", "quota": "pending"}
    assert made.hidden == ()


def test_a_pending_rename_is_pending_and_one_to_another_name_hides_the_first() -> None:
    there = current([read_box("robert")])
    base = desired([box("bob")], renamed=[rename("robert", "bob")])
    assert only(both(base, base, there)).attribution == "pending"
    made = both(desired([box("rob")], renamed=[rename("robert", "rob")]), base, there)
    assert only(made).attribution == "change set"
    assert hidden(made) == ["rename mailbox:robert@example.com"]
    undone = both(desired([box("robert")]), base, there)
    assert (undone.changes, hidden(undone)) == ((), ["rename mailbox:robert@example.com"])


def test_a_rename_instead_of_a_pending_creation_hides_it() -> None:
    there = current([read_box("robert")])
    made = both(desired([box("bob")], renamed=[rename("robert", "bob")]), desired([box("bob")]), there)
    assert only(made).attribution == "change set"
    assert hidden(made) == ["create mailbox:bob@example.com password"]


def test_the_disabling_before_a_deletion_is_the_change_sets_and_its_day_too() -> None:
    there = current([read_box("a")])
    head = desired([], removed=[gone("a", purge_after=LATER)])
    assert only(both(head, desired([box("a")]), there)).attribution == "change set"
    assert only(both(head, head, there)).attribution == "pending"
    moved = both(head, desired([], removed=[gone("a", purge_after=date(2026, 8, 1))]), there)
    assert (only(moved).attribution, attributions(only(moved))) == ("both", {"enabled": "pending"})
    disabled = both(head, desired([box("a", enabled=False)]), there)
    assert (only(disabled).attribution, attributions(only(disabled))) == ("both", {"enabled": "pending"})


def test_a_postponed_deletion_hides_the_deletion_and_an_earlier_one_hides_the_disabling() -> None:
    there = current([read_box("a")])
    now, later = (
        desired([], removed=[gone("a", purge_after=TODAY)]),
        desired([], removed=[gone("a", purge_after=LATER)]),
    )
    put_off = both(later, now, there)
    assert (only(put_off).attribution, hidden(put_off)) == ("change set", ["delete mailbox:a@example.com"])
    forward = both(now, later, there)
    assert (only(forward).attribution, hidden(forward)) == ("change set", ["update mailbox:a@example.com enabled"])


def test_a_change_of_kind_has_two_changes_of_its_own() -> None:
    there = current([read_box("a")])
    head = desired([], [alias("a", "b@else.example")], removed=[gone("a")])
    made = both(head, desired([box("a", quota=5)]), there)
    assert {c.attribution for c in made.changes} == {"change set"}
    assert hidden(made) == ["update mailbox:a@example.com quota"]


def test_an_incomplete_plan_has_no_attribution() -> None:
    unread = Plan(domain="example.com", server="mail1", complete=False)
    assert attribute(unread, plan(desired([box("a")]), current())) is unread


def test_attributions_do_not_change_the_digest() -> None:
    made = plan(desired([box("a", quota=9)]), current([read_box("a", quota=5)]))
    assert attribute(made, None).digest == made.digest
    assert attribute(made, None) == made
