"""Limits that also count undeclared resources, and features that the server has switched off."""

from datetime import date
from typing import Any

import pytest
from domain_builders import alias, box, current, desired, gone, plan, read_alias, read_box, rename, said, targets

from reconciler.core.diagnostics import Severity
from reconciler.core.model import UNSET, ServerLimits
from reconciler.core.product import Limits
from reconciler.core.workspace import Policy

GIB = 1 << 30


def boxes(prefix: str, count: int, **fields: Any) -> list[Any]:
    return [read_box(f"{prefix}{n}", **fields) for n in range(count)]


def declared(prefix: str, count: int, **fields: Any) -> list[Any]:
    return [box(f"{prefix}{n}", **fields) for n in range(count)]


def message(made: Any) -> str:
    (one,) = made.diagnostics
    assert made.refused
    assert one.code == "GRD008"
    text: str = one.message
    return text


def test_twenty_declared_and_eight_unmanaged_mailboxes_exceed_a_limit_of_25_and_the_message_shows_the_sum() -> None:
    made = plan(desired(declared("d", 20)), current(boxes("u", 8)), limits=Limits(mailboxes=25))
    assert (
        message(made)
        == "example.com: the product allows 25 mailboxes; this plan results in 28 (20 declared, 8 unmanaged)"
    )
    assert made.diagnostics[0].hint == (
        "remove 3 of them, or raise `limits.mailboxes` of the product; resources that the file does not declare count too"
    )


def test_twenty_declared_and_five_unmanaged_mailboxes_fit_a_limit_of_25() -> None:
    made = plan(desired(declared("d", 20)), current(boxes("u", 5)), limits=Limits(mailboxes=25))
    assert (said(made), made.count("create")) == ([], 20)


def test_ignored_mailboxes_and_staged_deletions_count_and_the_hosts_own_account_does_not() -> None:
    policy = Policy(ignore={"mailbox": ("svc-*",)}, external_forwarding="allow")
    rows = [*boxes("svc-", 2), read_box("late"), read_box("admin", is_primary_admin=True), read_box("old")]
    wanted = desired(declared("d", 3), removed=[gone("late", purge_after=date(2030, 1, 1))])
    made = plan(wanted, current(rows), policy=policy, limits=Limits(mailboxes=6))
    assert [d.message for d in made.diagnostics if d.code == "GRD008"] == [
        (
            "example.com: the product allows 6 mailboxes; this plan results in 7 (3 declared, 1 unmanaged, 2 ignored by the "
            "policy, 1 still to delete)"
        )
    ]
    assert "GRD008" not in said(plan(wanted, current(rows), policy=policy, limits=Limits(mailboxes=7)))


def test_only_declared_mailboxes_are_one_group() -> None:
    made = plan(desired(declared("d", 3)), current(), limits=Limits(mailboxes=2))
    assert message(made) == "example.com: the product allows 2 mailboxes; this plan results in 3 (3 declared)"


@pytest.mark.parametrize(
    ("wanted", "there", "limits", "text"),
    [
        (
            desired(aliases=[alias("a", "x@else.example"), alias("b", "x@else.example")]),
            current(aliases=[read_alias("c")]),
            Limits(aliases=1),
            "the product allows 1 alias; this plan results in 3 (2 declared, 1 unmanaged)",
        ),
        (
            desired(domain_aliases=["example.ca"]),
            current(domain_aliases=["example.org"]),
            Limits(domain_aliases=1),
            "the product allows 1 domain alias; this plan results in 2 (1 declared, 1 unmanaged)",
        ),
        (
            desired(domain_aliases=["example.ca"]),
            current(),
            Limits(domain_aliases=0),
            "the product allows no domain aliases; this plan results in 1 (1 declared)",
        ),
    ],
)
def test_every_kind_has_its_own_limit(wanted: Any, there: Any, limits: Limits, text: str) -> None:
    assert message(plan(wanted, there, limits=limits)) == f"example.com: {text}"


