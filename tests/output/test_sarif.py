"""SARIF: the log matches the official schema, and its locations work in GitHub and editors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, ValidationError

from reconciler.core.codes import CODES
from reconciler.core.diagnostics import Diagnostic, error, info, warning
from reconciler.core.findings import DomainReport, Finding, Record, Report
from reconciler.core.source import Span
from reconciler.output.sarif import render_diagnostics_sarif, render_report_sarif

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
VALIDATOR = Draft4Validator(SCHEMA)
FILE = "domains/example.com.yaml"


def results(text: str) -> list[dict[str, Any]]:
    document = json.loads(text)
    VALIDATOR.validate(document)
    (run,) = document["runs"]
    found: list[dict[str, Any]] = run["results"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[r["ruleIndex"]] == r["ruleId"] for r in found)
    return found


def test_the_sarif_schema_rejects_wrong_logs() -> None:
    document = json.loads(render_diagnostics_sarif([error("LIM001", "too many", Span(FILE, 3, 5, 3, 9))]))
    VALIDATOR.validate(document)
    document["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(ValidationError):
        VALIDATOR.validate(document)


def test_a_diagnostic_has_its_rule_level_region_and_hint() -> None:
    diagnostics = (
        error("LIM001", "26 mailboxes, 25 allowed", Span(FILE, 3, 5, 3, 9), hint="take one out"),
        warning("REF003", "no such mailbox", Span(FILE, 9, 1)),
        info("GRD009", "waits", Span(FILE, 12, 1, 14, 1)),
    )
    first, second, third = results(render_diagnostics_sarif(diagnostics, {FILE: "mail/domains/exämple.yaml"}))
    assert first["ruleId"] == "LIM001"
    assert first["level"] == "error"
    assert first["message"]["text"] == "26 mailboxes, 25 allowed\nhint: take one out"
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "mail/domains/ex%C3%A4mple.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9},
    }
    assert second["level"] == "warning"
    assert second["locations"][0]["physicalLocation"]["region"] == {"startLine": 9, "startColumn": 1}
    assert third["level"] == "note"
    assert third["locations"][0]["physicalLocation"]["region"]["endLine"] == 14


def test_every_code_is_a_rule_with_meaning_and_help() -> None:
    document = json.loads(render_diagnostics_sarif(()))
    VALIDATOR.validate(document)
    rules = document["runs"][0]["tool"]["driver"]["rules"]
    assert {r["id"]: r["shortDescription"]["text"] for r in rules} == CODES
    assert rules[0]["help"]["text"] == f"docs/diagnostics.md#{rules[0]['id']}"


def test_a_diagnostic_without_location_is_shown_at_the_workspace_file() -> None:
    paths = {"reconciler.yaml": "mail/reconciler.yaml"}
    (found,) = results(render_diagnostics_sarif([error("WSP002", "nothing matches x")], paths))
    assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "mail/reconciler.yaml"


def test_a_file_outside_of_the_repository_has_an_absolute_address() -> None:
    (found,) = results(render_diagnostics_sarif([error("YML009", "no", Span("/srv/a b.yaml"))]))
    assert found["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///srv/a%20b.yaml"}


def test_a_fingerprint_survives_a_moved_line_and_separates_equal_diagnostics() -> None:
    def prints(*lines: int) -> list[str]:
        diagnostics = [error("SCH002", "`quotta` is not known here", Span(FILE, n, 1)) for n in lines]
        return [r["partialFingerprints"]["reconciler/v1"] for r in results(render_diagnostics_sarif(diagnostics))]

    assert prints(3, 9) == prints(14, 20)
    assert len(set(prints(3, 9))) == 2


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_diagnostics_give_a_valid_ascii_log_in_any_order(
    data: st.DataObject, any_diagnostics: st.SearchStrategy[list[Diagnostic]], is_quiet: Callable[[str], bool]
) -> None:
    diagnostics = data.draw(any_diagnostics)
    text = render_diagnostics_sarif(diagnostics)
    assert text.isascii()
    assert render_diagnostics_sarif(data.draw(st.permutations(diagnostics))) == text
    for result in results(text):
        assert all(is_quiet(line) for line in result["message"]["text"].split("\n"))
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert ":" not in uri.removeprefix("file:")
        unquote(uri)


def report(status: str = "fail", **more: Any) -> Report:
    usual = {"id": "spf", "status": status, "code": "SPF_MISSING", "title": "There is no SPF record"}
    finding = Finding(**{**usual, "detail": "None.", "reference": "RFC 7208 section 4.5", **more})  # type: ignore[arg-type]
    good = Finding(id="mx", status="pass", code="MX_OK", title="Fine")
    return Report((DomainReport(domain="example.com", server="m", checks=(good, finding)),))


def test_a_dns_problem_is_at_the_line_that_declares_the_domain() -> None:
    places = {"example.com": Span(FILE, 3, 9)}
    (found,) = results(render_report_sarif(report(), places, {FILE: "mail/" + FILE}))
    assert (found["ruleId"], found["level"]) == ("SPF_MISSING", "error")
    assert found["message"]["text"] == "example.com: There is no SPF record\nNone.\nRFC 7208 section 4.5"
    location = found["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "mail/" + FILE
    assert location["physicalLocation"]["region"]["startLine"] == 3
    assert location["logicalLocations"] == [{"fullyQualifiedName": "example.com/spf"}]


def test_an_undeclared_alias_is_at_the_line_of_its_domain() -> None:
    finding = report().domains[0].checks[1]
    alias = Report((DomainReport(domain="example.ca", server="m", checks=(finding,), alias_of="example.com"),))
    (found,) = results(render_report_sarif(alias, {"example.com": Span(FILE, 3, 9)}))
    assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == FILE


@pytest.mark.parametrize(("status", "level"), [("warn", "warning"), ("error", "warning")])
def test_a_failed_lookup_is_a_warning(status: str, level: str) -> None:
    (found,) = results(render_report_sarif(report(status)))
    assert found["level"] == level
    assert found["properties"] == {"check": "spf", "status": status}
    assert ("the lookup failed" in found["message"]["text"]) is (status == "error")


@pytest.mark.parametrize("status", ["pass", "skip"])
def test_passed_and_skipped_checks_are_not_results(status: str) -> None:
    assert results(render_report_sarif(report(status))) == []


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_dns_text_gives_a_valid_log(data: st.DataObject, any_text: st.SearchStrategy[str]) -> None:
    untrusted = data.draw(any_text)
    found = (Record(untrusted, "TXT", untrusted),)
    results(render_report_sarif(report(title=untrusted, detail=untrusted, found=found)))
