"""Law: the proposed records, published on a real server, make the check pass."""

import pytest
import zone_scenarios as scenarios

pytestmark = pytest.mark.dnsserver


@pytest.fixture(scope="session")
def after_fixes(serve, records, reports, cases):
    """The reports after every fix of every scenario replaced the records found under its name."""
    after = {case.name: scenarios.fixed(records[case.name], reports[case.name]) for case in cases}
    return serve(after).check(cases)


def test_the_proposed_records_make_the_check_pass(after_fixes, reports, cases):
    broken, tried = [], 0
    for case in cases:
        after = {check.id: check for check in after_fixes[case.name].checks}
        for before in reports[case.name].checks:
            if before.fix:
                tried += 1
                wanted = case.after_fix.get(before.id, {}).get("status", "pass")
                if after[before.id].status != wanted:
                    broken.append((case.name, before.id, before.code, after[before.id].status, after[before.id].codes))
    assert broken == [], broken
    assert tried > 60


def test_publishing_the_fixes_makes_no_check_worse(after_fixes, reports):
    order = ("pass", "skip", "warn", "error", "fail")
    for name, report in reports.items():
        after = {check.id: check.status for check in after_fixes[name].checks}
        for before in report.checks:
            if before.status in ("pass", "warn", "fail"):
                assert order.index(after[before.id]) <= order.index(before.status), (name, before.id)


def test_after_all_fixes_no_passing_check_proposes_records(after_fixes, cases):
    for case in cases:
        for check in after_fixes[case.name].checks:
            assert check.status != "pass" or not check.fix, (case.name, check.id)


def test_a_status_that_stays_after_the_fix_has_a_reason(cases):
    for case in cases:
        for row in case.after_fix.values():
            assert set(row) == {"status", "because"}, case.name
            assert row["because"].endswith("."), case.name