def test_a_plan_that_reduces_an_excess_over_the_product_may_also_create() -> None:
    wanted = desired([box("new")], removed=[gone("u0"), gone("u1")])
    assert said(plan(wanted, current(boxes("u", 5)), limits=Limits(mailboxes=2))) == []


def test_a_plan_that_keeps_an_excess_over_the_product_is_allowed() -> None:
    wanted = desired([box("new"), box("u1", quota=5)], removed=[gone("u0")])
    assert said(plan(wanted, current(boxes("u", 5)), limits=Limits(mailboxes=2))) == []


def test_a_plan_that_only_deletes_or_renames_is_allowed_above_the_limit() -> None:
    wanted = desired([box("new")], removed=[gone("u0")], renamed=[rename("u1", "new")])
    limits = ServerLimits(mailboxes=1)
    assert said(plan(wanted, current(boxes("u", 5), limits=limits), limits=Limits(mailboxes=1))) == []


def test_nothing_is_created_if_the_domain_still_exceeds_the_servers_limit() -> None:
    wanted = desired([box("new")], removed=[gone("u0"), gone("u1")])
    made = plan(wanted, current(boxes("u", 5), limits=ServerLimits(mailboxes=3)))
    assert (
        message(made) == "example.com: the server allows 3 mailboxes; this plan results in 4 (1 declared, 3 unmanaged)"
    )
    assert "ask the host to raise the server's limit" in made.diagnostics[0].hint
    assert said(plan(wanted, current(boxes("u", 5), limits=ServerLimits(mailboxes=4)))) == []


# EAS and MAPI accounts


@pytest.mark.parametrize("protocol", ["eas", "mapi"])
def test_activations_of_unmanaged_mailboxes_count_toward_the_products_limit(protocol: str) -> None:
    wanted = desired([box("a", **{protocol: True}), box("b", **{protocol: True})])
    there = current([read_box("a"), read_box("u", **{protocol: True})])
    made = plan(wanted, there, limits=Limits(**{f"{protocol}_accounts": 2}))  # type: ignore[arg-type]
    assert message(made) == (
        f"example.com: the product allows 2 {protocol.upper()} accounts; this plan results in 3 (2 declared, 1 unmanaged)"
    )
    assert f"raise `limits.{protocol}Accounts` of the product" in made.diagnostics[0].hint
    assert said(plan(wanted, there, limits=Limits(**{f"{protocol}_accounts": 3}))) == []  # type: ignore[arg-type]


def test_deactivated_and_deleted_accounts_make_room_and_renamed_ones_do_not() -> None:
    there = current([read_box("a", eas=True), read_box("b", eas=True), read_box("c", eas=True)])
    wanted = desired(
        [box("a", eas=False), box("n", eas=True), box("m", eas=True), box("cc")],
        removed=[gone("b")],
        renamed=[rename("c", "cc")],
    )
    assert said(plan(wanted, there, limits=Limits(eas_accounts=3))) == []
    made = plan(wanted, there, limits=Limits(eas_accounts=2))
    assert said(made) == []  # three before, three after: no worse
    more = desired([box("a"), box("b"), box("c"), box("n", eas=True)])
    assert message(plan(more, there, limits=Limits(eas_accounts=3))) == (
        "example.com: the product allows 3 EAS accounts; this plan results in 4 (4 declared)"
    )


def test_the_servers_activation_limits_count_the_hosts_account() -> None:
    there = current([read_box("admin", is_primary_admin=True, mapi=True)], limits=ServerLimits(mapi=1))
    wanted = desired([box("a", mapi=True)])
    assert message(plan(wanted, there, limits=Limits(mapi_accounts=1))) == (
        "example.com: the server allows 1 MAPI account; this plan results in 2 (1 declared, 1 the host's own)"
    )
    roomy = current([read_box("admin", is_primary_admin=True, mapi=True)], limits=ServerLimits(mapi=2))
    assert said(plan(wanted, roomy, limits=Limits(mapi_accounts=1))) == []


