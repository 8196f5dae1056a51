from datetime import date

import pytest
from domain_builders import (
    DOMAIN,
    ENV,
    alias,
    box,
    current,
    desired,
    fields_of,
    gone,
    only,
    plan,
    read_alias,
    read_box,
    rename,
    said,
    story,
    targets,
)

from reconciler.core.model import UNSET
from reconciler.core.plan import Unmanaged
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span
from reconciler.core.workspace import Policy


def test_a_declared_resource_that_is_missing_is_created_with_its_managed_fields() -> None:
    place = Span("domains/example.com.yaml", 4, 3)
    change = only(plan(desired([box("alice", quota=5, origin=place)]), current()))
    assert (change.action, change.kind, change.address) == ("create", "mailbox", "alice@example.com")
    assert (change.reason, change.risk, change.origin) == ("declared", "none", place)
    assert fields_of(change) == {"quota": (None, 5), "password": (None, None)}


def test_a_different_resource_is_updated_field_by_field() -> None:
    change = only(plan(desired([box("alice", quota=5, display_name="A")]), current([read_box("alice", quota=3)])))
    assert (change.action, change.reason, change.risk) == ("update", "declared", "none")
    assert fields_of(change) == {"quota": (3, 5), "displayName": ("", "A")}


def test_equal_states_have_an_empty_plan_that_is_complete() -> None:
    made = plan(desired([read_box("alice")], [read_alias("s", "alice")], ["example.ca"]),
                current([read_box("alice")], [read_alias("s", "alice")], ["example.ca"]))  # fmt: skip
    assert (made.changes, made.unmanaged, made.diagnostics, made.complete) == ((), (), (), True)


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        (desired(domain_aliases=["example.ca"]), current(), ["create domainAlias:example.ca"]),
        (
            desired(removed=[gone("example.ca", "domainAlias")]),
            current(domain_aliases=["example.ca"]),
            ["delete domainAlias:example.ca"],
        ),
        (desired(aliases=[alias("s", "x@else.example")]), current(), ["create alias:s@example.com"]),
        (desired(removed=[gone("s", "alias")]), current(aliases=[read_alias("s")]), ["delete alias:s@example.com"]),
    ],
)
def test_every_kind_is_created_and_removed(wanted: object, there: object, expected: list[str]) -> None:
    assert story(plan(wanted, there)) == expected  # type: ignore[arg-type]


def test_a_section_that_is_absent_is_not_managed_at_all() -> None:
    made = plan(desired(), current([read_box("alice")], [read_alias("s")], ["example.ca"]), prune=True)
    assert (made.changes, made.unmanaged) == ((), ())


def test_an_empty_section_shows_everything_as_unmanaged_and_changes_nothing() -> None:
    made = plan(desired([], [], []), current([read_box("alice")], [read_alias("s")], ["example.ca"]))
    assert made.changes == ()
    assert made.unmanaged == (
        Unmanaged("alias", "s@example.com"),
        Unmanaged("domainAlias", "example.ca"),
        Unmanaged("mailbox", "alice@example.com"),
    )


def test_a_field_that_is_absent_is_neither_compared_nor_written() -> None:
    there = current([read_box("alice", quota=9, forward_to=UNSET, eas=UNSET)])
    assert plan(desired([box("alice")]), there).changes == ()


def test_a_mailbox_that_is_removed_is_deleted_with_what_a_reviewer_needs_to_know() -> None:
    there = current([read_box("carol", usage_bytes=77, last_login="2026-01-01T00:00:00Z")])
    change = only(plan(desired([], removed=[gone("carol")]), there))
    assert (change.action, change.reason, change.risk) == ("delete", "removed", "mail-loss")
    assert (change.usage_bytes, change.last_login) == (77, "2026-01-01T00:00:00Z")


def test_the_removal_of_a_missing_resource_is_not_an_error() -> None:
    made = plan(desired([], removed=[gone("carol"), gone("x", "alias")]), current())
    assert (made.changes, made.diagnostics) == ((), ())


def test_a_removed_resource_is_not_listed_as_unmanaged() -> None:
    assert plan(desired([], removed=[gone("carol")]), current([read_box("carol")])).unmanaged == ()


