"""Protected resources are not deleted, disabled for a deletion or renamed; each message has a reason and a remedy."""

from datetime import date
from typing import Any

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
    said,
    story,
)

from reconciler.core.guards.domain import objections
from reconciler.core.plan import Change, Plan, Unmanaged
from reconciler.core.product import Limits
from reconciler.core.workspace import Policy

BEFORE = {"carol": "in `main`"}
LATER = date(2030, 1, 1)


def refusal(made: Plan) -> Any:
    """The one diagnostic of a plan without changes."""
    assert made.changes == ()
    assert made.refused
    (one,) = made.diagnostics
    return one


def test_protection_still_applies_if_the_same_change_removes_it_and_the_mailbox() -> None:
    one = refusal(plan(desired([], removed=[gone("carol")]), current([read_box("carol")]), protected_before=BEFORE))
    assert one.code == "GRD010"
    assert one.message == (
        "cannot delete mailbox carol@example.com: it is `protect: true` in `main`, and the same change removes that "
        "protection"
    )
    assert one.hint == "first declare carol without `protect: true` and apply; then delete it in a second change"


def test_a_previously_protected_mailbox_is_not_disabled_for_a_later_deletion() -> None:
    wanted = desired([], removed=[gone("carol", purge_after=LATER)])
    assert refusal(plan(wanted, current([read_box("carol")]), protected_before=BEFORE)).code == "GRD010"


@pytest.mark.parametrize("how", [{"prune": True}, {"policy": Policy(prune={"mailbox": True})}])
def test_a_previously_protected_mailbox_without_a_declaration_is_not_pruned_and_the_plan_reports_it(how: Any) -> None:
    made = plan(desired([]), current([read_box("carol")]), protected_before=BEFORE, **how)
    assert refusal(made).code == "GRD010"
    assert made.unmanaged == (Unmanaged("mailbox", "carol@example.com"),)


def test_a_previously_protected_mailbox_is_not_renamed_and_the_remedy_has_two_steps() -> None:
    wanted = desired([box("caro", protect=True)], renamed=[rename("carol", "caro")])
    made = plan(wanted, current([read_box("carol")]), protected_before=BEFORE)
    assert (made.count("rename"), made.refused) == (0, True)
    (one,) = (d for d in made.diagnostics if d.code == "GRD005")
    assert "cannot rename mailbox carol to caro: it is `protect: true` in `main`" in one.message
    assert one.hint == "first declare carol without `protect: true` and apply; then rename it in a second change"


def test_the_first_of_the_two_steps_is_allowed_and_after_it_the_second() -> None:
    there = current([read_box("carol")])
    assert not plan(desired([box("carol")]), there, protected_before=BEFORE).refused
    made = plan(desired([], removed=[gone("carol")]), there, protected_before={})
    assert (story(made), made.refused) == (["delete mailbox:carol@example.com"], False)


def test_a_previously_protected_mailbox_that_is_only_undeclared_is_unmanaged_and_stays() -> None:
    made = plan(desired([]), current([read_box("carol")]), protected_before=BEFORE)
    assert (made.changes, said(made), made.refused) == ((), [], False)


def test_the_protection_of_a_mailbox_does_not_cover_an_alias_with_its_name() -> None:
    made = plan(
        desired(removed=[gone("carol", "alias")]), current(aliases=[read_alias("carol")]), protected_before=BEFORE
    )
    assert story(made) == ["delete alias:carol@example.com"]


@pytest.mark.parametrize(
    ("name", "reason", "hint"),
    [
        ("postmaster", "every domain must accept mail for postmaster (RFC 2142)", "remove it from `removed`"),
        ("abuse", "every domain must accept mail for abuse (RFC 2142)", "remove it from `removed`"),
        ("vip-a", "policy.protect contains the pattern vip-*", "policy.protect"),
    ],
)
@pytest.mark.parametrize("kind", ["mailbox", "alias"])
def test_a_protected_name_is_not_removed_and_the_message_shows_the_pattern(
    name: str, reason: str, hint: str, kind: str
) -> None:
    there = current([read_box(name)]) if kind == "mailbox" else current(aliases=[read_alias(name)])
    one = refusal(plan(desired(removed=[gone(name, kind)]), there, policy=Policy(protect=("vip-*",))))
    assert one.code == "GRD001"
    assert one.message.endswith(reason)
    assert hint in one.hint


def test_a_name_without_a_matching_pattern_is_removed() -> None:
    there = current([read_box("evip-a")], [read_alias("postmasters")])
    wanted = desired(removed=[gone("evip-a"), gone("postmasters", "alias")])
    assert not plan(wanted, there, policy=Policy(protect=("vip-*",))).refused


@pytest.mark.parametrize("old", ["postmaster", "abuse", "vip-a"])
@pytest.mark.parametrize("kind", ["mailbox", "alias"])
def test_a_protected_name_is_not_renamed(old: str, kind: str) -> None:
    there = current([read_box(old)]) if kind == "mailbox" else current(aliases=[read_alias(old, "x@else.example")])
    wanted = desired([box("new")], renamed=[rename(old, "new")])
    if kind == "alias":
        wanted = desired(aliases=[alias("new")], renamed=[rename(old, "new", "alias")])
    made = plan(wanted, there, policy=Policy(protect=("vip-*",), external_forwarding="allow"))
    assert made.count("rename") == 0
    (one,) = (d for d in made.diagnostics if d.code == "GRD005")
    assert one.hint == "keep the name, and create an alias with the new one"


