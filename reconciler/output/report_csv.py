"""The compliance report as CSV (RFC 4180), a row for each domain and check, for spreadsheets.

A spreadsheet takes a cell that begins like a formula for one, and strangers write what stands in DNS: such a cell gets
an apostrophe in front, which spreadsheets know as the mark of a text.
"""

import csv
import io
from collections.abc import Iterable

from reconciler.core.findings import DomainReport, Finding, Record, Report
from reconciler.output.records_zone import zone_line
from reconciler.output.report_words import clipped, detail_lines
from reconciler.output.terminal import visible

COLUMNS = (
    "domain",
    "aliasOf",
    "server",
    "check",
    "status",
    "code",
    "title",
    "detail",
    "found",
    "expected",
    "publish",
    "reference",
)
MAX_CELL = 8_000
"""Characters of a cell; spreadsheets take 32,767. What is to be published stands whole in `report.json`."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def render_csv(report: Report) -> str:
    """The table, its header first; the same text for the same report."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(domain, check) for domain in report.domains for check in domain.checks)
    return text.getvalue()


def _row(domain: DomainReport, check: Finding) -> list[str]:
    cells = (
        domain.domain,
        domain.alias_of or "",
        domain.server,
        check.id,
        check.status,
        check.code,
        check.title,
        _joined(detail_lines(check)),
        _records(check.found),
        _records(check.expected),
        _joined(zone_line(record) for record in check.fix),
        check.reference,
    )
    return [cell(text) for text in cells]


def cell(text: str) -> str:
    """A text as a cell that no spreadsheet calculates: hostile characters visible, bounded, formulas disarmed."""
    risky = text.startswith(_FORMULA)
    lines = (visible(line) for line in clipped(text, MAX_CELL).split("\n"))
    return ("'" if risky else "") + "\n".join(lines)


def _records(records: Iterable[Record]) -> str:
    return _joined(f"{record.name} {record.type} {record.value}".replace("\n", "\\u{a}") for record in records)


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines)
