"""Targets of mail: new external addresses, and addresses that the plan deletes or renames."""

from typing import Any

import pytest
from domain_builders import (
    DOMAIN,
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
    targets,
)

from reconciler.core.diagnostics import Severity
from reconciler.core.guards.run import dangling_across
from reconciler.core.model import UNSET, CurrentDomain, DesiredDomain
from reconciler.core.planning.planner import PlanOptions, plan_domain
from reconciler.core.product import Limits
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span
from reconciler.core.workspace import Policy

CAROL = read_box("carol")
ANN = read_box("ann")


def pointed(made: Any) -> list[str]:
    return [f"{d.severity}: {d.message}" for d in made.diagnostics if d.code == "GRD012"]


def test_an_alias_without_a_remaining_target_is_refused_with_a_remedy() -> None:
    wanted = desired([], removed=[gone("carol")])
    made = plan(wanted, current([CAROL], [read_alias("info", "carol")]))
    assert pointed(made) == [
        "error: alias info@example.com would have no target left: this plan deletes carol@example.com"
    ]
    assert made.diagnostics[0].hint == "declare other targets, or list the alias in `removed.aliases`"
    assert made.refused


def test_an_alias_that_keeps_other_targets_is_a_warning_with_their_number() -> None:
    there = current([CAROL], [read_alias("info", "carol", "ann", "x@else.example")])
    made = plan(desired([], removed=[gone("carol")]), there)
    assert pointed(made) == [
        (
            "warning: alias info@example.com would still point at carol@example.com, which this plan deletes; "
            "2 other targets stay"
        )
    ]
    assert not made.refused


@pytest.mark.parametrize(
    "wanted",
    [
        desired(aliases=[alias("info", "ann")], removed=[gone("carol")]),
        desired(removed=[gone("carol"), gone("info", "alias")]),
        desired(aliases=[alias("carol", "ann")], removed=[gone("carol")]),
    ],
)
def test_a_plan_may_change_the_targets_or_remove_the_alias_or_replace_the_deleted_address(wanted: Any) -> None:
    made = plan(wanted, current([CAROL, ANN], [read_alias("info", "carol")]))
    assert (pointed(made), made.refused) == ([], False)


def test_an_alias_with_other_targets_or_a_disabled_one_is_allowed() -> None:
    there = current([CAROL, ANN], [read_alias("info", "ann"), read_alias("other", "carol@else.example")])
    assert pointed(plan(desired([], removed=[gone("carol")]), there)) == []


def test_a_forward_without_a_remaining_target_is_refused_and_an_unread_one_is_not_reported() -> None:
    wanted = desired([], removed=[gone("carol")])
    made = plan(wanted, current([CAROL, read_box("ann", forward_to=targets("carol"))]))
    assert pointed(made) == [
        "error: the forward of mailbox ann@example.com would have no target left: this plan deletes carol@example.com"
    ]
    assert pointed(plan(wanted, current([CAROL, read_box("ann", forward_to=UNSET)]))) == []
    assert pointed(plan(wanted, current([CAROL, ANN]))) == []


def test_forwards_and_aliases_that_the_plan_deletes_do_not_count() -> None:
    there = current([CAROL, read_box("ann", forward_to=targets("carol"))])
    assert pointed(plan(desired([], removed=[gone("carol"), gone("ann")]), there)) == []


def test_a_renamed_target_is_reported_with_its_new_name() -> None:
    wanted = desired([box("bob")], renamed=[rename("robert", "bob")])
    there = current([read_box("robert")], [read_alias("info", "robert")])
    made = plan(wanted, there)
    assert pointed(made) == [
        "error: alias info@example.com would have no target left: this plan renames robert@example.com"
    ]
    assert made.diagnostics[0].hint == "change the target to bob"
    fixed = desired([box("bob")], [alias("info", "bob")], renamed=[rename("robert", "bob")])
    assert pointed(plan(fixed, there)) == []
    replaced = desired([box("bob")], [alias("robert", "bob")], renamed=[rename("robert", "bob")])
    assert pointed(plan(replaced, there)) == []


