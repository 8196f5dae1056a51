import pytest
from domain_builders import ENV, alias, box, current, desired, fields_of, only, plan, read_alias, read_box, targets

from reconciler.core.kinds import ALIAS, DOMAIN_ALIAS, MAILBOX
from reconciler.core.model import UNSET, DomainAlias, Mailbox
from reconciler.core.planning.planner import creation_fields, field_changes


def names(changes: tuple) -> dict:
    return {c.name: (c.before, c.after) for c in changes}


def test_equal_resources_have_no_changes() -> None:
    assert field_changes(MAILBOX, read_box("a"), read_box("a")) == ((), ())
    assert field_changes(DOMAIN_ALIAS, DomainAlias(name="a.example"), DomainAlias(name="a.example")) == ((), ())


def test_a_field_that_is_not_managed_is_neither_compared_nor_unread() -> None:
    assert field_changes(MAILBOX, box("a"), read_box("a", quota=5, display_name="x")) == ((), ())
    assert field_changes(MAILBOX, box("a"), Mailbox(name="a")) == ((), ())


@pytest.mark.parametrize(
    ("field", "attribute", "before", "empty"),
    [
        ("displayName", "display_name", "Alice", ""),
        ("forwarding.to", "forward_to", targets("x@else.example"), ()),
        ("quota", "quota", 5, 0),
        ("enabled", "enabled", True, False),
    ],
)
def test_an_empty_value_is_managed_and_means_empty(field: str, attribute: str, before: object, empty: object) -> None:
    changes, unread = field_changes(MAILBOX, box("a", **{attribute: empty}), read_box("a", **{attribute: before}))
    assert names(changes) == {field: (before, empty)}
    assert unread == ()


def test_a_managed_field_that_was_not_read_is_listed_and_never_counts_as_empty() -> None:
    changes, unread = field_changes(MAILBOX, box("a", forward_to=(), quota=5), read_box("a", forward_to=UNSET))
    assert unread == ("forwarding.to",)
    assert names(changes) == {"quota": (0, 5)}


def test_every_field_of_an_alias_is_compared() -> None:
    wanted = alias("s", "a", display_name="S", allow_sending=True, hide_from_gal=True, internal_only=True)
    changes, unread = field_changes(ALIAS, wanted, read_alias("s", "b"))
    assert set(names(changes)) == {"to", "displayName", "allowSending", "hideFromGal", "internalOnly"}
    assert unread == ()


def test_passwords_and_protections_are_not_compared() -> None:
    assert field_changes(MAILBOX, box("a", password=ENV, protect=True), read_box("a")) == ((), ())


def test_a_creation_has_the_managed_fields_and_no_others() -> None:
    made = creation_fields(MAILBOX, box("a", quota=5, display_name="", forward_to=()))
    assert names(made) == {"displayName": (None, ""), "quota": (None, 5), "forwarding.to": (None, ())}


def test_fields_come_in_the_order_of_the_table() -> None:
    change = only(plan(desired([read_box("a", quota=1, enabled=False, display_name="x")]), current([read_box("a")])))
    assert list(fields_of(change)) == ["displayName", "quota", "enabled"]
