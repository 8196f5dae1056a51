"""The law of what is proposed: published on a real server, it makes the check pass."""

import pytest

pytestmark = pytest.mark.dnsserver


@pytest.fixture(scope="session")
def mended(serve, records, reports, cases, scenario):
    """What the checks say after every fix of every scenario has replaced what was found under its name."""
    after = {case.name: scenario.mended(records[case.name], reports[case.name]) for case in cases}
    return serve(after).check(cases)


def test_what_is_proposed_makes_the_check_pass(mended, reports, cases):
    broken, tried = [], 0
    for case in cases:
        after = {check.id: check for check in mended[case.name].checks}
        for before in reports[case.name].checks:
            if before.fix:
                tried += 1
                wanted = case.after.get(before.id, {}).get("status", "pass")
                if after[before.id].status != wanted:
                    broken.append((case.name, before.id, before.code, after[before.id].status, after[before.id].codes))
    assert broken == [], broken
    assert tried > 60


def test_publishing_one_fix_breaks_no_other_check(mended, reports):
    order = ("pass", "skip", "warn", "error", "fail")
    for name, report in reports.items():
        after = {check.id: check.status for check in mended[name].checks}
        for before in report.checks:
            if before.status in ("pass", "warn", "fail"):
                assert order.index(after[before.id]) <= order.index(before.status), (name, before.id)


def test_where_everything_is_mended_nothing_more_is_proposed(mended, cases):
    for case in cases:
        for check in mended[case.name].checks:
            assert check.status != "pass" or not check.fix, (case.name, check.id)


def test_a_reason_is_given_where_a_status_stays(cases):
    for case in cases:
        for row in case.after.values():
            assert set(row) == {"status", "because"}, case.name
            assert row["because"].endswith("."), case.name