def test_a_renamed_alias_is_checked_under_its_new_name() -> None:
    wanted = desired([], [alias("news")], removed=[gone("carol")], renamed=[rename("info", "news", "alias")])
    made = plan(wanted, current([CAROL], [read_alias("info", "carol")]))
    assert "alias news@example.com would have no target left" in pointed(made)[0]


def test_an_alias_that_points_only_at_a_deleted_alias_is_refused() -> None:
    there = current([ANN], [read_alias("old", "ann"), read_alias("info", "old")])
    assert "this plan deletes old@example.com" in pointed(plan(desired(removed=[gone("old", "alias")]), there))[0]


def test_pruned_addresses_count_like_removed_ones_and_ignored_aliases_may_point_at_them() -> None:
    policy = Policy(ignore={"alias": ("svc-*",)}, external_forwarding="allow")
    made = plan(desired([]), current([CAROL], [read_alias("svc-x", "carol")]), prune=True, policy=policy)
    assert "alias svc-x@example.com would have no target left" in pointed(made)[0]


def test_a_mailbox_has_an_address_under_each_name_of_the_domain() -> None:
    there = current([CAROL], [read_alias("info", "carol@example.org")], ["example.org"])
    assert "carol@example.org" in pointed(plan(desired([], removed=[gone("carol")]), there))[0]
    assert pointed(plan(desired([], removed=[gone("carol")]), current([CAROL], there.aliases.values()))) == []


def test_a_deleted_domain_alias_removes_its_addresses() -> None:
    there = current([CAROL], [read_alias("info", "carol@example.org")], ["example.org"])
    wanted = desired(removed=[gone("example.org", "domainAlias")])
    assert "carol@example.org" in pointed(plan(wanted, there))[0]
    moved = plan(wanted, there, internal_domains=frozenset({DOMAIN, "example.org"}))
    assert pointed(moved) == []


def test_many_targets_are_counted_and_three_are_named() -> None:
    names = [f"m{n}" for n in range(5)]
    there = current([read_box(n) for n in names], [read_alias("all", *names)])
    made = plan(desired([], removed=[gone(n) for n in names]), there)
    assert pointed(made)[0].endswith("m0@example.com, m1@example.com, m2@example.com, 2 more")


# Other domains of the run

NEXT = "next.example"


def neighbour(*to: str, forward_to: tuple[str, ...] = ()) -> tuple[DesiredDomain, CurrentDomain]:
    boxes = {"nan": read_box("nan", forward_to=forward_to)}
    aliases = {"sales": read_alias("sales", *to)}
    there = CurrentDomain(domain=NEXT, mailboxes=boxes, aliases=aliases, domain_aliases={})
    return DesiredDomain(domain=NEXT, server="mail1", origin=Span("domains/next.yaml")), there


def across(wanted: DesiredDomain, there: CurrentDomain, other: tuple[DesiredDomain, CurrentDomain]) -> list[Any]:
    internal = frozenset({DOMAIN, NEXT})
    options = PlanOptions(today=TODAY, internal_domains=internal)
    policy = Policy(external_forwarding="allow")
    plans = [plan_domain(d, c, policy, Limits(), options) for d, c in ((wanted, there), other)]
    return dangling_across(plans, {DOMAIN: there, NEXT: other[1]}, internal)


def test_a_dangling_alias_of_another_domain_is_reported_at_the_domain_that_deletes_its_target() -> None:
    wanted = desired([], removed=[gone("carol")])
    ((domain, one),) = across(wanted, current([CAROL]), neighbour(f"carol@{DOMAIN}"))
    assert (domain, one.code, one.severity) == (DOMAIN, "GRD012", Severity.ERROR)
    assert one.message.startswith("alias sales@next.example would have no target left")


def test_forwards_and_domain_aliases_are_checked_across_domains() -> None:
    wanted = desired([], removed=[gone("carol")])
    there = current([CAROL], domain_aliases=["example.org"])
    found = across(wanted, there, neighbour("ann@else.example", forward_to=("carol@example.org",)))
    assert [one.message.split(" would")[0] for _, one in found] == ["the forward of mailbox nan@next.example"]


