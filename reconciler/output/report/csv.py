"""The compliance report as CSV (RFC 4180), a row for each domain and check, for spreadsheets.

A spreadsheet takes a cell that begins like a formula for one, and strangers write what stands in DNS: what begins so
gets an apostrophe in front, which spreadsheets know as the mark of a text. Where lists are separated by semicolons, as
in most of Europe, a spreadsheet splits these lines at semicolons and line ends instead, so the same is done behind each
of those inside a cell. Machines read `report.json`, in which every value is exact.
"""

import csv
import io
import re
from collections.abc import Iterable

from reconciler.core.findings import DomainReport, Finding, Record, Report
from reconciler.output.records_zone import zone_line
from reconciler.output.report.words import clipped, detail_lines
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

_BEGINNING = re.compile('(^|;[ "]*)(?=[=+\\-@＝＋－＠])')
"""Where a cell begins, or would begin for who splits at semicolons, and a formula with it."""
_INVISIBLE = ("\t", "\r", "\n")


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
    lines = (visible(line) for line in clipped(text, MAX_CELL).split("\n"))
    mark = "'" if text.startswith(_INVISIBLE) else ""
    return mark + "\n".join(_BEGINNING.sub(r"\1'", line) for line in lines)


def _records(records: Iterable[Record]) -> str:
    return _joined(f"{record.name} {record.type} {record.value}".replace("\n", "\\u{a}") for record in records)


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines)
