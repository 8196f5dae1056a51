"""The rollback of a run, case by case."""

from typing import Any

import pytest
from domain_builders import current, desired, only, plan, read_alias, read_box, story

from reconciler.core.model import CurrentDomain
from reconciler.core.plan import Change, FieldChange, Plan
from reconciler.core.planning.rollback import AppliedStep, Inverse, inverse, scope_of
from reconciler.core.ports import ReadScope
from reconciler.core.workspace import Policy

LAX = Policy(external_forwarding="allow")


def step(
    action: str,
    name: str = "a",
    *,
    kind: str = "mailbox",
    fields: dict[str, tuple[Any, Any]] | None = None,
    **more: Any,
) -> AppliedStep:
    about = {k: more.pop(k) for k in ("certain", "password", "touched_by", "remade_by") if k in more}
    listed = tuple(FieldChange(name=n, before=b, after=a) for n, (b, a) in (fields or {}).items())
    change = Change(action=action, kind=kind, domain="example.com", name=name, fields=listed, **more)  # type: ignore[arg-type]
    return AppliedStep(change=change, **about)


def undo(there: CurrentDomain, *steps: AppliedStep, policy: Policy = LAX) -> tuple[Plan, Inverse]:
    found = inverse(desired(), steps, there, policy)
    return plan(found.desired, there, policy=policy), found


def words(found: Inverse) -> str:
    return "\n".join(f"{d.code} {d.message}" for d in found.diagnostics)


QUOTA = step("update", fields={"quota": (1, 2)})


def test_an_update_is_undone_field_by_field() -> None:
    made, found = undo(current([read_box("a", quota=2, display_name="kept")]), QUOTA)
    (field,) = only(made).fields
    assert (field.name, field.before, field.after) == ("quota", 2, 1)
    assert words(found) == ""


def test_an_object_with_a_stale_field_stays_unchanged_and_the_field_is_named() -> None:
    both = step("update", fields={"quota": (1, 2), "displayName": ("old", "new")})
    made, found = undo(current([read_box("a", quota=3, display_name="new")]), both)
    assert made.changes == ()
    assert words(found) == "RBK002 mailbox a@example.com stays unchanged: changed since the run: quota"


def test_an_object_with_its_earlier_state_is_reported_and_not_planned() -> None:
    made, found = undo(current([read_box("a", quota=1)]), QUOTA)
    assert made.changes == ()
    assert "already has its state from before the run" in words(found)


def test_a_disabled_mailbox_is_enabled_again() -> None:
    made, _ = undo(current([read_box("a", enabled=False)]), step("update", fields={"enabled": (True, False)}))
    assert [(f.name, f.after) for f in only(made).fields] == [("enabled", True)]


def test_a_created_object_is_deleted_only_if_it_is_as_the_run_left_it() -> None:
    create = step("create", fields={"quota": (None, 2)})
    made, _ = undo(current([read_box("a", quota=2)]), create)
    assert (only(made).action, only(made).risk) == ("delete", "mail-loss")
    made, found = undo(current([read_box("a", quota=5)]), create)
    assert made.changes == ()
    assert "RBK002" in words(found)
    made, found = undo(current(), create)
    assert made.changes == ()
    assert "already has its state" in words(found)


@pytest.mark.parametrize(
    ("about", "code"),
    [({"certain": False}, "RBK003"), ({"touched_by": "R2"}, "RBK002"), ({"remade_by": "R2"}, "RBK002")],
)
def test_an_object_that_the_run_may_not_have_created_or_that_another_run_changed_is_never_deleted(
    about: Any, code: str
) -> None:
    made, found = undo(current([read_box("a")]), step("create", **about))
    assert made.changes == ()
    assert code in words(found)


def test_a_deleted_alias_or_domain_alias_is_restored_completely() -> None:
    was = read_alias("s", "a", allow_sending=True, internal_only=True, display_name="Sales")
    made, found = undo(
        current([read_box("a")]),
        step("delete", "s", kind="alias", current=was),
        step("delete", "old.example", kind="domainAlias"),
    )
    assert story(made) == ["create alias:s@example.com", "create domainAlias:old.example"]
    assert {f.name: f.after for f in made.changes[0].fields} == {
        "displayName": "Sales", "to": ("a@example.com",), "allowSending": True, "hideFromGal": False, "internalOnly": True,
    }  # fmt: skip
    assert words(found) == ""


def test_a_deleted_mailbox_is_restored_empty_with_its_settings_and_the_loss_is_reported() -> None:
    was = read_box("a", quota=9, forward_to=("x@else.example",), usage_bytes=3 << 30)
    made, found = undo(current(), step("delete", current=was, usage_bytes=3 << 30))
    change = only(made)
    values = {f.name: f.after for f in change.fields if f.secret is None}
    assert (change.action, values["quota"], values["forwarding.to"]) == ("create", 9, ("x@else.example",))
    assert change.password is not None
    assert change.password.kind == "generate"
    assert "RBK001 mailbox a@example.com was deleted: its mail (3.0 GiB) and its password cannot be restored" in words(
        found
    )


