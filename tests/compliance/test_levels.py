"""`dns.checks`: checks switched off, and findings lowered."""

import asyncio

import pytest

from reconciler.compliance.checks import CHECKS
from reconciler.compliance.gather import gather, judge
from reconciler.compliance.verdict import apply_level
from reconciler.core.expectations import CheckSetting
from reconciler.core.findings import STATUSES, Finding
from reconciler.core.source import Span

PLACE = Span("products/business.yaml", 9, 3, 9, 6)


def setting(check, level):
    return CheckSetting(id=check, level=level, origin=PLACE)


def test_a_check_that_is_off_is_skipped_and_says_who_switched_it_off(finding, good):
    found = finding("spf", good, checks=(setting("spf", "off"),))
    assert (found.status, found.code, found.fix) == ("skip", "CHECK_OFF", ())
    assert found.detail == "It is switched off by dns.checks in products/business.yaml:9:3."


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_a_check_that_is_off_asks_nothing(subject, fake, check):
    dns = fake()
    only = next(c for c in CHECKS if c.id == check)
    chosen = subject(checks=(setting(check, "off"),))
    facts = asyncio.run(gather(chosen, dns, [only]))
    assert dns.asked == []
    rest = asyncio.run(gather(chosen, dns))
    assert facts.answers == {}
    assert next(f for f in judge(chosen, rest).checks if f.id == check).status == "skip"


@pytest.mark.parametrize(
    ("level", "becomes"),
    [
        ("fail", {}),
        ("warn", {"fail": "warn"}),
        ("info", {"fail": "pass", "warn": "pass"}),
    ],
)
def test_a_level_is_the_worst_status_and_what_could_not_be_looked_up_stays_an_error(level, becomes):
    for status in STATUSES:
        before = Finding(id="spf", status=status, code="SPF_MISSING", title="There is no SPF record", detail="Why.")
        after = apply_level(before, setting("spf", level))
        if status not in becomes:
            assert after == before
            continue
        assert (after.status, after.code, after.title) == (becomes[status], before.code, before.title)
        assert after.detail == (
            f"Why.\nIt was lowered from {status} to {level} by dns.checks in products/business.yaml:9:3."
        )


def test_a_lowered_finding_still_says_what_to_publish(finding, hosts):
    found = finding("spf", hosts, checks=(setting("spf", "warn"), setting("mx", "off")))
    assert (found.status, found.code) == ("warn", "SPF_MISSING")
    assert [record.value for record in found.fix] == ["v=spf1 include:spf.example.net ~all"]


def test_a_domain_alias_is_judged_by_its_domains_settings(report, good):
    found = report(good, alias_of="example.net", checks=(setting("dmarc", "off"),))
    assert next(f for f in found.checks if f.id == "dmarc").code == "CHECK_OFF"
