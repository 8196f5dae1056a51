"""JUnit XML is well-formed for any text, and its counts match the rules of CI systems."""

from typing import Any
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.diagnostics import Diagnostic, error, warning
from reconciler.core.findings import STATUSES, DomainReport, Finding, Record, Report
from reconciler.core.source import Span
from reconciler.output.junit import render_diagnostics_junit, render_report_junit

ROOT, SUITE = {"name", "tests", "failures", "errors", "skipped"}, {"name", "tests", "failures", "errors", "skipped"}
CASE = {"name", "classname", "file"}
INSIDE = {"failure": {"message", "type"}, "error": {"message", "type"}, "skipped": {"message"}, "system-out": set()}


def parsed(text: str) -> ElementTree.Element:
    """Parses the document and checks the elements, attributes and counts that CI systems read."""
    assert text.isascii()
    root = ElementTree.fromstring(text.encode("ascii"))
    assert root.tag == "testsuites"
    assert set(root.attrib) == ROOT
    for suite in root:
        assert suite.tag == "testsuite"
        assert set(suite.attrib) == SUITE
        for case in suite:
            assert case.tag == "testcase"
            assert {"name", "classname"} <= set(case.attrib) <= CASE
            assert len(case) <= 1
            assert all(child.tag in INSIDE and set(child.attrib) <= INSIDE[child.tag] for child in case)
    for node in (root, *root):
        cases = list(node.iter("testcase"))
        assert int(node.attrib["tests"]) == len(cases)
        for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(node.attrib[count]) == sum(case.find(tag) is not None for case in cases)
    return root


DOCUMENT = """\
<?xml version="1.0" encoding="us-ascii"?>
<testsuites name="reconciler validate" tests="4" failures="2" errors="0" skipped="0">
  <testsuite name="files" tests="4" failures="2" errors="0" skipped="0">
    <testcase name="(no file)" classname="reconciler.validate">
      <failure message="1 error." type="WSP002">error: nothing matches &lt;x&gt; [WSP002]</failure>
    </testcase>
    <testcase name="mail/domains/example.com.yaml" classname="reconciler.validate" file="mail/domains/example.com.yaml">
      <failure message="1 error, 1 warning in 1 file." type="LIM001">domains/example.com.yaml:3:5: error: too many [LIM001]
  hint: take one out
domains/example.com.yaml:9:1: warning: m&#252;nchen is gone [REF003]</failure>
    </testcase>
    <testcase name="mail/products/p.yaml" classname="reconciler.validate" file="mail/products/p.yaml">
      <system-out>products/p.yaml:2:1: warning: odd [REF006]</system-out>
    </testcase>
    <testcase name="reconciler.yaml" classname="reconciler.validate" file="reconciler.yaml" />
  </testsuite>
</testsuites>
"""


def test_each_file_is_a_test_case_that_fails_on_an_error() -> None:
    domain, product = "domains/example.com.yaml", "products/p.yaml"
    diagnostics = (
        error("LIM001", "too many", Span(domain, 3, 5), hint="take one out"),
        warning("REF003", "münchen is gone", Span(domain, 9, 1)),
        warning("REF006", "odd", Span(product, 2, 1)),
        error("WSP002", "nothing matches <x>"),
    )
    files = (domain, product, "reconciler.yaml")
    text = render_diagnostics_junit(diagnostics, files, {domain: "mail/" + domain, product: "mail/" + product})
    assert text == DOCUMENT
    parsed(text)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_untrusted_diagnostics_stay_text(
    data: st.DataObject, any_diagnostics: st.SearchStrategy[list[Diagnostic]], any_text: st.SearchStrategy[str]
) -> None:
    diagnostics = data.draw(any_diagnostics)
    files = data.draw(st.lists(any_text, max_size=3))
    root = parsed(render_diagnostics_junit(diagnostics, files))
    named = {d.span.file if d.span else "(no file)" for d in diagnostics}
    assert len(list(root.iter("testcase"))) == len({*files, *named})


def report(**more: Any) -> Report:
    def finding(status: Any) -> Finding:
        usual = {"id": status, "status": status, "code": f"X_{status.upper()}", "title": f"it is {status}"}
        return Finding(**{**usual, "detail": "One.\nTwo.", "reference": "RFC 1", **more})

    return Report((DomainReport(domain="example.com", server="m", checks=tuple(map(finding, STATUSES))),))


def test_each_check_is_a_test_case_and_a_warning_passes_with_its_text() -> None:
    fix = (Record("example.com", "TXT", "v=spf1 -all", 3600),)
    root = parsed(render_report_junit(report(fix=fix)))
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    assert [c.attrib["classname"] for c in cases.values()] == ["example.com"] * len(STATUSES)
    children = {name: [child.tag for child in case] for name, case in cases.items()}
    assert children == {
        "pass": [], "warn": ["system-out"], "fail": ["failure"], "skip": ["skipped"], "error": ["error"],
    }  # fmt: skip
    failure = cases["fail"][0]
    assert failure.attrib == {"message": "it is fail", "type": "X_FAIL"}
    assert (failure.text or "").splitlines() == [
        "fail: it is fail (X_FAIL, RFC 1)",
        "One.",
        "Two.",
        'publish: example.com. 3600 IN TXT "v=spf1 -all"',
    ]


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=30) | st.text(st.characters(max_codepoint=0x9F), max_size=20))
def test_any_dns_text_gives_well_formed_xml(text: str) -> None:
    found = (Record(text, "TXT", text),)
    parsed(render_report_junit(report(title=text, detail=text, found=found, reference=text)))


def test_control_characters_that_xml_forbids_are_made_visible() -> None:
    text = render_report_junit(report(title="a\x00\x1b[2J\ufffe\ud800b", id="spf"))
    assert r"a\u{0}\u{1b}[2J\u{fffe}\u{d800}b" in text
