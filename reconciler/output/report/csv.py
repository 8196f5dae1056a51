"""The compliance report as CSV (RFC 4180) for spreadsheets: one row per domain and check.

A spreadsheet runs a cell that begins like a formula, and DNS texts are untrusted. So an apostrophe precedes such a
beginning; spreadsheets read it as the mark of a text. In most of Europe a spreadsheet splits rows at semicolons instead
of commas. So the apostrophe also precedes each formula after a semicolon or a line end inside a cell. Programs should
read `report.json`, which has the exact values.
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
"""The longest cell, in characters; spreadsheets allow 32,767. `report.json` has the complete records to publish."""

_BEGINNING = re.compile('(^|;[ "]*)(?=[=+\\-@＝＋－＠])')
"""The beginning of a formula at the start of a cell, or at a place where a split at semicolons starts a cell."""
_INVISIBLE = ("\t", "\r", "\n")


def render_csv(report: Report) -> str:
    """The table with its header. Equal reports give equal text."""
    text = io.StringIO()
    # CR LF is the line end of RFC 4180. It is the same on every platform, so that equal reports give equal bytes.
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
    """A cell that no spreadsheet runs: invisible characters made visible, length bounded, formulas marked as text."""
    lines = (visible(line) for line in clipped(text, MAX_CELL).split("\n"))
    # Spreadsheets skip leading whitespace before they look for a formula.
    mark = "'" if text.startswith(_INVISIBLE) else ""
    return mark + "\n".join(_BEGINNING.sub(r"\1'", line) for line in lines)


def _records(records: Iterable[Record]) -> str:
    # A line end in a value would look like the next record of the cell.
    return _joined(f"{record.name} {record.type} {record.value}".replace("\n", "\\u{a}") for record in records)


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines)