def test_nothing_is_reported_across_domains_if_a_target_remains_or_nothing_is_deleted() -> None:
    wanted = desired([], removed=[gone("carol")])
    assert across(wanted, current([CAROL]), neighbour(f"ann@{DOMAIN}")) == []
    assert across(desired([]), current([CAROL]), neighbour(f"carol@{DOMAIN}")) == []
    assert across(desired(aliases=[alias("carol", f"ann@{DOMAIN}")], removed=[gone("carol")]), current([CAROL]),
                  neighbour(f"carol@{DOMAIN}")) == []  # fmt: skip
    ((_, one),) = across(wanted, current([CAROL]), neighbour(f"carol@{DOMAIN}", f"ann@{DOMAIN}"))
    assert one.severity is Severity.WARNING


def test_unread_domains_are_not_checked_across_domains() -> None:
    made = plan(desired([], removed=[gone("carol")]), current([CAROL]))
    assert dangling_across([made], {DOMAIN: current([CAROL]), NEXT: OSError("gone")}, frozenset()) == []
    assert dangling_across([made], {DOMAIN: OSError("gone")}, frozenset()) == []


# External targets


@pytest.mark.parametrize("verdict", ["warn", "deny"])
def test_external_domains_of_the_policy_are_not_reported_and_have_no_risk(verdict: Any) -> None:
    policy = Policy(external_forwarding=verdict, external_forwarding_domains=("partner.example", "*.below.example"))
    wanted = desired([box("a", forward_to=targets("x@partner.example", "y@eu.below.example"))])
    made = plan(wanted, current(), policy=policy)
    assert (said(made), only(made).risk) == ([], "none")
    more = plan(
        desired([box("a", forward_to=targets("x@partner.example", "z@below.example"))]), current(), policy=policy
    )
    assert (said(more), only(more).risk) == (["GRD007"], "exfiltration")
    assert more.diagnostics[0].message.endswith("would send mail to external addresses: z@below.example")


def test_a_policy_that_allows_all_forwarding_still_marks_the_risk_except_for_its_listed_domains() -> None:
    policy = Policy(external_forwarding="allow", external_forwarding_domains=("partner.example",))
    wanted = desired(aliases=[alias("a", "x@partner.example"), alias("b", "x@else.example")])
    made = plan(wanted, current(), policy=policy)
    assert [(c.name, c.risk) for c in made.changes] == [("a", "none"), ("b", "exfiltration")]


@pytest.mark.parametrize(
    ("before", "after", "risk"),
    [
        ({"enabled": True}, {"enabled": False}, "access"),
        ({"enabled": False}, {"enabled": True}, "access"),
        ({"eas": False}, {"eas": True}, "access"),
        ({"eas": True}, {"eas": False}, "access"),
        ({"mapi": False}, {"mapi": True}, "access"),
        ({}, {"password": SecretRef("env", "A", version=2)}, "access"),
        ({"quota": 1}, {"quota": 2}, "none"),
        ({"display_name": "A"}, {"display_name": "B"}, "none"),
        ({}, {"forward_to": targets("ann")}, "none"),
    ],
)
def test_risk_access_is_for_passwords_protocols_and_disabling(before: Any, after: Any, risk: str) -> None:
    made = plan(
        desired([box("a", **after)]), current([read_box("a", **before)]), password_versions={"a@example.com": 1}
    )
    assert only(made).risk == risk


def test_every_change_of_an_administrator_has_risk_access() -> None:
    made = plan(desired([box("boss", display_name="B")]), current([read_box("boss", is_admin=True)]))
    assert only(made).risk == "access"


def test_domain_aliases_are_not_external() -> None:
    there = current([CAROL], domain_aliases=["example.org"])
    made = plan(desired(aliases=[alias("s", "carol@example.org")]), there)
    assert only(made).risk == "none"
