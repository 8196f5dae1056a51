"""Which changes of a saved plan are already in place, which are stale, and which depend on stale ones."""

from typing import Any

import pytest
from domain_builders import ENV, alias, at, box, current, desired, gone, plan, read_alias, read_box, rename

from reconciler.core.model import CurrentDomain
from reconciler.core.plan import Plan, Result
from reconciler.core.planning.recheck import ServerHistory, precondition, recheck, refreshed
from reconciler.core.secret import SecretRef

SALT = b"s" * 16


def story(made: Plan, now: CurrentDomain, **known: Any) -> dict[str, tuple[str, str]]:
    """Key -> (result, detail) of the changes that `recheck` decides."""
    expected = {c.key: precondition(c, SALT) for c in made.changes}
    found = recheck(made, expected, SALT, now, ServerHistory(**known))
    return {key: (o.result.value, o.detail) for key, o in found.items()}


def results(made: Plan, now: CurrentDomain, **known: Any) -> dict[str, str]:
    return {key: result for key, (result, _) in story(made, now, **known).items()}


def test_an_unchanged_server_has_no_decided_outcomes() -> None:
    there = current([read_box("alice", quota=1), read_box("carol")], [read_alias("old")])
    wanted = desired([box("alice", quota=5), box("bob")], [], removed=[gone("carol"), gone("old", "alias")])
    assert story(plan(wanted, there), there) == {}


def test_a_change_already_in_place_is_skipped() -> None:
    there = current([read_box("alice", quota=1), read_box("carol")])
    made = plan(desired([box("alice", quota=5)], [alias("all", "alice")], removed=[gone("carol")]), there)
    now = current([read_box("alice", quota=5)], [read_alias("all", "alice")])
    assert set(results(made, now).values()) == {"already as wanted"}
    assert len(made.changes) == 3


def test_a_stale_change_and_its_dependents_are_refused_and_the_rest_continues() -> None:
    there = current([read_box("alice", quota=1), read_box("bob")], [read_alias("team", "alice")])
    wanted = desired([box("alice", quota=5), box("dora")], [alias("team", "dora"), alias("free", "alice")])
    made = plan(wanted, there)
    now = current(
        [read_box("alice", quota=1), read_box("bob")],
        [read_alias("team", "alice"), read_alias("dora", "alice")],
    )
    found = story(made, now)
    dora = "mailbox:dora@example.com"
    assert found[dora] == ("refused", "alias dora@example.com has the name now")
    assert found["alias:team@example.com"] == ("refused", f"it depends on {dora}, which was refused")
    assert set(found) == {dora, "alias:team@example.com"}


def test_a_dependency_of_a_dependency_is_refused_too() -> None:
    there = current([], [read_alias("old", "bob"), read_alias("bob", "x@else.example")])
    wanted = desired([box("bob")], [alias("team", "bob")], removed=[gone("bob", "alias")])
    made = plan(wanted, there)
    now = current([], [read_alias("old", "bob"), read_alias("bob", "y@else.example")])
    found = story(made, now)
    assert found["alias:bob@example.com"] == ("refused", "changed since the plan: to")
    assert found["mailbox:bob@example.com"] == ("refused", "it depends on alias:bob@example.com, which was refused")
    assert found["alias:team@example.com"][0] == "refused"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ([read_box("robert", quota=1)], {}),
        ([read_box("bob", quota=1)], {"mailbox:robert@example.com": "already as wanted"}),
        ([read_box("bob", quota=5)], dict.fromkeys(("mailbox:robert@example.com", "mailbox:bob@example.com"), "already as wanted")),
        ([read_box("robert", quota=2)], dict.fromkeys(("mailbox:robert@example.com", "mailbox:bob@example.com"), "refused")),
        ([read_box("robert", quota=1), read_box("bob")], dict.fromkeys(("mailbox:robert@example.com", "mailbox:bob@example.com"), "refused")),
        ([], dict.fromkeys(("mailbox:robert@example.com", "mailbox:bob@example.com"), "refused")),
        ([read_box("bob", quota=3)], {"mailbox:robert@example.com": "already as wanted", "mailbox:bob@example.com": "refused"}),
    ],
    ids=["as it was", "renamed", "all done", "moved", "new name taken", "gone", "renamed and moved"],
)  # fmt: skip
def test_a_rename_and_the_update_under_the_new_name(now: list[Any], expected: dict[str, str]) -> None:
    wanted = desired([box("bob", quota=5)], renamed=[rename("robert", "bob")])
    made = plan(wanted, current([read_box("robert", quota=1)]))
    assert [c.action for c in made.changes] == ["rename", "update"]
    assert results(made, current(now)) == expected


