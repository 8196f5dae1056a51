from datetime import date

import pytest
from domain_builders import alias, box, current, desired, gone, plan, read_alias, read_box, said, targets

from reconciler.core.diagnostics import Severity
from reconciler.core.guards.deletion import population
from reconciler.core.guards.run import allowed_deletions
from reconciler.core.model import ServerLimits
from reconciler.core.plan import Plan
from reconciler.core.product import Limits
from reconciler.core.workspace import Policy


def fewer(there: int, doomed: int, **policy: int) -> Plan:
    rows = [read_box(f"m{n:02}") for n in range(there)]
    wanted = desired([], removed=[gone(f"m{n:02}") for n in range(doomed)])
    return plan(wanted, current(rows), policy=Policy(**policy))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("there", "doomed", "refused"),
    [
        (9, 5, False),  # below ten the percentage says nothing
        (9, 6, True),  # more than five
        (10, 1, False),  # ten percent of ten
        (10, 2, True),
        (20, 2, False),
        (20, 3, True),
        (100, 5, False),
        (100, 6, True),  # six percent, but more than five
    ],
)
def test_deletions_are_limited_by_number_and_from_ten_resources_on_by_percent(
    there: int, doomed: int, refused: bool
) -> None:
    made = fewer(there, doomed)
    assert (said(made) == ["GRD002"]) is refused
    assert made.refused is refused


def test_the_refusal_shows_the_numbers_and_a_remedy() -> None:
    made = fewer(20, 3)
    (one,) = made.diagnostics
    assert "3 of 20 mailboxes" in one.message
    assert "allows at most 5 and 10 percent" in one.message
    assert "--allow-deletions" in one.hint


def test_the_policys_own_numbers_are_used() -> None:
    assert fewer(10, 6, max_deletions_count=6, max_deletions_percent=60).diagnostics == ()
    assert said(fewer(10, 6, max_deletions_count=6, max_deletions_percent=59)) == ["GRD002"]
    assert said(fewer(3, 1, max_deletions_count=0)) == ["GRD002"]


def test_each_kind_is_counted_separately() -> None:
    there = current([read_box(f"m{n}") for n in range(5)], [read_alias(f"a{n}") for n in range(6)])
    wanted = desired(removed=[*(gone(f"m{n}") for n in range(5)), *(gone(f"a{n}", "alias") for n in range(6))])
    made = plan(wanted, there)
    assert [d.message.split("; ")[0] for d in made.diagnostics] == ["example.com: this plan deletes 6 of 6 aliases"]


def test_disabling_before_a_purge_does_not_count_as_a_deletion() -> None:
    wanted = desired([], removed=[gone(f"m{n}", purge_after=date(2030, 1, 1)) for n in range(8)])
    made = plan(wanted, current([read_box(f"m{n}") for n in range(8)]))
    assert "GRD002" not in said(made)


def test_allowed_deletions_replace_the_policys_limit() -> None:
    rows = [read_box(f"m{n}") for n in range(8)]
    wanted = desired([], removed=[gone(f"m{n}") for n in range(8)])
    assert said(plan(wanted, current(rows), deletions_allowed=True)) == []


@pytest.mark.parametrize(("allowed", "fits"), [(7, False), (8, True), (9, False), (0, False)])
def test_the_number_of_allowed_deletions_must_be_exact_over_all_plans(allowed: int, fits: bool) -> None:
    objection = allowed_deletions([fewer(20, 3), fewer(20, 5), fewer(5, 0)], allowed)
    assert (objection is None) is fits
    if objection:
        assert objection.code == "GRD004"
        assert f"--allow-deletions {allowed} does not match the plan, which has 8 deletions" in objection.message


def test_one_deletion_is_singular_in_the_message() -> None:
    objection = allowed_deletions([fewer(3, 1)], 2)
    assert objection is not None
    assert objection.message.endswith("the plan, which has 1 deletion")


