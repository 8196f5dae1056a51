"""JUnit XML, which every CI reads: what its two reports have in common.

There is no standard; this keeps to the elements and attributes that Jenkins, GitLab and GitHub's actions all know. The
text is ASCII with character references, and what XML 1.0 section 2.2 forbids (control characters) is made visible.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from reconciler.core.diagnostics import Diagnostic, has_errors
from reconciler.core.findings import DomainReport, Finding, Report, Status
from reconciler.output.diagnostics_text import count_words
from reconciler.output.documents import NO_FILES, sorted_diagnostics
from reconciler.output.records_zone import zone_line
from reconciler.output.report.words import clipped, detail_lines, found_shown, heading
from reconciler.output.terminal import visible

Verdict = Literal["pass", "failure", "error", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case, all hostile text still.

    Attributes:
        message: one line, where it did not pass.
        kind: the `type` of a failure or error: a stable code.
        lines: what is to be read of it; of one that passed too (a warning).
        file: its path in the repository; empty where it has none.
    """

    name: str
    group: str
    verdict: Verdict
    message: str = ""
    kind: str = ""
    lines: Sequence[str] = ()
    file: str = ""


def junit_text(title: str, suites: Iterable[tuple[str, Sequence[Case]]]) -> str:
    """The document, with a final newline: suites by name, each with its cases."""
    listed = list(suites)
    root = ElementTree.Element("testsuites", {"name": title, **_counts([c for _, cases in listed for c in cases])})
    for name, cases in listed:
        suite = ElementTree.SubElement(root, "testsuite", {"name": visible(name), **_counts(cases)})
        for case in cases:
            _case(suite, case)
    ElementTree.indent(root)
    declaration = '<?xml version="1.0" encoding="us-ascii"?>\n'
    written: bytes = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=False)
    return declaration + written.decode("ascii") + "\n"


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    verdicts = [case.verdict for case in cases]
    return {
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count("failure")),
        "errors": str(verdicts.count("error")),
        "skipped": str(verdicts.count("skipped")),
    }


def _case(suite: ElementTree.Element, case: Case) -> None:
    named = {"name": visible(case.name), "classname": visible(case.group)}
    file = {"file": visible(case.file)} if case.file else {}
    element = ElementTree.SubElement(suite, "testcase", named | file)
    text = "\n".join(visible(line) for line in case.lines)
    if case.verdict == "pass":
        if text:
            ElementTree.SubElement(element, "system-out").text = text
        return
    kind = {"type": visible(case.kind)} if case.kind and case.verdict != "skipped" else {}
    ElementTree.SubElement(element, case.verdict, {"message": visible(case.message), **kind}).text = text or None


# Diagnostics as JUnit XML: a test case for each file, which fails where the file has an error.


_NO_FILE = "(no file)"
_GROUP = "reconciler.validate"


def render_diagnostics_junit(
    diagnostics: Iterable[Diagnostic], files: Iterable[str], paths: Mapping[str, str] = NO_FILES
) -> str:
    """The document, with a final newline.

    Args:
        files: the names for people of the files that were checked, those without a fault too.
        paths: a file's name for people -> its path in the repository.
    """
    by_file: dict[str, list[Diagnostic]] = {file: [] for file in files}
    for diagnostic in sorted_diagnostics(diagnostics):
        by_file.setdefault(diagnostic.span.file if diagnostic.span else _NO_FILE, []).append(diagnostic)
    return junit_text("reconciler validate", [("files", list(_cases(by_file, paths)))])


def _cases(by_file: Mapping[str, Sequence[Diagnostic]], paths: Mapping[str, str]) -> Iterator[Case]:
    rows = sorted((paths.get(file, file), said) for file, said in by_file.items())
    for path, said in rows:
        failed = has_errors(said)
        yield Case(
            name=path,
            group=_GROUP,
            verdict="failure" if failed else "pass",
            message=count_words(said) if failed else "",
            kind=next((d.code for d in said if has_errors((d,))), ""),
            lines=[line for d in said for line in _lines(d)],
            file=path if path != _NO_FILE else "",
        )


def _lines(diagnostic: Diagnostic) -> Iterator[str]:
    yield str(diagnostic)
    if diagnostic.hint:
        yield f"  hint: {diagnostic.hint}"


# The compliance report as JUnit XML: a suite for each domain, a test case for each check.


_VERDICTS: dict[Status, Verdict] = {
    "pass": "pass",
    "warn": "pass",
    "fail": "failure",
    "error": "error",
    "skip": "skipped",
}
"""A warning passes, and is to be read in the case's output: JUnit knows nothing between."""


def render_report_junit(report: Report) -> str:
    """The document, with a final newline."""
    suites = (
        (heading(domain), [_case_junit_report(domain, check) for check in domain.checks]) for domain in report.domains
    )
    return junit_text("reconciler dns check", suites)


def _case_junit_report(domain: DomainReport, check: Finding) -> Case:
    return Case(
        name=check.id,
        group=domain.domain,
        verdict=_VERDICTS[check.status],
        message=check.title,
        kind=check.code,
        lines=() if check.status in ("pass", "skip") else _lines_junit_report(check),
    )


def _lines_junit_report(check: Finding) -> list[str]:
    shown, more = found_shown(check)
    return [
        f"{check.status}: {check.title} ({check.code}, {check.reference})",
        *detail_lines(check),
        *(f"found: {record.name} {record.type} {clipped(record.value)}" for record in shown),
        *([f"and {more} more"] if more else []),
        *(f"publish: {zone_line(record)}" for record in check.fix),
    ]
