"""The direction of a difference, as far as the file of a base commit or the journals show it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pytest
from domain_builders import (
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
    targets,
)

from reconciler.core.model import CurrentDomain, DesiredDomain, KindName, Value
from reconciler.core.plan import Change
from reconciler.core.planning.provenance import directed
from reconciler.core.secret import SecretRef

LATER = date(2026, 7, 1)


@dataclass(frozen=True)
class Last:
    exists: bool = True
    fields: Mapping[str, Value] = field(default_factory=dict)


GONE = Last(exists=False)
A = "mailbox:a@example.com"


def one(
    head: DesiredDomain,
    there: CurrentDomain,
    base: DesiredDomain | None = None,
    known: Mapping[str, Last] | None = None,
    *,
    prune: bool = False,
) -> Change:
    return only(directed(plan(head, there, prune=prune), base, lookup(known or {})))


def lookup(known: Mapping[str, Last]):  # type: ignore[no-untyped-def]
    def find(kind: KindName, address: str) -> Last | None:
        return known.get(f"{kind}:{address}")

    return find


def last(**fields: Value) -> dict[str, Last]:
    return {A: Last(fields=fields)}


FILES, SERVER, OTHER = 9, 5, 7


@pytest.mark.parametrize(
    ("base", "applied", "direction"),
    [
        (FILES, None, "server"),
        (SERVER, None, "git"),
        (OTHER, None, "both"),
        (None, FILES, "server"),
        (None, SERVER, "git"),
        (None, OTHER, "both"),
        (None, None, None),
        # A merge that was not applied is not drift, whatever the base commit contains.
        (FILES, SERVER, "git"),
        (OTHER, SERVER, "git"),
        # The base's file has precedence over a journal, which may be old.
        (SERVER, FILES, "git"),
        (FILES, OTHER, "server"),
        (OTHER, FILES, "both"),
    ],
)
def test_an_update_has_the_direction_of_the_side_that_left_the_last_known_value(
    base: int | None, applied: int | None, direction: str | None
) -> None:
    there = current([read_box("a", quota=SERVER)])
    wanted = None if base is None else desired([box("a", quota=base)])
    change = one(desired([box("a", quota=FILES)]), there, wanted, last(quota=applied) if applied else None)
    assert (change.direction, change.fields[0].direction) == (direction, direction)


@pytest.mark.parametrize("base", [desired([box("a")]), desired([]), desired()], ids=["field", "mailbox", "section"])
def test_a_field_that_the_base_does_not_manage_changed_in_git_unless_a_journal_has_its_value(
    base: DesiredDomain,
) -> None:
    there, head = current([read_box("a", quota=SERVER)]), desired([box("a", quota=FILES)])
    assert one(head, there, base).direction == "git"
    assert one(head, there, base, last(quota=FILES)).direction == "server"
    assert one(head, there, base, last(quota=OTHER)).direction == "both"


def test_a_resource_deleted_by_the_last_apply_and_created_again_has_no_known_fields() -> None:
    there, head = current([read_box("a", quota=SERVER)]), desired([box("a", quota=FILES)])
    assert one(head, there, None, {A: Last(exists=False, fields={"quota": FILES})}).direction is None


def test_empty_zero_and_false_are_values() -> None:
    there = current([read_box("a", quota=5, enabled=True, display_name="x")])
    head = desired([box("a", quota=0, enabled=False, display_name="")])
    change = one(head, there, None, last(quota=0, enabled=False, displayName=""))
    assert {f.direction for f in change.fields} == {"server"}
    assert change.direction == "server"


def test_a_change_has_a_direction_only_if_all_its_fields_have() -> None:
    there, head = current([read_box("a", quota=5, display_name="x")]), desired([box("a", quota=9, display_name="A")])
    mixed = one(head, there, None, last(quota=9, displayName="x"))
    assert (mixed.direction, [f.direction for f in mixed.fields]) == ("both", ["git", "server"])
    half = one(head, there, None, last(quota=9))
    assert (half.direction, [f.direction for f in half.fields]) == (None, [None, "server"])


def test_a_password_has_no_direction_and_does_not_hide_that_of_the_rest() -> None:
    ref = SecretRef("env", "PW", version=2)
    made = plan(
        desired([box("a", quota=9, password=ref)]),
        current([read_box("a", quota=5)]),
        password_versions={"a@example.com": 1},
    )
    change = only(directed(made, None, lookup(last(quota=9))))
    assert (change.direction, [f.direction for f in change.fields]) == ("server", ["server", None])


def test_aliases_have_directions() -> None:
    there, head = current([], [read_alias("s", "a")]), desired(None, [alias("s", "b")])
    known = {"alias:s@example.com": Last(fields={"to": targets("b")})}
    assert one(head, there, None, known).direction == "server"
    assert one(head, there, desired(None, [alias("s", "a")])).direction == "git"


@pytest.mark.parametrize(
    ("base", "known", "direction"),
    [
        (desired([box("a")]), None, "server"),
        (desired([box("a")]), GONE, "git"),
        (desired([]), None, "git"),
        (desired([]), Last(), "both"),
        (None, Last(), "server"),
        (None, GONE, "git"),
        (None, None, None),
    ],
)
def test_the_creation_of_an_earlier_resource_means_that_the_server_deleted_it(
    base: DesiredDomain | None, known: Last | None, direction: str | None
) -> None:
    assert one(desired([box("a")]), current(), base, {A: known} if known else None).direction == direction


@pytest.mark.parametrize("purge_after", [None, TODAY, LATER])
@pytest.mark.parametrize(
    ("base", "known", "direction"),
    [
        (desired([box("a")]), None, "git"),
        (desired([]), None, "git"),
        (desired([], removed=[gone("a")]), None, "server"),
        (desired([], removed=[gone("a", purge_after=LATER)]), None, "server"),
        (desired([], removed=[gone("a")]), Last(fields={"enabled": True}), "git"),
        (None, Last(fields={"enabled": True}), "git"),
        (None, GONE, "server"),
        (None, None, None),
    ],
)
def test_a_removal_in_the_base_was_reversed_on_the_server_unless_it_was_never_applied(
    base: DesiredDomain | None, known: Last | None, direction: str | None, purge_after: date | None
) -> None:
    head = desired([], removed=[gone("a", purge_after=purge_after)])
    assert one(head, current([read_box("a")]), base, {A: known} if known else None).direction == direction


def test_a_mailbox_enabled_again_before_its_deletion_changed_on_the_server() -> None:
    head, there = desired([], removed=[gone("a", purge_after=LATER)]), current([read_box("a", enabled=True)])
    assert one(head, there, None, last(enabled=False)).direction == "server"
    assert one(head, there, head, last(enabled=False)).direction == "server"


@pytest.mark.parametrize(
    ("base", "known", "direction"),
    [
        (desired([box("a")]), None, "git"),
        (desired([]), None, "server"),
        (desired(), None, "git"),
        (desired([]), Last(), "git"),
        (None, Last(), "git"),
        (None, GONE, "server"),
        (None, None, None),
    ],
)
def test_a_pruned_resource_came_from_the_server_unless_the_files_declared_it(
    base: DesiredDomain | None, known: Last | None, direction: str | None
) -> None:
    change = one(desired([]), current([read_box("a")]), base, {A: known} if known else None, prune=True)
    assert change.direction == direction


@pytest.mark.parametrize(
    ("renamed_before", "known", "direction"),
    [
        (False, None, "git"),
        (True, None, "server"),
        (True, Last(), "git"),
        (None, Last(), "git"),
        (None, GONE, "server"),
        (None, None, None),
    ],
)
def test_a_rename_in_the_base_was_reversed_on_the_server_unless_it_was_never_applied(
    renamed_before: bool | None, known: Last | None, direction: str | None
) -> None:
    head = desired([box("bob")], renamed=[rename("robert", "bob")])
    base = {None: None, True: head, False: desired([box("robert")])}[renamed_before]
    known_as = {"mailbox:robert@example.com": known} if known else None
    assert one(head, current([read_box("robert")]), base, known_as).direction == direction


def test_fields_of_a_renamed_resource_are_known_under_its_old_name() -> None:
    head = desired([box("bob", quota=9)], renamed=[rename("robert", "bob")])
    made = plan(head, current([read_box("robert", quota=5)]))
    known = lookup({"mailbox:robert@example.com": Last(fields={"quota": 5})})
    assert [c.direction for c in directed(made, None, known).changes] == ["git", "git"]
    base = desired([box("robert", quota=9)])
    assert [c.direction for c in directed(made, base, lookup({})).changes] == ["git", "server"]


def test_directions_do_not_change_the_digest() -> None:
    made = plan(desired([box("a", quota=9)]), current([read_box("a", quota=5)]))
    shown = directed(made, None, lookup(last(quota=9)))
    assert (shown, shown.digest) == (made, made.digest)
