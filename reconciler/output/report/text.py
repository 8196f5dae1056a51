"""The compliance report for a terminal: one line per check, and the details that fix a problem below it."""

from collections.abc import Iterator

from reconciler.core.findings import DomainReport, Finding, Record, Report, SpfTree, Status
from reconciler.output.records_zone import host_in, zone_lines
from reconciler.output.report.words import (
    clipped,
    count_statuses,
    detail_lines,
    found_shown,
    heading,
    report_summary,
    tree_lines,
)
from reconciler.output.terminal import MIN_WIDTH, Piece, Style, flow, safe, words

_STYLES: dict[Status, tuple[str, ...]] = {
    "pass": ("green",),
    "warn": ("yellow",),
    "fail": ("red", "bold"),
    "skip": ("dim",),
    "error": ("cyan", "bold"),
}
_STATUS, _ID, _BODY, _LABEL = 2, 7, 9, 9
"""Cells: indent of the status, width of the status, indent of the details, width of a label in the details."""


def render_text(report: Report, *, color: bool, width: int, trees: bool = False) -> str:
    """The report.

    Args:
        trees: whether to show the trees of SPF records and the lookups behind each check.
        color: whether to use ANSI colors.
        width: cells per line, at least 40. Only a name that is longer than a line exceeds it.
    """
    page = _Page(Style(color), max(width, MIN_WIDTH), trees)
    lines: list[str] = []
    for domain in report.domains:
        lines.extend(page.domain(domain))
        lines.append("")
    lines.extend(page.flow(words(report_summary(report), "bold"), 0))
    if trees and report.resolvers:
        lines.extend(page.flow(words(f"Resolvers: {', '.join(report.resolvers)}.", "dim"), 0))
    return "\n".join(lines) + "\n"


class _Page:
    """The settings of the output."""

    def __init__(self, style: Style, width: int, trees: bool) -> None:
        self._style = style
        self._width = width
        self._trees = trees

    def flow(self, pieces: list[Piece], indent: int, hang: int | None = None) -> Iterator[str]:
        hang = indent if hang is None else hang
        return flow(pieces, indent=indent, hang=hang, width=self._width, style=self._style)

    def domain(self, report: DomainReport) -> Iterator[str]:
        counts = count_statuses(check.status for check in report.checks)
        title = [
            *words(safe(heading(report)), "bold"),
            *words(f"on {safe(report.server)}:"),
            Piece(report.status, _STYLES[report.status]),
            *words(f"({counts})"),
        ]
        yield from self.flow(title, 0, 4)
        for check in report.checks:
            yield from self._check(check, report.domain)

    def _check(self, check: Finding, domain: str) -> Iterator[str]:
        # The longest id of a check has 12 characters, so titles form a column.
        name = f"{check.id:<{_LABEL + 4}}"
        title = [
            Piece(f"{check.status:<{_ID - 2}}", _STYLES[check.status]),
            Piece(name, gap=2),
            *words(safe(check.title)),
        ]
        yield from self.flow(title, _STATUS, _STATUS + _ID + _LABEL + 5)
        for line in detail_lines(check):
            yield from self.flow(words(safe(line)), _BODY, _BODY)
        if self._trees and check.tree is not None:
            yield from self._tree(check.tree)
        for lookup in check.evidence if self._trees else ():
            yield from self._labelled("lookup", f"{safe(lookup.name)} {lookup.type}, TTL {lookup.ttl} s", "dim")
        # Records to publish would confuse a reader of a check that passed.
        if check.status in ("pass", "skip"):
            return
        shown, more = found_shown(check)
        for record in shown:
            yield from self._labelled("found", f"{safe(record.name)} {record.type} {safe(clipped(record.value))}")
        if more:
            yield from self._labelled("", f"and {more} more")
        for record in check.fix:
            yield from self._publish(record, domain)
        yield from self._labelled("see", safe(f"{check.reference} ({check.code})"), "dim")

    def _tree(self, tree: SpfTree) -> Iterator[str]:
        for line in tree_lines(tree):
            indent = _BODY + 2 * line.depth
            note = words(safe(line.words), "red" if line.bad else "dim") if line.words else []
            yield from self.flow([*words(safe(line.text)), *note], indent, indent + 4)

    def _publish(self, record: Record, domain: str) -> Iterator[str]:
        yield from self._labelled("publish", f"{record.type} {safe(record.name)}", "bold")
        yield from self._labelled("", f"host {safe(host_in(record, domain))} in the zone {safe(domain)}")
        indent = _BODY + 2
        for line in zone_lines(record, self._width - indent):
            # A record to publish is never wrapped inside a string: a reader copies it.
            yield " " * indent + self._style(safe(line), "cyan")

    def _labelled(self, label: str, text: str, *styles: str) -> Iterator[str]:
        pieces = [Piece(f"{label:<{_LABEL - 1}}", ("dim",)), *words(text, *styles)]
        return self.flow(pieces, _BODY, _BODY + _LABEL)
