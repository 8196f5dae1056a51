"""The status of domains as a table: aligned, one line per domain, untrusted text escaped."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.config.schema.compiled import load_schema
from reconciler.core.diagnostics import error
from reconciler.core.password_policy import ServerPasswordPolicy, compare_policies
from reconciler.core.product import PasswordPolicy
from reconciler.core.source import Span
from reconciler.core.status import DomainStatus, Figures, Use
from reconciler.output.status_json import render_status_json, status_data
from reconciler.output.status_text import render_status
from reconciler.output.terminal import columns

GIB = 1 << 30
STRICT = ServerPasswordPolicy(min_length=12, require_uppercase=True, require_digit=True, require_special=True)
PRODUCT = PasswordPolicy(min_length=12)
PILLS: Any = {"mx": "pass", "spf": "warn", "dkim": "fail", "autodiscover": "error", "dmarc": "skip"}


def figures(**more: Any) -> Figures:
    return Figures(
        **{
            "mailboxes": Use(used=12, sold=25),
            "aliases": Use(used=8, sold=100),
            "domain_aliases": Use(used=1, sold=2),
            "eas": Use(used=3, sold=10),
            "mapi": Use(used=1, sold=5, served=4),
            "disk": Use(used=int(21.5 * GIB), sold=250 * GIB),
            "currency": "USD",
            "monthly": Decimal("14.00"),
            "passwords": compare_policies(PRODUCT, STRICT),
            **more,
        }
    )


def row(domain: str = "example.com", **more: Any) -> DomainStatus:
    given = {"server": "mail1", "product": "business", "figures": figures(), "pills": PILLS, **more}
    return DomainStatus(domain=domain, **given)


UNREAD = row(
    "lost.example",
    figures=None,
    pills={},
    diagnostics=(error("SRV001", "lost.example: no answer", Span("domains/lost.example.yaml", 3, 9), hint="look"),),
)


def text(*rows: DomainStatus, width: int = 80, color: bool = False) -> list[str]:
    return list(render_status(rows, color=color, width=width))


def test_each_domain_is_one_line_of_80_columns() -> None:
    lines = text(row(), row("partner-company.test"), UNREAD)
    assert lines[:4] == [
        "Domain               Boxes             Disk Alias Dom  EAS MAPI   USD DNS   Pw",
        "example.com          12/25 21.5 GiB/250 GiB 8/100 1/2 3/10  1/4 14.00 +!X?- ok",
        "partner-company.test 12/25 21.5 GiB/250 GiB 8/100 1/2 3/10  1/4 14.00 +!X?- ok",
        "lost.example         NOT READ",
    ]
    assert all(columns(line) <= 80 for line in lines)
    assert lines[5].startswith("DNS: mx, spf, dkim, autodiscover, dmarc; + pass, ! warn, X fail, - skip, ? error")
    assert "error: lost.example: no answer [SRV001]" in lines
    assert lines[-1] == "3 domains: 24 mailboxes, 43.0 GiB, 28.00 USD a month; 1 not read."


def test_empty_columns_are_omitted_and_the_gap_widens() -> None:
    plain = figures(currency=None, monthly=None, passwords=None)
    lines = text(row(figures=plain, pills={}, product=None))
    assert lines[0] == "Domain       Boxes              Disk  Alias  Dom   EAS  MAPI"
    assert lines[1] == "example.com  12/25  21.5 GiB/250 GiB  8/100  1/2  3/10   1/4"
    assert lines[-1] == "1 domain: 12 mailboxes, 21.5 GiB."


def test_unknown_unlimited_and_off_are_not_numbers() -> None:
    odd = figures(
        mailboxes=Use(used=1),
        disk=Use(used=None, served=GIB),
        eas=Use(used=None),
        mapi=Use(used=0, sold=5, switched_off=True),
        monthly=None,
    )
    cells = text(row(figures=odd, pills={}))[1].split()
    assert cells == ["example.com", "1", "?/1", "GiB", "8/100", "1/2", "?", "off", "?", "ok"]


def test_a_long_name_gets_its_own_line_and_the_table_stays_aligned() -> None:
    long = "a-very-long-name-of-a-domain-indeed.department.example.com"
    lines = text(row(), row(long))
    assert lines[2] == long
    assert lines[3].strip().startswith("12/25")
    assert columns(lines[3]) == columns(lines[1]) <= 80
    wide = text(row(), row(long), width=140)
    assert wide[2].startswith(long + "  12/25")


def test_an_exceeded_limit_is_red_and_reported() -> None:
    over = row(figures=figures(mailboxes=Use(used=27, sold=25)))
    assert "! over a limit: example.com" in text(over)
    assert "\033[1;31m27/25\033[0m" in text(over, color=True)[1]
    assert not [line for line in text(row()) if line.startswith("!")]


def test_password_policy_differences_are_listed_once_for_all_domains() -> None:
    loose = compare_policies(PRODUCT, replace(STRICT, min_length=5, require_digit=False))
    rows = [row(f"d{n}.test", figures=figures(passwords=loose)) for n in range(5)]
    where = "d0.test, d1.test, d2.test and 2 more"
    what = "minLength 5 instead of 12, requireDigit false instead of true"
    lines = text(*rows, width=300)
    assert lines[1].endswith(" !")
    assert [line for line in lines if line.startswith("! ")] == [
        f"! the password policy of mail1 differs from product business: {what}; in {where}"
    ]
    unread = compare_policies(PRODUCT, None)
    assert text(row(figures=figures(passwords=unread)))[1].endswith(" ?")


def test_several_currencies_appear_in_the_cells_and_in_the_total() -> None:
    lines = text(row(), row("b.test", figures=figures(currency="CAD", monthly=Decimal("1.005"))), row("c.test"))
    assert " Bill " in lines[0]
    assert "14.00 USD" in lines[1]
    assert "1.01 CAD" in lines[2]
    assert lines[-1].endswith("1.01 CAD a month, 28.00 USD a month.")
    some = text(row(), row("b.test", figures=figures(monthly=None)))
    assert some[-1].endswith("14.00 USD a month (1 unknown).")


def test_a_dns_problem_is_reported_and_changes_nothing_else() -> None:
    lines = text(row(pills={}, dns_problem="there is no resolver"), width=200)
    assert "! no DNS checks for example.com: there is no resolver" in lines
    assert "DNS" not in lines[0]


untrusted_text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@settings(deadline=None, max_examples=60)
@given(st.lists(untrusted_text, min_size=1, max_size=3, unique=True), st.integers(1, 200), st.booleans())
def test_untrusted_names_and_messages_control_no_terminal(names: list[str], width: int, color: bool) -> None:
    rows = [row(n, server=n, dns_problem=n, figures=None, diagnostics=(error("SRV001", n),)) for n in names]
    for line in render_status([*rows, row()], color=color, width=width):
        plain = line.replace("\033[", "") if color else line
        assert plain.isprintable()
        assert not line.startswith("::")


counts = st.one_of(st.none(), st.integers(0, 10**6))
uses = st.builds(Use, used=counts, sold=counts, served=counts, switched_off=st.booleans())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(uses, uses, uses, st.sampled_from([True, False])), max_size=4))
def test_any_figures_give_a_valid_document_and_an_aligned_table(drawn: list[Any]) -> None:
    rows = [
        row(f"d{n}.test", figures=figures(mailboxes=a, disk=b, eas=c, aliases=a)) if read else replace(UNREAD)
        for n, (a, b, c, read) in enumerate(drawn)
    ]
    document = status_data(rows, {"time": "2026-01-01T00:00:00Z", "tool": "reconciler", "version": "1"})
    jsonschema.Draft202012Validator(load_schema("status")).validate(document)
    lines = text(*rows, width=200)[: len(rows) + 1]
    ends = {columns(line) - len(line.rsplit(" ", 1)[-1]) for line in lines if "NOT READ" not in line}
    assert len(ends) == 1


def test_the_json_has_bytes_and_decimal_texts_in_a_stable_order() -> None:
    document = json.loads(render_status_json([row("b.test"), row(), UNREAD], {}))
    assert [d["domain"] for d in document["domains"]] == ["b.test", "example.com", "lost.example"]
    found = document["domains"][1]
    assert found["disk"] == {"used": int(21.5 * GIB), "exceeded": False, "limit": 250 * GIB, "productLimit": 250 * GIB}
    assert found["mapi"] == {
        "used": 1,
        "exceeded": False,
        "switchedOff": False,
        "limit": 4,
        "productLimit": 5,
        "serverLimit": 4,
    }
    assert found["bill"] == {"currency": "USD", "monthly": "14.00"}
    assert found["dns"] == PILLS
    assert document["summary"] == {
        "domains": 3,
        "unread": 1,
        "mailboxes": 24,
        "diskBytes": 2 * int(21.5 * GIB),
        "bills": [{"currency": "USD", "monthly": "28.00", "unknown": 0}],
    }
    assert render_status_json([UNREAD, row(), row("b.test")], {}) == render_status_json(
        [row("b.test"), UNREAD, row()], {}
    )
    assert "mailboxes" not in document["domains"][2]


@pytest.mark.parametrize(
    ("use", "limit", "exceeded"),
    [
        (Use(used=3), None, False),
        (Use(used=3, sold=2), 2, True),
        (Use(used=3, served=3), 3, False),
        (Use(used=3, sold=9, served=2), 2, True),
        (Use(used=None, sold=2), 2, False),
        (Use(used=1, sold=0), 0, True),
    ],
)
def test_the_lower_limit_counts(use: Use, limit: int | None, exceeded: bool) -> None:
    assert (use.limit, use.exceeded) == (limit, exceeded)
