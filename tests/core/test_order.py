import random

from domain_builders import (
    alias,
    box,
    current,
    desired,
    gone,
    plan,
    read_alias,
    read_box,
    rename,
    story,
    targets,
)

from reconciler.core.model import ServerLimits
from reconciler.core.plan import Change, FieldChange, Plan
from reconciler.core.planning.order import sort_changes


def needs(made: Plan) -> dict[str, tuple[str, ...]]:
    """`action name` -> the keys of its dependencies, without the domain; only changes with dependencies."""
    return {f"{c.action} {c.name}": tuple(k.split("@")[0] for k in c.depends_on) for c in made.changes if c.depends_on}


def place(made: Plan, key: str) -> int:
    return next(n for n, line in enumerate(story(made)) if line.split("@")[0] == key)


def test_without_dependencies_changes_are_sorted_by_level_then_name() -> None:
    wanted = desired(
        [box("b", quota=5), box("a"), box("to")],
        [alias("n", "x@else.example"), alias("o", "y@else.example")],
        ["new.example"],
        removed=[gone("z"), gone("y", "alias"), gone("old.example", "domainAlias")],
        renamed=[rename("from", "to")],
    )
    there = current(
        [read_box("b"), read_box("z"), read_box("from")], [read_alias("o"), read_alias("y")], ["old.example"]
    )
    assert [line.split("@")[0] for line in story(plan(wanted, there))] == [
        "delete domainAlias:old.example",
        "delete alias:y",
        "rename mailbox:from",
        "update mailbox:b",
        "create mailbox:a",
        "create alias:n",
        "update alias:o",
        "delete mailbox:z",
        "create domainAlias:new.example",
    ]
    assert needs(plan(wanted, there)) == {}


def test_below_the_limit_creations_do_not_wait() -> None:
    wanted = desired([box("new")], removed=[gone("old")])
    made = plan(wanted, current([read_box("old")], limits=ServerLimits(mailboxes=2)))
    assert story(made) == ["create mailbox:new@example.com", "delete mailbox:old@example.com"]
    assert needs(made) == {}


def test_at_the_limit_a_deletion_comes_before_each_creation_that_needs_its_room() -> None:
    wanted = desired([box("new1"), box("new2")], removed=[gone("old1"), gone("old2")])
    made = plan(wanted, current([read_box("old1"), read_box("old2")], limits=ServerLimits(mailboxes=2)))
    assert needs(made) == {"create new1": ("mailbox:old1",), "create new2": ("mailbox:old2",)}
    assert place(made, "delete mailbox:old1") < place(made, "create mailbox:new1")
    assert place(made, "delete mailbox:old2") < place(made, "create mailbox:new2")


def test_only_as_many_deletions_come_first_as_are_needed() -> None:
    wanted = desired([box("new1"), box("new2")], removed=[gone("old1"), gone("old2"), gone("old3")])
    rows = [read_box("old1"), read_box("old2"), read_box("old3")]
    made = plan(wanted, current(rows, limits=ServerLimits(mailboxes=4)))
    assert needs(made) == {"create new2": ("mailbox:old1",)}
    assert place(made, "create mailbox:new1") < place(made, "delete mailbox:old1")
    assert place(made, "delete mailbox:old3") > place(made, "create mailbox:new2")


def test_the_hosts_own_account_counts_because_the_server_may_count_it() -> None:
    wanted = desired([box("new")], removed=[gone("old")])
    rows = [read_box("admin", is_primary_admin=True), read_box("old")]
    assert needs(plan(wanted, current(rows, limits=ServerLimits(mailboxes=3)))) == {}
    assert needs(plan(wanted, current(rows, limits=ServerLimits(mailboxes=2)))) == {"create new": ("mailbox:old",)}


