"""Every scenario on a real name server gives the expected findings; together they cover docs/reference/dns-checks.md."""

from collections import Counter
from pathlib import Path

import pytest

NAMES = sorted(folder.name for folder in (Path(__file__).parent / "cases").iterdir() if folder.is_dir())
ROWS = {*range(1, 54)} - {34, 48}
"""Without row 34 of the catalogue of checks, the certificate of the autodiscover host, and row 48, BIMI: see the last test."""

pytestmark = pytest.mark.dnsserver


def said(report, scenario) -> dict[str, dict[str, object]]:
    """A report as `expected.yaml` has it."""

    def shown(records):
        lines = []
        for record in records:
            value = record.value
            for name, key in scenario.KEYS.items():
                value = value.replace(key, f"{{{{{name}}}}}")
            lines.append(f"{record.name} {record.type} {value}")
        return lines

    found: dict[str, dict[str, object]] = {}
    for check in report.checks:
        found[check.id] = {"status": check.status, "codes": list(check.codes or (check.code,))}
        if check.fix:
            found[check.id]["fix"] = shown(check.fix)
        if check.elsewhere:
            found[check.id]["elsewhere"] = shown(check.elsewhere)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_check_says_what_the_scenario_expects(name, reports, scenario):
    wanted = {check: row for check, row in scenario.expected(name).items() if row is not None}
    assert said(reports[name], scenario) == wanted, scenario.load(name).says


@pytest.mark.parametrize("name", NAMES)
def test_a_finding_is_made_for_people_and_proposes_only_where_something_is_amiss(name, reports):
    for check in reports[name].checks:
        assert check.title
        assert "\n" not in check.title
        assert check.status in ("warn", "fail") or not check.fix
        assert check.detail or check.status == "pass"


def test_there_are_more_than_sixty_scenarios_each_with_a_sentence(cases):
    assert len(cases) > 60
    for case in cases:
        assert case.says.endswith("."), case.name
        assert case.kind in ("good", "bad"), case.name
    assert max(Counter(case.domain for case in cases).values()) == 1


def test_every_row_of_the_catalogue_has_a_good_and_a_bad_scenario(cases):
    for kind in ("good", "bad"):
        covered = {row for case in cases if case.kind == kind for row in case.rows}
        assert covered >= ROWS, (kind, sorted(ROWS - covered))


def test_a_good_scenario_passes_and_a_bad_one_has_something_to_say(cases, scenario):
    for case in cases:
        row = scenario.expected(case.name)[case.about]
        if case.kind == "good":
            assert row["status"] == "pass", case.name
        else:
            assert row["status"] != "pass" or len(row["codes"]) > 1, case.name


def test_every_code_of_every_check_is_said_by_a_scenario(cases, scenario, codes, unreached):
    heard = {code for case in cases for row in scenario.expected(case.name).values() if row for code in row["codes"]}
    silent = {code for table in codes.values() for code in table} - heard
    assert silent == set(unreached), "a code without a scenario, or one that is excused and has one"


def test_the_mistakes_that_people_make_most_are_each_named_or_forgiven(cases, scenario):
    mistakes = [case for case in cases if case.mistake]
    assert len(mistakes) >= 10
    for case in mistakes:
        row = scenario.expected(case.name)[case.about]
        assert (row["status"] == "pass") == (case.kind == "good"), case.name


def test_hostile_text_from_dns_stays_text(reports):
    check = next(check for check in reports["spf-hostile"].checks if check.id == "spf")
    assert "<script>" in check.found[0].value
    assert all("<script>" not in record.value for record in check.fix)
