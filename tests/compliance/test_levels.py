"""`dns.checks`: disabled checks and lowered findings."""

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


def test_a_disabled_check_is_skipped_and_names_the_setting(finding, good):
    found = finding("spf", good, checks=(setting("spf", "off"),))
    assert (found.status, found.code, found.fix) == ("skip", "CHECK_OFF", ())
    assert found.detail == "dns.checks in products/business.yaml:9:3 disables this check."


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_a_disabled_check_asks_nothing(subject, fake, check):
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
def test_a_level_limits_the_status_and_a_failed_lookup_stays_an_error(level, becomes):
    for status in STATUSES:
        before = Finding(id="spf", status=status, code="SPF_MISSING", title="There is no SPF record", detail="Why.")
        after = apply_level(before, setting("spf", level))
        if status not in becomes:
            assert after == before
            continue
        assert (after.status, after.code, after.title) == (becomes[status], before.code, before.title)
        assert after.detail == (
            f"Why.\ndns.checks in products/business.yaml:9:3 lowers the status from {status} to {level}."
        )


def test_a_lowered_finding_still_proposes_records(finding, hosts):
    found = finding("spf", hosts, checks=(setting("spf", "warn"), setting("mx", "off")))
    assert (found.status, found.code) == ("warn", "SPF_MISSING")
    assert [record.value for record in found.fix] == ["v=spf1 include:spf.example.net ~all"]


def test_a_domain_alias_uses_the_settings_of_its_domain(report, good):
    found = report(good, alias_of="example.net", checks=(setting("dmarc", "off"),))
    assert next(f for f in found.checks if f.id == "dmarc").code == "CHECK_OFF"
