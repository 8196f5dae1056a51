"""The changes since an earlier report, as text and as Markdown."""

from collections.abc import Iterator

from reconciler.core.comparison import VERDICTS, CheckResult, Comparison, Difference, Verdict
from reconciler.output.markdown import md
from reconciler.output.report.words import clipped
from reconciler.output.terminal import safe

WORDS: dict[Verdict, str] = {
    "worse": "worse",
    "better": "better",
    "unknown": "no longer known",
    "known": "known again",
    "different": "different",
    "added": "new",
    "removed": "removed",
}
_WIDTH = max(len(word) for word in WORDS.values())


def since_text(comparison: Comparison) -> Iterator[str]:
    """A summary line, then one line per difference, for a terminal."""
    yield safe(since_summary(comparison))
    for found in comparison.differences:
        yield safe(f"  {WORDS[found.verdict]:<{_WIDTH}}  {_subject(found)}: {change_words(found)}")


def since_markdown(comparison: Comparison) -> str:
    """A section, with a final newline."""
    lines = ["## Since the last report", "", md(since_summary(comparison))]
    if comparison.differences:
        lines += ["", "| | Domain | Check | Before | Now |", "|---|---|---|---|---|"]
        for d in comparison.differences:
            # These texts come from a file that the user names, so their length is limited and `md` escapes them.
            cells = (WORDS[d.verdict], _domain(d), clipped(d.check, 60), _result(d.before), _result(d.after))
            lines.append(f"| {' | '.join(md(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def since_summary(comparison: Comparison) -> str:
    """`Since 2026-11-21T18:00:00Z: 1 worse, 2 better.`"""
    counts = comparison.count()
    counted = ", ".join(f"{counts[verdict]} {WORDS[verdict]}" for verdict in VERDICTS if counts[verdict])
    return f"Since {clipped(comparison.since, 60) or 'the last report'}: {counted or 'no changes'}."


def change_words(found: Difference) -> str:
    """`fail (SPF_SEVERAL) -> pass (SPF_OK)`."""
    return " -> ".join(_result(result) for result in (found.before, found.after) if result is not None)


def _result(result: CheckResult | None) -> str:
    if result is None:
        return ""
    return f"{result.status} ({clipped(result.code, 60)})" if result.code else result.status


def _subject(found: Difference) -> str:
    return f"{_domain(found)} {clipped(found.check, 60)}"


def _domain(found: Difference) -> str:
    name = clipped(found.domain, 260)
    return f"{name} (alias of {clipped(found.alias_of, 260)})" if found.alias_of else name