def test_an_object_deleted_without_a_journalled_state_cannot_be_restored() -> None:
    made, found = undo(current(), step("delete"), step("delete", "s", kind="alias"))
    assert made.changes == ()
    assert words(found).count("the journal does not contain its state") == 2


def test_unread_fields_of_a_deleted_alias_are_reported() -> None:
    from reconciler.core.model import Alias

    made, found = undo(
        current([read_box("a")]), step("delete", "s", kind="alias", current=Alias(name="s", targets=("a@example.com",)))
    )
    assert [f.name for f in only(made).fields] == ["to"]
    assert "the journal does not contain displayName, allowSending, hideFromGal, internalOnly" in words(found)


def test_a_deleted_object_is_not_restored_if_either_kind_uses_its_name_again() -> None:
    gone = step("delete", "s", kind="alias", current=read_alias("s"))
    for there in (current(aliases=[read_alias("s", "a")]), current([read_box("s")])):
        made, found = undo(there, gone)
        assert made.changes == ()
        assert "another object has the name now" in words(found)


def test_an_alias_that_became_a_mailbox_becomes_an_alias_again_in_any_order_of_steps() -> None:
    steps = (step("delete", "s", kind="alias", current=read_alias("s", "a")), step("create", "s"))
    for order in (steps, steps[::-1]):
        made, _ = undo(current([read_box("a"), read_box("s")]), *order)
        assert story(made) == ["delete mailbox:s@example.com", "create alias:s@example.com"]


def test_a_rename_is_undone_with_the_fields_that_changed_under_the_new_name() -> None:
    steps = (step("rename", "rob", new_name="bob"), step("update", "bob", fields={"quota": (1, 2)}))
    made, found = undo(current([read_box("bob", quota=2)]), *steps)
    assert story(made) == ["rename mailbox:bob@example.com", "update mailbox:rob@example.com"]
    assert made.changes[0].new_name == "rob"
    assert words(found) == ""
    made, found = undo(current([read_box("bob", quota=7)]), *steps)
    assert made.changes == ()
    assert "mailbox rob@example.com, now bob, stays unchanged" in words(found)


def test_a_rename_whose_old_name_the_run_used_again_is_undone_after_the_name_is_freed() -> None:
    steps = (
        step("rename", "rob", new_name="bob"),
        step("create", "rob", kind="alias", fields={"to": (None, ("bob@example.com",))}),
    )
    there = current([read_box("bob")], [read_alias("rob", "bob")])
    for order in (steps, steps[::-1]):
        made, _ = undo(there, *order)
        assert story(made) == ["delete alias:rob@example.com", "rename mailbox:bob@example.com"]
    made, found = undo(there, steps[0])
    assert made.changes == ()
    assert "the name rob is in use again" in words(found)


def test_an_ambiguous_rename_without_effect_is_not_undone() -> None:
    made, found = undo(current([read_box("rob")]), step("rename", "rob", new_name="bob", certain=False))
    assert made.changes == ()
    assert "already has its state" in words(found)


def test_an_old_password_cannot_be_restored() -> None:
    made, found = undo(current([read_box("a")]), step("update", password=True))
    assert made.changes == ()
    assert "RBK001 mailbox a@example.com has a new password" in words(found)


def test_an_object_with_unread_fields_stays_unchanged() -> None:
    from reconciler.core.model import Mailbox

    made, found = undo(current([Mailbox(name="a")]), QUOTA)
    assert made.complete
    assert made.changes == ()
    assert "the server did not return quota" in words(found)


def test_an_ignored_object_stays_unchanged_and_is_reported() -> None:
    made, found = undo(current([read_box("a", quota=2)]), QUOTA, policy=Policy(ignore={"mailbox": ("a",)}))
    assert made.changes == ()
    assert "ignores it now" in words(found)


def test_a_protected_or_administrating_mailbox_that_the_run_created_is_not_deleted() -> None:
    create = step("create")
    made, _ = undo(current([read_box("a", is_admin=True)]), create)
    assert made.refused
    assert made.changes == ()
    made, _ = undo(current([read_box("a")]), create, policy=Policy(protect=("a",)))
    assert made.refused
    assert made.changes == ()


def test_the_costly_reads_cover_written_created_and_deleted_objects() -> None:
    assert scope_of([QUOTA]) == ReadScope()
    assert scope_of(
        [
            step("create", "new", fields={"eas": (None, True)}),
            step("update", "fw", fields={"forwarding.to": ((), ("x@y.example",))}),
            step("rename", "rob", new_name="bob"),
            step("update", "bob", fields={"forwarding.keepCopy": (True, False)}),
            step("update", "plain", kind="alias", fields={"to": ((), ("x@y.example",))}),
            step("update", "flags", kind="alias", fields={"allowSending": (True, False)}),
        ]
    ) == ReadScope(forwarding=frozenset({"new", "fw", "rob", "bob"}), alias_flags=frozenset({"flags"}), eas=True)
