"""Preconditions: salted digests of the fields that were read, and the detection of stale fields."""

from dataclasses import replace
from typing import Any

import pytest
from domain_builders import alias, box, current, desired, gone, only, plan, read_alias, read_box, rename

from reconciler.core.model import UNSET
from reconciler.core.plan import Change, FieldChange
from reconciler.core.planning.recheck import Precondition, is_in_place, precondition, stale_fields

SALT = b"s" * 16


def update(**fields: Any) -> Change:
    """A change of a mailbox with quota 1 and the display name A."""
    there = current([read_box("alice", quota=1, display_name="A")])
    return only(plan(desired([box("alice", **fields)]), there))


def after(change: Change, **fields: Any) -> tuple[str, ...]:
    """The stale fields if the live object has these fields instead."""
    assert change.current is not None
    return stale_fields(precondition(change, SALT), change, SALT, replace(change.current, **fields))


def test_an_unchanged_object_is_not_stale() -> None:
    assert after(update(quota=5)) == ()


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"quota": 2}, ("quota",)),
        ({"display_name": "B"}, ("displayName",)),
        ({"forward_to": ("x@else.example",), "enabled": False}, ("enabled", "forwarding.to")),
        ({"eas": UNSET}, ("eas",)),
    ],
)
def test_each_stale_field_is_named_whether_the_change_contains_it_or_not(
    fields: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert after(update(quota=5), **fields) == names


def test_a_mailbox_that_became_an_administrator_is_stale() -> None:
    change = update(quota=5)
    there = read_box("alice", quota=1, display_name="A", is_admin=True)
    assert stale_fields(precondition(change, SALT), change, SALT, there) == ("administrator",)


def test_new_mail_and_logins_make_nothing_stale() -> None:
    change = update(quota=5)
    there = read_box("alice", quota=1, display_name="A", usage_bytes=9, last_login="2026-01-01T00:00:00Z")
    assert stale_fields(precondition(change, SALT), change, SALT, there) == ()


def test_a_field_with_its_planned_value_is_not_stale_and_one_with_any_other_value_is() -> None:
    change = update(quota=5, display_name="Z")
    assert after(change, quota=5) == ()
    assert after(change, quota=5, display_name="B") == ("displayName",)
    assert after(change, quota=6) == ("quota",)


def test_a_deleted_or_new_object_is_reported_as_such() -> None:
    change = update(quota=5)
    assert stale_fields(precondition(change, SALT), change, SALT, None) == ("the object was deleted",)
    new = only(plan(desired([box("bob")]), current()))
    assert precondition(new, SALT) == Precondition()
    assert stale_fields(Precondition(), new, SALT, None) == ()
    assert stale_fields(Precondition(), new, SALT, read_box("bob")) == ("the object was created",)


def test_a_field_that_was_not_read_for_the_plan_is_not_a_precondition() -> None:
    there = current([read_box("alice", quota=1, forward_to=UNSET)])
    change = only(plan(desired([box("alice", quota=5)]), there))
    assert "forwarding.to" not in (precondition(change, SALT).fields or {})
    assert after(change, forward_to=("x@else.example",)) == ()


def test_digests_depend_on_salt_and_object_and_contain_no_value() -> None:
    one, other = update(quota=5), replace(update(quota=5), name="bob")
    first, second = precondition(one, SALT).fields, precondition(other, SALT).fields
    assert first and second
    assert not set(first.values()) & set(second.values())
    again = precondition(one, b"t" * 16).fields
    assert again and not set(first.values()) & set(again.values())
    assert len(set(first.values())) == len(first), "equal values of two fields look different"
    assert all(len(d) == 32 and int(d, 16) >= 0 for d in first.values())


def test_each_action_has_its_own_rule_for_already_in_place() -> None:
    there = read_box("alice", quota=5)
    change = update(quota=5)
    assert is_in_place(change, there)
    assert not is_in_place(change, replace(there, quota=UNSET))
    assert not is_in_place(change, None)
    create = only(plan(desired([box("alice", quota=5)]), current()))
    assert is_in_place(create, there)
    assert not is_in_place(create, replace(there, quota=1))
    delete = only(plan(desired([], removed=[gone("alice")]), current([there])))
    assert is_in_place(delete, None)
    assert not is_in_place(delete, there)
    renamed = only(
        plan(desired(aliases=[alias("b")], renamed=[rename("a", "b", "alias")]), current(aliases=[read_alias("a")]))
    )
    assert is_in_place(renamed, None, read_alias("b"))
    assert not is_in_place(renamed, read_alias("a"), read_alias("b"))
    assert not is_in_place(renamed, None, None)


def test_an_empty_list_and_an_empty_text_can_become_stale() -> None:
    change = replace(update(quota=5), fields=(FieldChange(name="forwarding.to", before=(), after=("x@else.example",)),))
    assert after(change, forward_to=("y@else.example",)) == ("forwarding.to",)
