"""The compliance report as JUnit XML: a suite for each domain, a test case for each check."""

from reconciler.core.findings import DomainReport, Finding, Report, Status
from reconciler.output.junit import Case, Verdict, junit_text
from reconciler.output.records_zone import zone_line
from reconciler.output.report_words import clipped, detail_lines, found_shown, heading

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
    suites = ((heading(domain), [_case(domain, check) for check in domain.checks]) for domain in report.domains)
    return junit_text("reconciler dns check", suites)


def _case(domain: DomainReport, check: Finding) -> Case:
    return Case(
        name=check.id,
        group=domain.domain,
        verdict=_VERDICTS[check.status],
        message=check.title,
        kind=check.code,
        lines=() if check.status in ("pass", "skip") else _lines(check),
    )


def _lines(check: Finding) -> list[str]:
    shown, more = found_shown(check)
    return [
        f"{check.status}: {check.title} ({check.code}, {check.reference})",
        *detail_lines(check),
        *(f"found: {record.name} {record.type} {clipped(record.value)}" for record in shown),
        *([f"and {more} more"] if more else []),
        *(f"publish: {zone_line(record)}" for record in check.fix),
    ]
