"""JUnit XML for CI systems: diagnostics and the compliance report.

The format has no standard. This module uses only elements and attributes that Jenkins, GitLab and GitHub actions all
support. The text is ASCII with character references. Control characters, which XML 1.0 section 2.2 forbids, are made
visible.
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
    """One test case. All text is untrusted.

    Attributes:
        message: one line; empty if it passed.
        kind: the `type` of a failure or error: a stable code.
        lines: the details. A case that passed has some too, if it has a warning.
        file: its path in the repository; empty without a file.
    """

    name: str
    group: str
    verdict: Verdict
    message: str = ""
    kind: str = ""
    lines: Sequence[str] = ()
    file: str = ""


def junit_text(title: str, suites: Iterable[tuple[str, Sequence[Case]]]) -> str:
    """The document, with a final newline. A suite is a name and its cases."""
    listed = list(suites)
    root = ElementTree.Element("testsuites", {"name": title, **_counts([c for _, cases in listed for c in cases])})
    for name, cases in listed:
        suite = ElementTree.SubElement(root, "testsuite", {"name": visible(name), **_counts(cases)})
        for case in cases:
            _case(suite, case)
    # Reviewers read this file in job logs, so it has one element per line.
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
    # JUnit has no place for the details of a passed case except its output. A DNS warning passes and has details.
    if case.verdict == "pass":
        if text:
            ElementTree.SubElement(element, "system-out").text = text
        return
    kind = {"type": visible(case.kind)} if case.kind and case.verdict != "skipped" else {}
    ElementTree.SubElement(element, case.verdict, {"message": visible(case.message), **kind}).text = text or None


# Diagnostics as JUnit XML: one test case per file, which fails if the file has an error.


_NO_FILE = "(no file)"
_GROUP = "reconciler.validate"


def render_diagnostics_junit(
    diagnostics: Iterable[Diagnostic], files: Iterable[str], paths: Mapping[str, str] = NO_FILES
) -> str:
    """The document, with a final newline.

    Args:
        files: the displayed names of all checked files, including files without diagnostics.
        paths: the displayed name of a file -> its path in the repository.
    """
    by_file: dict[str, list[Diagnostic]] = {file: [] for file in files}
    for diagnostic in sorted_diagnostics(diagnostics):
        # A diagnostic may have no file, or a file that is not among the checked ones. Neither may be lost.
        by_file.setdefault(diagnostic.span.file if diagnostic.span else _NO_FILE, []).append(diagnostic)
    return junit_text("reconciler validate", [("files", list(_cases(by_file, paths)))])


def _cases(by_file: Mapping[str, Sequence[Diagnostic]], paths: Mapping[str, str]) -> Iterator[Case]:
    # Equal input must give equal bytes, whatever the order of the files.
    rows = sorted((paths.get(file, file), found) for file, found in by_file.items())
    for path, found in rows:
        failed = has_errors(found)
        yield Case(
            name=path,
            group=_GROUP,
            verdict="failure" if failed else "pass",
            message=count_words(found) if failed else "",
            kind=next((d.code for d in found if has_errors((d,))), ""),
            lines=[line for d in found for line in _lines(d)],
            file=path if path != _NO_FILE else "",
        )


def _lines(diagnostic: Diagnostic) -> Iterator[str]:
    yield str(diagnostic)
    if diagnostic.hint:
        yield f"  hint: {diagnostic.hint}"


# The compliance report as JUnit XML: one suite per domain, one test case per check.


_VERDICTS: dict[Status, Verdict] = {
    "pass": "pass",
    "warn": "pass",
    "fail": "failure",
    "error": "error",
    "skip": "skipped",
}
"""A warning passes, because JUnit has no status between pass and failure. The output of the case contains it."""


def render_report_junit(report: Report) -> str:
    """The document, with a final newline."""
    suites = ((heading(domain), [_check_case(domain, check) for check in domain.checks]) for domain in report.domains)
    return junit_text("reconciler dns check", suites)


def _check_case(domain: DomainReport, check: Finding) -> Case:
    return Case(
        name=check.id,
        group=domain.domain,
        verdict=_VERDICTS[check.status],
        message=check.title,
        kind=check.code,
        lines=() if check.status in ("pass", "skip") else _check_lines(check),
    )


def _check_lines(check: Finding) -> list[str]:
    shown, more = found_shown(check)
    return [
        f"{check.status}: {check.title} ({check.code}, {check.reference})",
        *detail_lines(check),
        *(f"found: {record.name} {record.type} {clipped(record.value)}" for record in shown),
        *([f"and {more} more"] if more else []),
        *(f"publish: {zone_line(record)}" for record in check.fix),
    ]
