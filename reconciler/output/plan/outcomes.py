"""Outcomes of changes as text: a log while `apply` runs, grouped by domain, and the summary at its end."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.kinds import BY_NAME
from reconciler.core.names import display_domain
from reconciler.core.plan import Change, Outcome, Plan, Result
from reconciler.output.diagnostics_text import diagnostic_lines
from reconciler.output.plan.words import SYMBOLS, left_out_words, new_address
from reconciler.output.terminal import Piece, Style, count, flow, safe, words

_LABELS: dict[Result, tuple[str, tuple[str, ...]]] = {
    Result.APPLIED: ("ok", ("green",)),
    Result.SKIPPED: ("in place", ("green",)),
    Result.REFUSED: ("STALE", ("bold", "red")),
    Result.FAILED: ("FAILED", ("bold", "red")),
    Result.NOT_TRIED: ("not tried", ("yellow",)),
}
_LABEL_CELLS = max(len(label) for label, _ in _LABELS.values())
_FAILURES = (
    (Result.REFUSED, "Refused, because the object changed since the plan:"),
    (Result.FAILED, "Failed:"),
    (Result.NOT_TRIED, "Not tried:"),
)
"""The results that the summary lists, with their titles."""
_COUNTS = (
    (Result.SKIPPED, "already in place"),
    (Result.REFUSED, "refused (changed since the plan)"),
    (Result.FAILED, "failed"),
    (Result.NOT_TRIED, "not tried"),
)
_WIDTH = 80


class OutcomeLog:
    """Turns outcomes of domains that are applied side by side into lines grouped by domain.

    One domain at a time is live: its outcomes are shown as they happen. The outcomes of all others wait until it is
    complete. So a reader sees progress and never has to assemble one domain from scattered lines.

    Args:
        expected: domain -> the number of its outcomes.
        color: whether to use ANSI colors.
    """

    def __init__(self, expected: Mapping[str, int], *, color: bool) -> None:
        self._missing = dict(expected)
        self._style = Style(color)
        self._waiting: dict[str, list[Outcome]] = {}
        self._live: str | None = None

    def add(self, domain: str, outcome: Outcome) -> Iterator[str]:
        """The lines to show now, without line ends."""
        self._missing[domain] = self._missing.get(domain, 1) - 1
        # Domains are applied side by side. Mixed lines would be unreadable, so other domains wait.
        if domain != self._live and self._live is not None:
            self._waiting.setdefault(domain, []).append(outcome)
            return
        if self._live is None:
            yield from self._header(domain)
        yield from self._line(outcome)
        self._live = domain if self._missing[domain] > 0 else None
        if self._live is None:
            yield from self._next()

    def rest(self) -> Iterator[str]:
        """The lines of all outcomes that still wait; for the end of a run that stopped early."""
        for domain in sorted(self._waiting):
            yield from self._flush(domain)
        self._live = None

    def _next(self) -> Iterator[str]:
        """Shows the complete domains that wait, then makes an incomplete one live."""
        # Several domains may be complete by now. A reader expects them in alphabetical order.
        for domain in sorted(d for d in self._waiting if self._missing[d] <= 0):
            yield from self._flush(domain)
        if self._waiting:
            self._live = min(self._waiting)
            yield from self._flush(self._live)

    def _flush(self, domain: str) -> Iterator[str]:
        yield from self._header(domain)
        for outcome in self._waiting.pop(domain):
            yield from self._line(outcome)

    def _header(self, domain: str) -> Iterator[str]:
        yield ""
        yield self._style(safe(display_domain(domain)), "bold")

    def _line(self, outcome: Outcome) -> Iterator[str]:
        label, styles = _LABELS[outcome.result]
        pieces = [Piece(label.ljust(_LABEL_CELLS), styles), *_with_reason(outcome)]
        yield from flow(pieces, indent=2, hang=_LABEL_CELLS + 5, width=_WIDTH, style=self._style)


def render_outcomes(outcomes: Mapping[str, Sequence[Outcome]], *, color: bool) -> Iterator[str]:
    """The complete log of an apply that has ended, per domain."""
    log = OutcomeLog({domain: len(row) for domain, row in outcomes.items()}, color=color)
    for domain, row in outcomes.items():
        for outcome in row:
            yield from log.add(domain, outcome)


def _subject(change: Change) -> list[Piece]:
    """`+ mailbox alice@example.com`."""
    kind = BY_NAME[change.kind].title
    pieces = [Piece(SYMBOLS[change.action]), *words(kind), Piece(safe(change.address), solid=True)]
    if change.action == "rename":
        pieces += [Piece("->"), Piece(safe(new_address(change)), solid=True)]
    return pieces


def _with_reason(outcome: Outcome) -> list[Piece]:
    """`~ mailbox alice@example.com: the server rejected the quota`."""
    *pieces, last = _subject(outcome.change)
    if not outcome.detail:
        return [*pieces, last]
    return [*pieces, last._replace(text=f"{last.text}:"), *words(safe(outcome.detail))]


def render_apply_summary(
    outcomes: Mapping[str, Sequence[Outcome]],
    left: Sequence[Plan],
    *,
    converged: bool,
    color: bool,
    left_out: int = 0,
    saved: bool = False,
    stopped: str = "",
) -> Iterator[str]:
    """The end of an apply: counts, the changes that were not made with locations and hints, and what remains.

    Args:
        outcomes: per domain, in the order of its plan.
        left: the plans made after the last write, of the domains that were changed.
        converged: whether a new plan of every selected domain is empty.
        left_out: the number of changes that `--target` left out, if nothing else remains.
        saved: whether a saved plan was applied. Then no new plan was made.
        stopped: why the run ended early. Then not every domain was read again, and no new plan is reported.
    """
    style = Style(color)
    listed = [o for row in outcomes.values() for o in row]
    numbers = Counter(o.result for o in listed)
    yield ""
    if listed:
        yield from flow(words(_counts(numbers, len(outcomes)), "bold"), indent=0, hang=4, width=_WIDTH, style=style)
    else:
        yield style("Nothing to change.", "bold")
    for result, title in _FAILURES:
        if numbers[result]:
            yield style(title, *_LABELS[result][1])
            for outcome in listed:
                if outcome.result is result:
                    yield from _failure(outcome, style)
    if stopped:
        yield from _stopped(stopped, left, style)
    # After a saved plan, no new plan was made. "Converged" would claim more than the run has checked.
    elif converged and saved:
        yield style("Done: a new read shows every change of the saved plan in place.", "bold", "green")
    elif converged:
        yield style("Done and converged: a new plan is empty.", "bold", "green")
    elif left_out:
        yield style(f"Done for the targets; {left_out_words(left_out)}.", "bold")
    else:
        yield from _remaining(left, style, stale=bool(numbers[Result.REFUSED]), saved=saved)


def _counts(numbers: Counter[Result], domains: int) -> str:
    """`Applied: 3 changes in 2 domains; 1 failed, 2 not tried.`, without counts of zero."""
    applied = f"{count(numbers[Result.APPLIED], 'change')} in {count(domains, 'domain')}"
    others = ", ".join(f"{numbers[result]} {state}" for result, state in _COUNTS if numbers[result])
    return f"Applied: {applied if numbers[Result.APPLIED] else 'nothing'}{f'; {others}' if others else ''}."


def _stopped(why: str, left: Sequence[Plan], style: Style) -> Iterator[str]:
    """Why the run stopped, which domains no read has verified since their last write, and what to do."""
    yield from flow(words(f"Not done: {safe(why)}.", "bold", "red"), indent=0, hang=4, width=_WIDTH, style=style)
    # A domain that was not read again may differ from the files, so it must not pass as done.
    if unread := sum(not p.complete for p in left):
        yield f"  {count(unread, 'domain')} not read again after the last change."
    yield "  hint: `reconciler plan` shows what remains; `reconciler apply` continues there"


def _failure(outcome: Outcome, style: Style) -> Iterator[str]:
    yield from flow(_with_reason(outcome), indent=2, hang=6, width=_WIDTH, style=style)
    if outcome.change.origin:
        yield f"      at {safe(str(outcome.change.origin))}"
    if outcome.hint:
        hint = [Piece("hint:", ("cyan",)), *words(safe(outcome.hint))]
        yield from flow(hint, indent=6, hang=8, width=_WIDTH, style=style)


def _remaining(left: Sequence[Plan], style: Style, *, stale: bool, saved: bool) -> Iterator[str]:
    """The changes that a new plan, or the saved one, still has, the domains that could not be read, and what to do."""
    # Complete plans without changes are done, so they need no line.
    open_plans = [p for p in left if p.changes or p.refused or not p.complete]
    if not open_plans:
        text = "Not done: the read of some domains was incomplete, so they were skipped; see above."
        yield from flow(words(text, "bold", "red"), indent=0, hang=4, width=_WIDTH, style=style)
        return
    changes = count(sum(len(p.changes) for p in open_plans), "change")
    remains = f"the saved plan has {changes} left" if saved else f"a new plan still has {changes}"
    yield style(f"Not done: {remains}.", "bold", "red")
    for plan in open_plans:
        state = "" if plan.complete else " could not be read again"
        yield f"  {safe(f'{plan.domain}{state}:')}"
        for diagnostic in plan.diagnostics:
            yield from diagnostic_lines(diagnostic, indent=4, width=_WIDTH, style=style)
        for change in plan.changes:
            yield from flow(_subject(change), indent=4, hang=8, width=_WIDTH, style=style)
    # A new apply of the same saved plan would refuse the same changes again.
    if stale:
        yield "  hint: plan again and have the plan reviewed: the refused objects have changed"
    else:
        yield "  hint: `reconciler apply` continues with the remaining changes"
