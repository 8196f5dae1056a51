"""Texts of compliance reports that all formats for people share."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.core.findings import STATUSES, DomainReport, Finding, Record, Report, SpfTerm, SpfTree, Status
from reconciler.core.names import display_domain
from reconciler.output.terminal import count

MAX_VALUE = 240
"""The longest found value that is shown, in characters. It is untrusted and may have 65,535."""
MAX_LINE = 600
MAX_LINES = 16
MAX_FOUND = 10


def heading(report: DomainReport) -> str:
    """The domain, and the domain that it is an alias of. The caller must escape it."""
    name = display_domain(report.domain)
    name = name if name == report.domain else f"{name} ({report.domain})"
    return f"{name}, alias of {report.alias_of}" if report.alias_of else name


def count_statuses(statuses: Iterable[Status]) -> str:
    """`3 pass, 1 fail`: the counts that are not zero, in the order of the statuses."""
    found = list(statuses)
    return ", ".join(f"{found.count(status)} {status}" for status in STATUSES if status in found) or "no checks"


def report_summary(report: Report) -> str:
    """The last line of a report: `2 domains: 3 pass, 1 fail.`"""
    statuses = [check.status for domain in report.domains for check in domain.checks]
    return f"{count(len(report.domains), 'domain')}: {count_statuses(statuses)}."


def detail_lines(finding: Finding) -> list[str]:
    """The sentences of a finding. Long or many ones are truncated, because DNS texts in them are untrusted."""
    lines = [clipped(line, MAX_LINE) for line in finding.detail.split("\n") if line]
    return lines if len(lines) <= MAX_LINES else [*lines[:MAX_LINES], f"And {len(lines) - MAX_LINES} more."]


def found_shown(finding: Finding) -> tuple[list[Record], int]:
    """The found records to show, and the number of the others."""
    return list(finding.found[:MAX_FOUND]), max(0, len(finding.found) - MAX_FOUND)


def clipped(text: str, limit: int = MAX_VALUE) -> str:
    """A text of bounded length. A truncated text ends with its original length."""
    return text if len(text) <= limit else f"{text[: limit - 30]}… ({len(text)} characters)"


# SPF trees: one line per term, with its lookups.


MAX_LOOKUPS = 10
"""RFC 7208 section 4.6.4."""
MAX_TREE_LINES = 200
"""The number of lines of one tree that are shown."""


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line: its depth in the tree, the term or domain, and a note. All text is untrusted; the caller escapes it."""

    depth: int
    text: str
    words: str = ""
    bad: bool = False


def tree_lines(tree: SpfTree) -> list[TreeLine]:
    """The lines of a tree. The first one is a summary."""
    lines = list(_lines(tree, 0))
    if len(lines) > MAX_TREE_LINES:
        lines = [*lines[:MAX_TREE_LINES], TreeLine(0, f"and {len(lines) - MAX_TREE_LINES} more lines")]
    # Beyond the limit, lookups are counted only as far as they are known.
    more = " or more" if tree.lookups > MAX_LOOKUPS else ""
    summary = f"{tree.lookups}{more} of {MAX_LOOKUPS} lookups"
    return [TreeLine(0, tree.domain, summary, tree.lookups > MAX_LOOKUPS), *lines]


def term_words(term: SpfTerm) -> str:
    """The note of a term: its lookups, the running total, and its faults."""
    words: list[str] = []
    if term.lookups:
        words.append(f"{count(term.lookups, 'lookup')}, {term.total} so far")
        if term.total > MAX_LOOKUPS:
            words.append(f"over the limit of {MAX_LOOKUPS}")
    if term.void:
        words.append("no records found")
    if term.ignored:
        words.append("no effect")
    if term.fault:
        words.append(clipped(term.fault))
    if term.unknown:
        words.append(clipped(term.unknown))
    return "; ".join(words)


def _lines(tree: SpfTree, depth: int) -> Iterator[TreeLine]:
    for term in tree.terms:
        # The limit of 10 lookups is only exceeded by terms that look up something.
        bad = bool(term.fault) or term.void or (bool(term.lookups) and term.total > MAX_LOOKUPS)
        yield TreeLine(depth + 1, clipped(term.text), term_words(term), bad)
        if term.child is not None:
            yield from _lines(term.child, depth + 1)
    if tree.omitted:
        yield TreeLine(depth + 1, f"and {tree.omitted} more terms")