@pytest.mark.parametrize("right", ["is_admin", "is_primary_admin"])
def test_an_administrator_is_not_renamed(right: str) -> None:
    wanted = desired([box("new")], renamed=[rename("boss", "new")])
    made = plan(wanted, current([read_box("boss", **{right: True})]))
    assert made.count("rename") == 0
    assert any("it administers the domain" in d.message for d in made.diagnostics if d.code == "GRD005")


def test_a_name_may_become_a_protected_one() -> None:
    made = plan(desired([box("abuse")], renamed=[rename("misuse", "abuse")]), current([read_box("misuse")]))
    assert (story(made), made.refused) == (["rename mailbox:misuse@example.com"], False)


def test_a_protected_mailbox_may_be_disabled_by_its_own_line() -> None:
    made = plan(desired([box("carol", protect=True, enabled=False)]), current([read_box("carol")]))
    assert (only(made).action, made.refused) == ("update", False)


# One account that is both removed and created


def test_a_pruned_mailbox_may_be_replaced_by_an_alias_and_the_risk_is_mail_loss() -> None:
    made = plan(desired([], [alias("x", "b@else.example")]), current([read_box("x")]), prune=True)
    assert story(made) == ["delete mailbox:x@example.com", "create alias:x@example.com"]
    assert [c.risk for c in made.changes] == ["mail-loss", "exfiltration"]
    assert made.changes[1].depends_on == ("mailbox:x@example.com",)
    assert not made.refused


def test_a_removed_name_cannot_be_the_new_name_of_a_rename() -> None:
    wanted = desired([box("bob")], removed=[gone("bob")], renamed=[rename("robert", "bob")])
    made = plan(wanted, current([read_box("bob"), read_box("robert")]))
    assert (made.changes, made.refused) == ((), True)
    assert set(said(made)) == {"NAM006", "GRD005"}


def test_a_pruned_name_cannot_be_the_new_name_of_a_rename() -> None:
    wanted = desired([box("bob")], renamed=[rename("robert", "bob")])
    made = plan(wanted, current([read_box("bob"), read_box("robert")]), prune=True)
    assert (made.count("rename"), made.count("delete"), made.refused) == (0, 0, True)


# An old plan, checked again against the current state


def asked(changes: list[Change], wanted: Any, there: Any, **more: Any) -> list[str]:
    settings = {"deletions_allowed": False, **more}
    policy = settings.pop("policy", Policy(external_forwarding="allow"))
    return [d.code for d in objections(changes, wanted, there, policy, Limits(), frozenset(), **settings)]


def test_a_planned_deletion_is_refused_if_the_mailbox_has_become_an_administrator_since() -> None:
    wanted = desired([], removed=[gone("carol")])
    deletion = only(plan(wanted, current([read_box("carol")])))
    assert asked([deletion], wanted, current([read_box("carol")])) == []
    assert asked([deletion], wanted, current([read_box("carol", is_admin=True)])) == ["GRD003"]
    assert asked([deletion], wanted, current([read_box("carol")]), protected_before=BEFORE) == ["GRD010"]
    assert asked([deletion], desired([box("carol", protect=True)]), current([read_box("carol")])) == ["GRD001"]
    assert asked([deletion], wanted, current([read_box("carol")]), policy=Policy(protect=("c*",))) == ["GRD001"]
    assert asked([deletion], wanted, current()) == []


def test_a_planned_disabling_is_refused_if_the_mailbox_has_become_an_administrator_since() -> None:
    wanted = desired([], removed=[gone("carol", purge_after=LATER)])
    disabling = only(plan(wanted, current([read_box("carol")])))
    assert asked([disabling], wanted, current([read_box("carol")])) == []
    assert asked([disabling], wanted, current([read_box("carol")]), protected_before=BEFORE) == ["GRD010"]


def test_a_planned_rename_is_refused_if_the_new_name_has_been_taken_since() -> None:
    wanted = desired([box("bob")], renamed=[rename("robert", "bob")])
    renaming = only(plan(wanted, current([read_box("robert")])))
    assert asked([renaming], wanted, current([read_box("robert")])) == []
    assert asked([renaming], wanted, current([read_box("robert"), read_box("bob")])) == ["GRD005"]
    assert asked([renaming], wanted, current([read_box("robert")], [read_alias("bob")])) == ["GRD005", "NAM005"]


def test_one_account_deleted_and_created_again_in_one_list_of_changes_is_refused() -> None:
    there = current([read_box("x")])
    deletion = only(plan(desired([], removed=[gone("x")]), there))
    creation = only(plan(desired([box("x")]), current()))
    assert asked([deletion, creation], desired([box("x")]), there) == ["NAM006"]
    other = only(plan(desired(aliases=[alias("x", "b@else.example")]), current()))
    assert asked([deletion, other], desired([], removed=[gone("x")]), there) == []


def test_the_policys_number_of_deletions_limits_a_list_of_changes_unless_another_is_given() -> None:
    names = [f"m{n}" for n in range(6)]
    wanted = desired([], removed=[gone(n) for n in names])
    there = current([read_box(n) for n in names])
    changes = list(plan(wanted, there).changes)
    assert asked(changes, wanted, there) == ["GRD002"]
    assert asked(changes, wanted, there, deletions_allowed=True) == []


def test_the_purge_of_staged_removals_counts_as_deletions() -> None:
    names = [f"m{n}" for n in range(6)]
    rows = [read_box(n, enabled=False) for n in names]
    made = plan(desired([], removed=[gone(n, purge_after=TODAY) for n in names]), current(rows))
    assert (made.count("delete"), said(made)) == (6, ["GRD002"])