def test_limits_of_aliases_and_domain_aliases_count() -> None:
    wanted = desired(
        None,
        [alias("new", "x@else.example")],
        ["new.example"],
        removed=[gone("old", "alias"), gone("old.example", "domainAlias")],
    )
    there = current((), [read_alias("old")], ["old.example"], limits=ServerLimits(aliases=1, domain_aliases=1))
    assert needs(plan(wanted, there)) == {
        "create new": ("alias:old",),
        "create new.example": ("domainAlias:old.example",),
    }


def test_a_domain_over_its_limit_frees_what_it_can() -> None:
    changes = [
        Change(action=action, kind="mailbox", domain="example.com", name=name)
        for action, name in (("create", "n1"), ("create", "n2"), ("delete", "o1"))
    ]
    made = sort_changes(changes, current(), {"mailbox": -3})
    assert [(c.name, c.depends_on) for c in made] == [
        ("n2", ()),
        ("o1", ()),
        ("n1", ("mailbox:o1@example.com",)),
    ]


def test_a_name_is_freed_before_it_is_used_again() -> None:
    wanted = desired([box("x")], [alias("y", "z@else.example")], removed=[gone("x", "alias"), gone("y")])
    made = plan(wanted, current([read_box("y")], [read_alias("x")]))
    assert needs(made) == {"create x": ("alias:x",), "create y": ("mailbox:y",)}
    assert place(made, "delete mailbox:y") < place(made, "create alias:y")


def test_the_other_kind_may_use_a_name_that_a_rename_frees() -> None:
    wanted = desired([box("bob")], [alias("robert", "bob")], renamed=[rename("robert", "bob")])
    made = plan(wanted, current([read_box("robert")]))
    assert story(made) == ["rename mailbox:robert@example.com", "create alias:robert@example.com"]
    assert needs(made) == {"create robert": ("mailbox:robert",)}


def test_a_mailbox_is_created_before_an_alias_or_a_forward_to_it() -> None:
    wanted = desired([box("zoe"), box("adam", forward_to=targets("zoe"))], [alias("s", "zoe", "adam")])
    made = plan(wanted, current())
    assert needs(made) == {"create adam": ("mailbox:zoe",), "create s": ("mailbox:adam", "mailbox:zoe")}
    assert story(made)[0] == "create mailbox:zoe@example.com"


def test_an_updated_alias_waits_only_for_its_new_targets() -> None:
    wanted = desired([box("new1"), box("new2")], [alias("s", "old", "new1")])
    made = plan(wanted, current([read_box("old")], [read_alias("s", "old")]))
    assert needs(made) == {"update s": ("mailbox:new1",)}


def test_an_alias_waits_for_the_rename_that_creates_its_target() -> None:
    wanted = desired([box("bob")], [alias("s", "bob")], renamed=[rename("robert", "bob")])
    made = plan(wanted, current([read_box("robert")], [read_alias("s", "robert")]))
    assert needs(made) == {"update s": ("mailbox:robert",)}


def test_nothing_points_into_a_domain_alias_before_it_exists() -> None:
    wanted = desired(
        [box("a", forward_to=("x@new.example",))],
        [alias("n", "y@new.example", "z@old.example")],
        ["new.example", "old.example"],
    )
    there = current([read_box("a", forward_to=())], [], ["old.example"])
    assert needs(plan(wanted, there)) == {
        "update a": ("domainAlias:new.example",),
        "create n": ("domainAlias:new.example",),
    }


def test_an_alias_is_deleted_or_updated_before_its_target_is_deleted() -> None:
    wanted = desired(
        [box("f", forward_to=())], [alias("s", "x@else.example")], removed=[gone("carol"), gone("t", "alias")]
    )
    there = current(
        [read_box("carol"), read_box("f", forward_to=targets("carol"))],
        [read_alias("s", "carol"), read_alias("t", "carol")],
    )
    made = plan(wanted, there)
    assert needs(made) == {"delete carol": ("alias:s", "alias:t", "mailbox:f")}
    assert story(made)[-1] == "delete mailbox:carol@example.com"


