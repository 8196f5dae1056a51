"""On a real server, the checks report for every scenario what its file expects. The scenarios cover docs/reference/dns-checks.md."""

from collections import Counter

import pytest
import zone_scenarios as scenarios

CHECKS = sorted({entry.about for entry in scenarios.ENTRIES.values()})
ROWS = {*range(1, 54)} - {34, 48}
"""Rows of docs/reference/dns-checks.md. No zone has row 34 (the certificate of the autodiscover host) or row 48 (BIMI)."""

pytestmark = pytest.mark.dnsserver


def shown(report) -> dict[str, dict[str, object]]:
    """A report in the format of `expected`, with the names of keys in place of the keys."""

    def rows(records):
        lines = []
        for record in records:
            value = record.value
            for name, key in scenarios.KEYS.items():
                value = value.replace(key, f"{{{{{name}}}}}")
            lines.append(f"{record.name} {record.type} {value}")
        return lines

    found: dict[str, dict[str, object]] = {}
    for check in report.checks:
        found[check.id] = {"status": check.status, "codes": list(check.codes or (check.code,))}
        if check.fix:
            found[check.id]["fix"] = rows(check.fix)
        if check.elsewhere:
            found[check.id]["elsewhere"] = rows(check.elsewhere)
    return found


@pytest.mark.parametrize("about", CHECKS)
def test_the_checks_report_what_each_scenario_of_the_file_expects(about, reports, cases):
    different = {}
    for case in cases:
        if case.about != about:
            continue
        wanted = {check: row for check, row in scenarios.expected(case.name).items() if row is not None}
        found = shown(reports[case.name])
        for check in {*wanted, *found}:
            if found.get(check) != wanted.get(check):
                different[case.name, check] = {"found": found.get(check), "expected": wanted.get(check)}
    assert different == {}, f"cases/{about}.yaml: {sorted({name for name, _ in different})}"


def test_every_finding_has_a_title_and_proposes_records_only_for_a_warning_or_a_failure(reports):
    for name, report in reports.items():
        for check in report.checks:
            assert check.title, (name, check.id)
            assert "\n" not in check.title, (name, check.id)
            assert check.status in ("warn", "fail") or not check.fix, (name, check.id)
            assert check.detail or check.status == "pass", (name, check.id)


def test_there_are_more_than_sixty_scenarios_with_a_sentence_and_a_domain_of_their_own(cases):
    assert len(cases) > 60
    for case in cases:
        assert case.summary.endswith("."), case.name
    assert max(Counter(case.domain for case in cases).values()) == 1


def test_every_row_of_the_catalogue_has_a_good_and_a_bad_scenario(cases):
    for kind in ("good", "bad"):
        covered = {row for case in cases if case.kind == kind for row in case.rows}
        assert covered >= ROWS, (kind, sorted(ROWS - covered))


def test_the_check_passes_a_good_scenario_and_reports_something_for_a_bad_one(cases):
    for case in cases:
        row = scenarios.expected(case.name)[case.about]
        if case.kind == "good":
            assert row["status"] == "pass", case.name
        else:
            assert row["status"] != "pass" or len(row["codes"]) > 1, case.name


def test_every_code_of_every_check_is_expected_by_a_scenario(cases):
    expected = {
        code for case in cases for row in scenarios.expected(case.name).values() if row for code in row["codes"]
    }
    missing = {code for table in scenarios.code_tables().values() for code in table} - expected
    assert missing == set(scenarios.UNREACHED), "a code lacks a scenario, or unreached.yaml has a code that has one"


def test_each_common_mistake_is_accepted_or_reported_as_its_scenario_states(cases):
    mistakes = [case for case in cases if case.common_mistake]
    assert len(mistakes) >= 10
    for case in mistakes:
        row = scenarios.expected(case.name)[case.about]
        assert (row["status"] == "pass") == (case.kind == "good"), case.name


def test_untrusted_text_from_dns_stays_text(reports):
    check = next(check for check in reports["spf-untrusted-text"].checks if check.id == "spf")
    assert "<script>" in check.found[0].value
    assert all("<script>" not in record.value for record in check.fix)