def test_no_limit_and_zero_allow_every_activation() -> None:
    wanted = desired(declared("d", 5, eas=True, mapi=True))
    limits = Limits(eas_accounts=0, mapi_accounts=0)
    assert said(plan(wanted, current(limits=ServerLimits(eas=0, mapi=0)), limits=limits)) == []


def test_unread_and_unmanaged_activations_are_not_reported() -> None:
    there = current([read_box("a", eas=UNSET), read_box("b", eas=UNSET)])
    assert said(plan(desired([box("a", quota=5)]), there, limits=Limits(eas_accounts=1))) == []


# Features


@pytest.mark.parametrize(
    ("field", "switch", "word"),
    [
        ({"eas": True}, "eas_enabled", "EAS"),
        ({"mapi": True}, "mapi_enabled", "MAPI"),
        ({"forward_to": targets("b@else.example")}, "forwarding_enabled", "forwarding"),
    ],
)
def test_a_feature_that_the_server_has_switched_off_is_refused_by_the_plan(field: Any, switch: str, word: str) -> None:
    wanted = desired([box("a", **field), box("b", **field)])
    for there in ([], [read_box("a"), read_box("b")]):
        made = plan(wanted, current(there, limits=ServerLimits(**{switch: False})))  # type: ignore[arg-type]
        (one,) = made.diagnostics
        assert (one.code, made.refused) == ("GRD011", True)
        assert one.message == (
            f"example.com: the server has {word} switched off for this domain; cannot turn it on for 2 mailboxes (a, b)"
        )
        assert one.hint == "ask the host to switch it on, or remove it from the file"
        for known in (True, None):
            assert said(plan(wanted, current(there, limits=ServerLimits(**{switch: known})))) == []  # type: ignore[arg-type]


def test_the_hint_shows_the_name_that_the_server_has_for_its_switch() -> None:
    limits = ServerLimits(eas_enabled=False, mapi_enabled=False, setting_names={"eas": "easSwitch"})
    made = plan(desired([box("a", eas=True, mapi=True)]), current([read_box("a")], limits=limits))
    assert [d.hint.split(", or")[0] for d in made.diagnostics] == [
        "ask the host to switch it on (easSwitch)",
        "ask the host to switch it on",
    ]


def test_a_switched_off_feature_may_be_turned_off_or_stay_unchanged() -> None:
    limits = ServerLimits(eas_enabled=False, mapi_enabled=False, forwarding_enabled=False)
    there = current([read_box("a", eas=True, mapi=True, forward_to=targets("b@else.example"))], limits=limits)
    assert said(plan(desired([box("a", eas=True, mapi=False, forward_to=())]), there)) == []


def test_many_mailboxes_are_counted_and_three_are_named() -> None:
    made = plan(desired(declared("d", 9, eas=True)), current(limits=ServerLimits(eas_enabled=False)))
    assert made.diagnostics[0].message.endswith("for 9 mailboxes (d0, d1, d2 and 6 more)")


def test_a_quota_above_the_domains_size_limit_is_reported_at_its_line() -> None:
    limits = ServerLimits(domain_size=10 * GIB)
    made = plan(desired([box("a", quota=50 * GIB)]), current([read_box("a")], limits=limits))
    (one,) = made.diagnostics
    assert (one.code, one.severity, made.refused) == ("GRD013", Severity.WARNING, False)
    assert one.message == (
        "mailbox a@example.com: the quota of 50.0 GiB is larger than the server's size limit of 10.0 GiB for the domain"
    )


@pytest.mark.parametrize(
    ("quota", "before", "size"),
    [(10 * GIB, 0, 10 * GIB), (50 * GIB, 50 * GIB, 10 * GIB), (50 * GIB, 0, 0), (50 * GIB, 0, None), (0, 1, GIB)],
)
def test_a_quota_that_fits_or_existed_before_or_without_a_known_limit_is_not_reported(
    quota: int, before: int, size: int | None
) -> None:
    there = current([read_box("a", quota=before)], limits=ServerLimits(domain_size=size))
    assert said(plan(desired([box("a", quota=quota)]), there)) == []