def test_a_name_that_the_other_kind_has_now_is_refused() -> None:
    made = plan(desired([box("bob")], [alias("sales", "bob")]), current([read_box("bob")]))
    found = story(made, current([read_box("bob"), read_box("sales")]))
    assert found["alias:sales@example.com"][1] == "mailbox sales@example.com has the name now"
    renamed = plan(desired([box("rob")], renamed=[rename("bob", "rob")]), current([read_box("bob")]))
    found = story(renamed, current([read_box("bob")], [read_alias("rob", "bob")]))
    assert found["mailbox:bob@example.com"][1] == "alias rob@example.com has the name now"


def test_a_change_of_kind_continues_after_its_first_half() -> None:
    made = plan(
        desired([box("sales")], [], removed=[gone("sales", "alias")]),
        current([], [read_alias("sales", "x@else.example")]),
    )
    assert results(made, current()) == {"alias:sales@example.com": "already as wanted"}


def test_an_update_of_a_password_is_skipped_only_if_the_journal_has_its_version() -> None:
    there = current([read_box("bob")])
    wanted = desired([box("bob", password=SecretRef("env", "PW", version=2))])
    made = plan(wanted, there, password_versions={at("bob"): 1})
    key = "mailbox:bob@example.com"
    assert results(made, there, versions={at("bob"): 1}) == {}
    assert results(made, there, versions={at("bob"): 2}) == {key: "already as wanted"}
    assert results(made, there, versions={at("bob"): 2}, asked=frozenset({at("bob")})) == {}
    assert results(made, there) == {}


def test_an_existing_new_mailbox_is_skipped_and_its_password_is_reported_as_unknown() -> None:
    made = plan(desired([box("bob", quota=5, password=ENV)]), current())
    now = current([read_box("bob", quota=5)])
    ((result, detail),) = story(made, now).values()
    assert (result, "whether it has the planned password is unknown" in detail) == ("already as wanted", True)
    assert story(made, now, versions={at("bob"): 1}) == {"mailbox:bob@example.com": ("already as wanted", "")}
    assert story(made, current([read_box("bob", quota=1)])) == {
        "mailbox:bob@example.com": ("refused", "the object was created since the plan")
    }


def test_refreshed_changes_have_the_live_object_for_the_journal() -> None:
    wanted = desired([box("bob", quota=5)], renamed=[rename("robert", "bob")])
    made = plan(wanted, current([read_box("robert", quota=1)]))
    now = current([read_box("robert", quota=1, usage_bytes=7)])
    rename_, update = refreshed(made, now, ServerHistory()).changes
    assert rename_.current == update.current == now.mailboxes["robert"]
    assert (rename_.usage_bytes, update.usage_bytes) == (7, 7)
    assert refreshed(made, now, ServerHistory()) == made


def test_a_begun_creation_continues_with_its_activations_only() -> None:
    made = plan(desired([box("bob", quota=5, eas=True, mapi=True)]), current())
    now = current([read_box("bob", quota=5, eas=True, mapi=False)])
    begun = ServerHistory(begun=frozenset({("mailbox", at("bob"))}))
    (rest,) = refreshed(made, now, begun).changes
    assert (rest.action, rest.password) == ("update", None)
    assert [(f.name, f.before, f.after) for f in rest.fields] == [("mapi", False, True)]
    expected = {c.key: precondition(c, SALT) for c in made.changes}
    assert recheck(refreshed(made, now, begun), expected, SALT, now, begun) == {}


@pytest.mark.parametrize(
    ("quota", "begun"), [(5, set()), (6, {("mailbox", at("bob"))}), (5, {("alias", at("bob"))})], ids=str
)
def test_a_mailbox_that_somebody_else_created_or_changed_does_not_count_as_begun(
    quota: int, begun: set[tuple[str, str]]
) -> None:
    made = plan(desired([box("bob", quota=5, mapi=True)]), current())
    now = current([read_box("bob", quota=quota, mapi=False)])
    known = ServerHistory(begun=frozenset(begun))
    assert refreshed(made, now, known).changes == made.changes
    expected = {c.key: precondition(c, SALT) for c in made.changes}
    (outcome,) = recheck(refreshed(made, now, known), expected, SALT, now, known).values()
    assert outcome.result is Result.REFUSED


def test_an_existing_domain_alias_and_a_deleted_one_are_skipped() -> None:
    made = plan(
        desired(domain_aliases=["new.example"], removed=[gone("old.example", "domainAlias")]),
        current(domain_aliases=["old.example"]),
    )
    assert len(made.changes) == 2
    assert set(results(made, current(domain_aliases=["new.example"])).values()) == {Result.SKIPPED.value}
