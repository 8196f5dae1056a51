"""How compliance reports say things, in every format for people."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.core.findings import STATUSES, DomainReport, Finding, Record, Report, SpfTerm, SpfTree, Status
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


# An SPF tree in words: a line a term, with what it costs.


MAX_LOOKUPS = 10
"""RFC 7208 section 4.6.4."""
MAX_TREE_LINES = 200
"""Lines of one tree that are shown."""


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line: how deep it stands, the term or the domain, and what is said of it. Hostile text, to be escaped."""

    depth: int
    text: str
    words: str = ""
    bad: bool = False


def tree_lines(tree: SpfTree) -> list[TreeLine]:
    """The lines of a tree, the first of which sums it up."""
    lines = list(_lines(tree, 0))
    if len(lines) > MAX_TREE_LINES:
        lines = [*lines[:MAX_TREE_LINES], TreeLine(0, f"and {len(lines) - MAX_TREE_LINES} more lines")]
    more = " or more" if tree.lookups > MAX_LOOKUPS else ""
    summary = f"{tree.lookups}{more} of {MAX_LOOKUPS} lookups"
    return [TreeLine(0, tree.domain, summary, tree.lookups > MAX_LOOKUPS), *lines]


def term_words(term: SpfTerm) -> str:
    """What is to be said of a term: its lookups, how many they are by then, and what is amiss."""
    words: list[str] = []
    if term.lookups:
        words.append(f"{term.lookups} lookup{'' if term.lookups == 1 else 's'}, {term.total} so far")
        if term.total > MAX_LOOKUPS:
            words.append(f"beyond {MAX_LOOKUPS}")
    if term.void:
        words.append("finds nothing")
    if term.ignored:
        words.append("no effect")
    if term.fault:
        words.append(clipped(term.fault))
    if term.unknown:
        words.append(clipped(term.unknown))
    return "; ".join(words)


def _lines(tree: SpfTree, depth: int) -> Iterator[TreeLine]:
    for term in tree.terms:
        bad = bool(term.fault) or term.void or (bool(term.lookups) and term.total > MAX_LOOKUPS)
        yield TreeLine(depth + 1, clipped(term.text), term_words(term), bad)
        if term.child is not None:
            yield from _lines(term.child, depth + 1)
    if tree.omitted:
        yield TreeLine(depth + 1, f"and {tree.omitted} more terms")