def test_a_removal_works_in_a_section_that_is_absent() -> None:
    assert story(plan(desired(removed=[gone("carol")]), current([read_box("carol"), read_box("dave")]))) == [
        "delete mailbox:carol@example.com"
    ]


def test_pruning_deletes_unmanaged_resources_of_declared_sections() -> None:
    there = current([read_box("alice"), read_box("old")], [read_alias("s")])
    made = plan(desired([box("alice")]), there, prune=True)
    assert story(made) == ["delete mailbox:old@example.com"]
    assert (only(made).reason, made.unmanaged) == ("pruned", ())


def test_the_policy_prunes_kind_by_kind() -> None:
    there = current([read_box("old")], [read_alias("s")], ["example.ca"])
    policy = Policy(prune={"alias": True, "mailbox": False})
    made = plan(desired([], [], []), there, policy=policy)
    assert story(made) == ["delete alias:s@example.com"]
    assert [u.kind for u in made.unmanaged] == ["domainAlias", "mailbox"]


@pytest.mark.parametrize("name", ["postmaster", "abuse", "old-archive"])
def test_a_protected_name_is_not_pruned_but_shown(name: str) -> None:
    made = plan(desired([], []), current([read_box(name)]), policy=Policy(protect=("*-archive",)), prune=True)
    assert made.changes == ()
    assert made.unmanaged == (Unmanaged("mailbox", f"{name}@example.com"),)


@pytest.mark.parametrize(
    ("there", "code", "reason"),
    [
        (current([read_box("carol", is_admin=True)]), "GRD003", "it administers the domain"),
        (current([read_box("carol", is_primary_admin=True)]), "GRD003", "it administers the domain"),
    ],
)
def test_an_administrator_is_never_removed(there: object, code: str, reason: str) -> None:
    made = plan(desired([], removed=[gone("carol")]), there)  # type: ignore[arg-type]
    assert made.changes == ()
    assert said(made) == [code]
    assert reason in made.diagnostics[0].message
    assert made.refused


def test_a_protected_mailbox_or_alias_is_never_removed() -> None:
    policy = Policy(protect=("vip-*",))
    there = current([read_box("vip-a")], [read_alias("postmaster")])
    made = plan(desired(removed=[gone("vip-a"), gone("postmaster", "alias")]), there, policy=policy)
    assert (made.changes, said(made), made.refused) == ((), ["GRD001", "GRD001"], True)


def test_a_protected_mailbox_is_not_disabled_before_its_date() -> None:
    made = plan(desired(removed=[gone("abuse", purge_after=date(2030, 1, 1))]), current([read_box("abuse")]))
    assert (made.changes, said(made)) == ((), ["GRD001"])


def test_an_administrator_is_not_pruned_but_shown_and_the_hosts_own_is_not_even_shown() -> None:
    there = current([read_box("admin", is_primary_admin=True), read_box("chief", is_admin=True)])
    made = plan(desired([]), there, prune=True)
    assert made.changes == ()
    assert made.unmanaged == (Unmanaged("mailbox", "chief@example.com"),)


def test_a_declared_and_removed_resource_stays_and_the_plan_is_refused() -> None:
    made = plan(desired([box("a", protect=True)], removed=[gone("a")]), current([read_box("a")]))
    assert (made.changes, said(made)) == ((), ["NAM006"])


def test_an_ignored_resource_is_not_shown_changed_or_pruned() -> None:
    policy = Policy(ignore={"mailbox": ("svc-*",)})
    there = current([read_box("svc-a"), read_box("svc-b", quota=1)])
    made = plan(desired([box("svc-b", quota=2), box("svc-c")]), there, policy=policy, prune=True)
    assert (made.changes, made.unmanaged) == ((), ())


def test_an_ignored_resource_is_not_removed_and_the_plan_reports_it() -> None:
    policy = Policy(ignore={"mailbox": ("svc-*",)})
    made = plan(desired([], removed=[gone("svc-a")]), current([read_box("svc-a")]), policy=policy)
    assert (made.changes, said(made)) == ((), ["REF006"])


def test_a_managed_field_that_was_not_read_stops_the_complete_domain() -> None:
    there = current([read_box("alice", forward_to=UNSET), read_box("bob"), read_box("carol")])
    wanted = desired([box("alice", forward_to=()), box("bob", quota=5)], removed=[gone("carol")])
    made = plan(wanted, there)
    assert (made.complete, made.changes, said(made), made.refused) == (False, (), ["GRD006"], True)
    assert "the file manages forwarding.to" in made.diagnostics[0].message


