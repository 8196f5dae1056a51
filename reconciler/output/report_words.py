"""How compliance reports say things, in every format for people."""

from collections.abc import Iterable

from reconciler.core.findings import STATUSES, DomainReport, Finding, Record, Report, Status
from reconciler.core.names import display_domain

MAX_VALUE = 240
"""Characters of a value found that are shown: it is a stranger's text, and may have 65,535."""
MAX_LINE = 600
MAX_LINES = 16
MAX_FOUND = 10


def heading(report: DomainReport) -> str:
    """The domain, and of which it is an alias; hostile as domains are not, but escape it all the same."""
    name = display_domain(report.domain)
    name = name if name == report.domain else f"{name} ({report.domain})"
    return f"{name}, alias of {report.alias_of}" if report.alias_of else name


def count_statuses(statuses: Iterable[Status]) -> str:
    """`3 pass, 1 fail`: what there is, in the order of the statuses."""
    found = list(statuses)
    return ", ".join(f"{found.count(status)} {status}" for status in STATUSES if status in found) or "no checks"


def report_summary(report: Report) -> str:
    """The last line of a report."""
    count = len(report.domains)
    statuses = [check.status for domain in report.domains for check in domain.checks]
    return f"{count} domain{'' if count == 1 else 's'}: {count_statuses(statuses)}."


def detail_lines(finding: Finding) -> list[str]:
    """The sentences of a finding, cut where a stranger made them too long or too many."""
    lines = [clipped(line, MAX_LINE) for line in finding.detail.split("\n") if line]
    return lines if len(lines) <= MAX_LINES else [*lines[:MAX_LINES], f"And {len(lines) - MAX_LINES} more."]


def found_shown(finding: Finding) -> tuple[list[Record], int]:
    """The records found that are shown, and how many are not."""
    return list(finding.found[:MAX_FOUND]), max(0, len(finding.found) - MAX_FOUND)


def clipped(text: str, limit: int = MAX_VALUE) -> str:
    """A text of bounded length, which says so where it was cut."""
    return text if len(text) <= limit else f"{text[: limit - 30]}… ({len(text)} characters)"