def test_an_alias_comes_after_the_new_alias_to_which_it_points() -> None:
    made = plan(desired(aliases=[alias("a", "b"), alias("b", "c"), alias("c", "x@else.example")]), current())
    assert story(made) == ["create alias:c@example.com", "create alias:b@example.com", "create alias:a@example.com"]
    assert needs(made) == {"create a": ("alias:b",), "create b": ("alias:c",)}


def test_a_cycle_is_broken_at_its_weakest_dependency() -> None:
    """`new` needs the room of `old`; `old` is a target of `s` until `s` gets `new` as its target."""
    wanted = desired([box("new")], [alias("s", "new")], removed=[gone("old")])
    made = plan(wanted, current([read_box("old")], [read_alias("s", "old")], limits=ServerLimits(mailboxes=1)))
    assert [line.split("@")[0] for line in story(made)] == [
        "delete mailbox:old",
        "create mailbox:new",
        "update alias:s",
    ]
    assert needs(made) == {"create new": ("mailbox:old",), "update s": ("mailbox:new",)}


def test_breaking_a_cycle_keeps_all_other_dependencies() -> None:
    """`t` gets the target `new` instead of `other`: it waits for the cycle without being part of it; `other` waits for `t`."""
    wanted = desired([box("new")], [alias("s", "new"), alias("t", "new")], removed=[gone("old"), gone("other")])
    rows = [read_box("old"), read_box("other")]
    there = current(rows, [read_alias("s", "old"), read_alias("t", "other")], limits=ServerLimits(mailboxes=2))
    made = plan(wanted, there)
    assert needs(made) == {
        "create new": ("mailbox:old",),
        "update s": ("mailbox:new",),
        "update t": ("mailbox:new",),
        "delete other": ("alias:t",),
    }


def test_aliases_that_point_at_each_other_are_created() -> None:
    made = plan(desired(aliases=[alias("a", "b"), alias("b", "a"), alias("c", "a")]), current())
    assert sorted(story(made)) == [f"create alias:{n}@example.com" for n in "abc"]
    assert place(made, "create alias:a") < place(made, "create alias:c")
    assert needs(made)["create c"] == ("alias:a",)


def test_an_alias_that_points_at_itself_does_not_wait_for_itself() -> None:
    assert needs(plan(desired(aliases=[alias("a", "a")]), current())) == {}


def test_dependencies_come_before_the_changes_that_need_them() -> None:
    wanted = desired(
        [box("n1", forward_to=targets("n2")), box("n2")],
        [alias("a", "b", "n1"), alias("b", "n2")],
        removed=[gone("o1"), gone("o2"), gone("old", "alias")],
    )
    there = current(
        [read_box("o1"), read_box("o2")], [read_alias("old", "o1")], limits=ServerLimits(mailboxes=2, aliases=1)
    )
    made = plan(wanted, there)
    keys = [c.key for c in made.changes]
    for n, change in enumerate(made.changes):
        assert set(change.depends_on) <= set(keys[:n])


def test_the_order_of_the_changes_does_not_depend_on_the_order_of_the_input() -> None:
    def ring(n: int, m: int) -> Change:
        to = FieldChange(name="to", after=(f"a{m}@example.com",))
        return Change(action="create", kind="alias", domain="example.com", name=f"a{n}", fields=(to,))

    changes = [ring(0, 1), ring(1, 2), ring(2, 0), ring(3, 4), ring(4, 3), ring(5, 0), ring(6, 6)]
    changes += [Change(action="delete", kind="mailbox", domain="example.com", name=f"m{n}") for n in range(3)]
    changes += [Change(action="create", kind="mailbox", domain="example.com", name=f"n{n}") for n in range(3)]
    first = sort_changes(changes, current(), {"mailbox": 1})
    for seed in range(20):
        random.Random(seed).shuffle(changes)
        assert sort_changes(changes, current(), {"mailbox": 1}) == first