def test_limits_count_unmanaged_resources_but_not_the_hosts_own_account() -> None:
    rows = [read_box("admin", is_primary_admin=True), read_box("old1"), read_box("old2")]
    assert population(current(rows), "mailbox") == 2
    wanted = desired([box("new1"), box("new2")])
    assert said(plan(wanted, current(rows), limits=Limits(mailboxes=4))) == []
    made = plan(wanted, current(rows), limits=Limits(mailboxes=3))
    assert said(made) == ["GRD008"]
    assert (
        "the product allows 3 mailboxes; this plan results in 4 (2 declared, 2 unmanaged)"
        in made.diagnostics[0].message
    )


def test_a_deleted_mailbox_makes_room() -> None:
    wanted = desired([box("new")], removed=[gone("old")])
    assert said(plan(wanted, current([read_box("old")]), limits=Limits(mailboxes=1))) == []


def test_a_disabled_mailbox_makes_no_room() -> None:
    wanted = desired([box("new")], removed=[gone("old", purge_after=date(2030, 1, 1))])
    assert "GRD008" in said(plan(wanted, current([read_box("old")]), limits=Limits(mailboxes=1)))


def test_a_domain_above_its_limit_may_be_changed_and_reduced() -> None:
    rows = [read_box("a"), read_box("b"), read_box("c")]
    wanted = desired([box("a", quota=5)], removed=[gone("c")])
    assert said(plan(wanted, current(rows), limits=Limits(mailboxes=1))) == []


def test_the_servers_limit_counts_in_addition_to_the_products() -> None:
    made = plan(
        desired([box("b")]), current([read_box("a")], limits=ServerLimits(mailboxes=1)), limits=Limits(mailboxes=9)
    )
    assert said(made) == ["GRD008"]
    assert (
        "the server allows 1 mailbox; this plan results in 2 (1 declared, 1 unmanaged)" in made.diagnostics[0].message
    )


def test_zero_is_unlimited_but_not_offered_for_domain_aliases() -> None:
    assert said(plan(desired([box("a")]), current(limits=ServerLimits(mailboxes=0)), limits=Limits(mailboxes=0))) == []
    assert said(plan(desired(aliases=[alias("s", "b@else.example")]), current(), limits=Limits(aliases=0))) == []
    assert said(plan(desired(domain_aliases=["example.ca"]), current(), limits=Limits(domain_aliases=0))) == ["GRD008"]
    assert said(plan(desired(domain_aliases=["example.ca"]), current(), limits=Limits())) == []


@pytest.mark.parametrize(
    ("verdict", "severities"), [("allow", []), ("warn", [Severity.WARNING]), ("deny", [Severity.ERROR])]
)
def test_external_forwarding_has_the_severity_of_the_policy(verdict: str, severities: list[Severity]) -> None:
    wanted = desired([box("a", forward_to=targets("z@else.example", "y@else.example", "b@sister.example", "b"))])
    made = plan(
        wanted,
        current([read_box("a"), read_box("b")]),
        policy=Policy(external_forwarding=verdict),  # type: ignore[arg-type]
        internal_domains=frozenset({"example.com", "sister.example"}),
    )
    assert [d.severity for d in made.diagnostics] == severities
    for one in made.diagnostics:
        assert one.code == "GRD007"
        assert "mailbox a@example.com" in one.message
        assert one.message.endswith("external addresses: y@else.example, z@else.example")


def test_existing_external_forwarding_is_not_reported_again() -> None:
    there = current(aliases=[read_alias("s", "x@else.example")])
    wanted = desired(aliases=[alias("s", "x@else.example", "b")])
    assert said(plan(wanted, there, policy=Policy(external_forwarding="deny"))) == []


@pytest.mark.parametrize("right", ["is_admin", "is_primary_admin"])
def test_an_administrator_of_the_domain_is_not_disabled_by_a_file(right: str) -> None:
    there = current([read_box("boss", enabled=True, **{right: True}), read_box("bob", enabled=True)])
    made = plan(desired([box("boss", enabled=False), box("bob", enabled=False)]), there)
    (refusal,) = (d for d in made.diagnostics if d.severity == "error")
    assert (refusal.code, "boss@" in refusal.message) == ("GRD003", True)
    assert made.refused


def test_a_disabled_administrator_may_stay_declared_as_disabled() -> None:
    there = current([read_box("boss", enabled=False, is_admin=True)])
    assert not plan(desired([box("boss", enabled=False)]), there).refused
