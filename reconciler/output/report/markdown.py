"""The compliance report as Markdown for pull requests and wikis: a table of all checks, then the problems."""

import re
from collections.abc import Iterator

from reconciler.core.findings import DomainReport, Finding, Report
from reconciler.output.markdown import code, md
from reconciler.output.records_zone import zone_line
from reconciler.output.report.words import clipped, detail_lines, found_shown, heading, report_summary
from reconciler.output.terminal import visible

_MARKS = {"pass": "✅ pass", "warn": "⚠️ warn", "fail": "❌ fail", "skip": "➖ skip", "error": "❔ error"}


def render_markdown(report: Report) -> str:
    """The report. Equal reports give equal text."""
    lines = ["# DNS compliance", "", md(report_summary(report)), "", *_table(report)]
    for domain in report.domains:
        # The table already shows the checks that passed. Repeated here, they would hide the problems.
        problems = [check for check in domain.checks if check.status in ("warn", "fail", "error")]
        if problems:
            lines.extend(["", f"## {md(heading(domain))}"])
        for check in problems:
            lines.extend(["", *_check(check)])
    return "\n".join(lines) + "\n"


def _table(report: Report) -> Iterator[str]:
    ids = list(dict.fromkeys(check.id for domain in report.domains for check in domain.checks))
    if not ids:
        return
    yield f"| Domain | Server | {' | '.join(md(name) for name in ids)} |"
    yield "|---|---|" + "---|" * len(ids)
    for domain in report.domains:
        yield f"| {md(heading(domain))} | {md(domain.server)} | {' | '.join(_cells(domain, ids))} |"


def _cells(domain: DomainReport, ids: list[str]) -> list[str]:
    statuses = {check.id: check.status for check in domain.checks}
    return [_MARKS[statuses[name]] if name in statuses else "" for name in ids]


def _check(check: Finding) -> Iterator[str]:
    yield f"### {_MARKS[check.status]}: {md(check.id)}: {md(check.title)}"
    yield ""
    yield from (f"- {md(line)}" for line in detail_lines(check))
    shown, more = found_shown(check)
    yield from (f"- Found: {code(f'{r.name} {r.type} {clipped(r.value)}')}" for r in shown)
    if more:
        yield f"- And {more} more."
    yield f"- See {md(check.reference)} ({code(check.code)})."
    if check.fix:
        block = [visible(zone_line(record)) for record in check.fix]
        # A value with backticks must not end the block.
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", "\n".join(block))), default=0))
        yield from ("", "Publish:", "", f"{fence}zone", *block, fence)