def test_a_kind_changes_from_mailbox_to_alias() -> None:
    made = plan(desired([], [alias("x", "bob@else.example")], removed=[gone("x")]), current([read_box("x")]))
    assert story(made) == ["delete mailbox:x@example.com", "create alias:x@example.com"]
    assert made.changes[1].depends_on == ("mailbox:x@example.com",)
    assert not made.refused


def test_a_kind_changes_from_alias_to_mailbox() -> None:
    made = plan(
        desired([box("x")], [], removed=[gone("x", "alias")]), current(aliases=[read_alias("x", "b@else.example")])
    )
    assert story(made) == ["delete alias:x@example.com", "create mailbox:x@example.com"]
    assert made.changes[1].depends_on == ("alias:x@example.com",)
    assert not made.refused


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        (desired(aliases=[alias("x", "b@else.example")]), current([read_box("x")])),
        (desired([box("x")]), current(aliases=[read_alias("x")])),
        (
            desired([box("postmaster")], removed=[gone("postmaster", "alias")]),
            current(aliases=[read_alias("postmaster")]),
        ),
    ],
)
def test_a_name_that_the_other_kind_keeps_cannot_be_used(wanted: object, there: object) -> None:
    made = plan(wanted, there)  # type: ignore[arg-type]
    assert made.refused
    assert "NAM005" in said(made)


def test_only_the_targets_change() -> None:
    wanted = desired([box("a"), box("b")], removed=[gone("c")])
    made = plan(wanted, current([read_box("c")]), targets=frozenset({"mailbox:b@example.com"}))
    assert story(made) == ["create mailbox:b@example.com"]


def test_a_target_with_a_rename_may_be_given_with_either_name() -> None:
    wanted = desired([box("bob", quota=5)], renamed=[rename("robert", "bob")])
    there = current([read_box("robert")])
    made = plan(wanted, there, targets=frozenset({"mailbox:bob@example.com"}))
    assert story(made) == ["rename mailbox:robert@example.com", "update mailbox:bob@example.com"]
    made = plan(wanted, there, targets=frozenset({"mailbox:robert@example.com"}))
    assert story(made) == ["rename mailbox:robert@example.com"]


@pytest.mark.parametrize(
    ("wanted", "there", "risk"),
    [
        (desired([box("a", enabled=False)]), current([read_box("a")]), "access"),
        (desired([box("a", eas=True)]), current([read_box("a")]), "access"),
        (desired([box("a", eas=True)]), current(), "none"),
        (desired([box("a", forward_to=targets("x@else.example"))]), current([read_box("a")]), "exfiltration"),
        (desired([box("a", forward_to=targets("x@else.example"))]), current(), "exfiltration"),
        (desired([box("a", forward_to=targets("b"))]), current([read_box("a")]), "none"),
        (desired(aliases=[alias("s", "x@else.example")]), current(), "exfiltration"),
        (desired([box("a", forward_to=())]), current([read_box("a", forward_to=targets("x@else.example"))]), "none"),
        (desired([box("b")], renamed=[rename("a", "b")]), current([read_box("a")]), "access"),
        (desired([box("a", password=SecretRef("env", "A", version=2))]), current([read_box("a")]), "access"),
        (desired(removed=[gone("s", "alias")]), current(aliases=[read_alias("s")]), "none"),
    ],
)
def test_a_change_has_the_worst_of_its_risks(wanted: object, there: object, risk: str) -> None:
    made = plan(wanted, there, password_versions={"a@example.com": 1})  # type: ignore[arg-type]
    assert only(made).risk == risk


def test_the_domain_itself_is_never_external() -> None:
    made = plan(desired([box("a", forward_to=targets("b"))]), current([read_box("a")]), internal_domains=frozenset())
    assert only(made).risk == "none"


def test_a_plan_carries_domain_and_server() -> None:
    made = plan(desired([box("a", password=ENV)]), current())
    assert (made.domain, made.server, made.count("create"), made.count("delete")) == (DOMAIN, "mail1", 1, 0)
