"""What got better or worse since an earlier report, as text and as Markdown."""

from collections.abc import Iterator

from reconciler.core.comparison import VERDICTS, CheckResult, Comparison, Difference, Verdict
from reconciler.output.markdown import md
from reconciler.output.report.words import clipped
from reconciler.output.terminal import safe

WORDS: dict[Verdict, str] = {
    "worse": "worse",
    "better": "better",
    "unknown": "not known any more",
    "known": "known again",
    "different": "different",
    "added": "new",
    "removed": "gone",
}
_WIDTH = max(len(word) for word in WORDS.values())


def since_text(comparison: Comparison) -> Iterator[str]:
    """A line that sums up, and one for each difference; for a terminal."""
    yield safe(since_summary(comparison))
    for found in comparison.differences:
        yield safe(f"  {WORDS[found.verdict]:<{_WIDTH}}  {_what(found)}: {change_words(found)}")


def since_markdown(comparison: Comparison) -> str:
    """A section, with a final newline."""
    lines = ["## Since the last report", "", md(since_summary(comparison))]
    if comparison.differences:
        lines += ["", "| | Domain | Check | Before | Now |", "|---|---|---|---|---|"]
        for d in comparison.differences:
            cells = (WORDS[d.verdict], _domain(d), clipped(d.check, 60), _said(d.before), _said(d.after))
            lines.append(f"| {' | '.join(md(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def since_summary(comparison: Comparison) -> str:
    """`Since 2026-11-21T18:00:00Z: 1 worse, 2 better.`"""
    counts = comparison.count()
    told = ", ".join(f"{counts[verdict]} {WORDS[verdict]}" for verdict in VERDICTS if counts[verdict])
    return f"Since {clipped(comparison.since, 60) or 'the last report'}: {told or 'nothing has changed'}."


def change_words(found: Difference) -> str:
    """`fail (SPF_SEVERAL) -> pass (SPF_OK)`."""
    return " -> ".join(_said(said) for said in (found.before, found.after) if said is not None)


def _said(said: CheckResult | None) -> str:
    if said is None:
        return ""
    return f"{said.status} ({clipped(said.code, 60)})" if said.code else said.status


def _what(found: Difference) -> str:
    return f"{_domain(found)} {clipped(found.check, 60)}"


def _domain(found: Difference) -> str:
    name = clipped(found.domain, 260)
    return f"{name} (alias of {clipped(found.alias_of, 260)})" if found.alias_of else name
