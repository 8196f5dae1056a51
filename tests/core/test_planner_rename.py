from itertools import permutations

import pytest
from domain_builders import (
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
)

from reconciler.core.model import UNSET
from reconciler.core.secret import SecretRef
from reconciler.core.workspace import Policy


def test_a_rename_comes_first_and_the_fields_follow_under_the_new_name() -> None:
    made = plan(
        desired([box("bob", quota=5)], renamed=[rename("robert", "bob")]), current([read_box("robert", quota=3)])
    )
    assert story(made) == ["rename mailbox:robert@example.com", "update mailbox:bob@example.com"]
    assert (made.changes[0].new_name, made.changes[0].reason) == ("bob", "renamed")
    assert made.changes[1].depends_on == ("mailbox:robert@example.com",)
    assert fields_of(made.changes[1]) == {"quota": (3, 5)}


def test_a_completed_rename_has_no_change() -> None:
    made = plan(desired([box("bob")], renamed=[rename("robert", "bob")]), current([read_box("bob")]))
    assert (made.changes, made.diagnostics) == ((), ())


def test_the_new_name_is_created_if_neither_name_exists() -> None:
    made = plan(desired([box("bob")], renamed=[rename("robert", "bob")]), current())
    assert story(made) == ["create mailbox:bob@example.com"]


def test_an_alias_is_renamed() -> None:
    there = current(aliases=[read_alias("verkauf", "a@else.example")])
    made = plan(desired(aliases=[alias("sales")], renamed=[rename("verkauf", "sales", "alias")]), there)
    assert only(made).action == "rename"


@pytest.mark.parametrize(
    "there",
    [
        current([read_box("robert"), read_box("bob")]),
        current([read_box("robert")], [read_alias("bob")]),
        current([read_box("robert", is_primary_admin=True)]),
    ],
)
def test_a_rename_is_refused_if_the_name_is_in_use_or_it_is_the_hosts_account(there: object) -> None:
    made = plan(desired([box("bob")], renamed=[rename("robert", "bob")]), there)  # type: ignore[arg-type]
    assert "GRD005" in said(made)
    assert made.refused
    assert made.count("rename") == 0


def test_a_name_that_the_other_kind_frees_may_be_used() -> None:
    wanted = desired([box("bob")], renamed=[rename("robert", "bob")], removed=[gone("bob", "alias")])
    made = plan(wanted, current([read_box("robert")], [read_alias("bob")]))
    assert story(made) == ["delete alias:bob@example.com", "rename mailbox:robert@example.com"]
    assert made.changes[1].depends_on == ("alias:bob@example.com",)
    assert not made.refused


def test_a_name_whose_removal_is_refused_cannot_be_used() -> None:
    wanted = desired(
        [box("postmaster")], renamed=[rename("robert", "postmaster")], removed=[gone("postmaster", "alias")]
    )
    made = plan(wanted, current([read_box("robert")], [read_alias("postmaster")]))
    assert made.refused
    assert "NAM005" in said(made)


def test_an_ignored_resource_is_not_renamed() -> None:
    policy = Policy(ignore={"mailbox": ("svc-*",)})
    made = plan(desired([box("bob")], renamed=[rename("svc-a", "bob")]), current([read_box("svc-a")]), policy=policy)
    assert "GRD005" in said(made)
    assert made.count("rename") == 0


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ((rename("a", "b"), rename("b", "c")), ("b", "c")),
        ((rename("a", "b"), rename("b", "a")), ("a", "b")),
        ((rename("a", "c"), rename("b", "c")), ("c",)),
        ((rename("a", "c"), rename("a", "d")), ("c", "d")),
    ],
)
def test_renames_that_share_a_name_are_refused_in_any_order(wanted: tuple, names: tuple[str, ...]) -> None:
    there = current([read_box("a"), read_box("b")])
    made = [plan(desired([box(n) for n in names], renamed=order), there) for order in permutations(wanted)]
    assert made[0].refused
    assert "GRD005" in said(made[0])
    assert len({p.digest for p in made}) == 1
    assert len({p.diagnostics for p in made}) == 1


@pytest.mark.parametrize(
    "wanted",
    [
        desired([box("robert"), box("bob")], renamed=[rename("robert", "bob")]),
        desired([box("bob")], renamed=[rename("robert", "bob")], removed=[gone("bob")]),
        desired([], renamed=[rename("robert", "bob")]),
    ],
)
def test_a_rename_that_contradicts_the_rest_of_the_file_is_refused(wanted: object) -> None:
    made = plan(wanted, current([read_box("robert")]), prune=True)  # type: ignore[arg-type]
    assert made.refused
    assert (made.count("rename"), made.count("delete")) == (0, 0)


def test_a_managed_field_of_a_renamed_mailbox_must_have_been_read() -> None:
    wanted = desired([box("bob", forward_to=())], renamed=[rename("robert", "bob")])
    made = plan(wanted, current([read_box("robert", forward_to=UNSET)]))
    assert (made.complete, made.changes) == (False, ())


def test_the_version_of_a_password_follows_a_rename() -> None:
    ref = SecretRef("env", "BOB", version=2)
    wanted = desired([box("bob", password=ref)], renamed=[rename("robert", "bob")])
    raised = plan(wanted, current([read_box("robert")]), password_versions={"robert@example.com": 1})
    assert story(raised) == ["rename mailbox:robert@example.com", "update mailbox:bob@example.com"]
    same = plan(wanted, current([read_box("robert")]), password_versions={"robert@example.com": 2})
    assert (story(same), said(same)) == (["rename mailbox:robert@example.com"], [])
