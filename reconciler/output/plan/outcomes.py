"""What became of changes, for people: one line as each happens, and the end of an apply."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.kinds import BY_NAME
from reconciler.core.plan import Change, Outcome, Plan, Result
from reconciler.output.diagnostics_text import diagnostic_lines
from reconciler.output.plan.words import SYMBOLS, left_out_words, new_address
from reconciler.output.terminal import Piece, Style, count, flow, safe, words

_LABELS: dict[Result, tuple[str, tuple[str, ...]]] = {
    Result.APPLIED: ("ok ", ("green",)),
    Result.SKIPPED: ("already as wanted", ("green",)),
    Result.REFUSED: ("REFUSED", ("bold", "red")),
    Result.FAILED: ("FAILED", ("bold", "red")),
    Result.NOT_TRIED: ("not tried", ("yellow",)),
}
_TROUBLES = (
    (Result.REFUSED, "Refused, for it has moved since the plan:"),
    (Result.FAILED, "Failed:"),
    (Result.NOT_TRIED, "Not tried:"),
)
"""What is listed at the end, with its title."""
_WIDTH = 80


def render_outcome(outcome: Outcome, *, color: bool) -> str:
    """`ok  + mailbox alice@example.com`, or why not: one line, without a line end."""
    label, styles = _LABELS[outcome.result]
    why = f": {safe(outcome.detail)}" if outcome.detail else ""
    return f"{Style(color)(label, *styles)} {_subject(outcome.change)}{why}"


def _subject(change: Change) -> str:
    renamed = f" -> {safe(new_address(change))}" if change.action == "rename" else ""
    return f"{SYMBOLS[change.action]} {BY_NAME[change.kind].title} {safe(change.address)}{renamed}"


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
    """The end of an apply: counts, what failed or was not tried with its place and the way out, what is left.

    Args:
        outcomes: per domain, in the order of its plan.
        left: the plans made after the last write, of the domains that were changed.
        converged: whether a new plan of every selected domain is empty.
        left_out: where nothing else is left, how many changes `--target` left out.
        saved: whether a saved plan was applied: nothing is known of a new one then.
        stopped: why the run ended early; nothing is said of a new plan then, for not all was read again.
    """
    style = Style(color)
    listed = [o for row in outcomes.values() for o in row]
    numbers = Counter(o.result for o in listed)
    yield ""
    if listed:
        total = f"{count(numbers[Result.APPLIED], 'change')} in {count(len(outcomes), 'domain')}"
        said = words(f"Applied: {total}; {_rest_words(numbers)}.", "bold")
        yield from flow(said, indent=0, hang=4, width=_WIDTH, style=style)
    else:
        yield style("Nothing was to be changed.", "bold")
    for result, title in _TROUBLES:
        if numbers[result]:
            yield style(title, *_LABELS[result][1])
            for outcome in listed:
                if outcome.result is result:
                    yield from _trouble(outcome, style)
    if stopped:
        yield from _stopped(stopped, left, style)
    elif converged and saved:
        yield style("Done: a new read shows everything as the saved plan wants it.", "bold", "green")
    elif converged:
        yield style("Done and converged: a new plan is empty.", "bold", "green")
    elif left_out:
        yield style(f"Done for the targets; {left_out_words(left_out)}.", "bold")
    else:
        yield from _rest(left, style, moved=bool(numbers[Result.REFUSED]), saved=saved)


def _stopped(why: str, left: Sequence[Plan], style: Style) -> Iterator[str]:
    """Why, what was not proven by a read after the last write, and the way on."""
    yield from flow(words(f"Not done: {safe(why)}.", "bold", "red"), indent=0, hang=4, width=_WIDTH, style=style)
    unread = count(sum(not p.complete for p in left), "domain")
    yield f"  {unread} not read again after the last change."
    yield "  hint: `reconciler plan` shows what is left; apply again, a run takes it up"


def _rest_words(numbers: Counter[Result]) -> str:
    """`1 already as wanted, 1 refused (moved since the plan), 0 failed, 0 not tried`; the first two where any is."""
    said = []
    if numbers[Result.SKIPPED]:
        said.append(f"{numbers[Result.SKIPPED]} already as wanted")
    if numbers[Result.REFUSED]:
        said.append(f"{numbers[Result.REFUSED]} refused (moved since the plan)")
    return ", ".join((*said, f"{numbers[Result.FAILED]} failed", f"{numbers[Result.NOT_TRIED]} not tried"))


def _trouble(outcome: Outcome, style: Style) -> Iterator[str]:
    why = f": {safe(outcome.detail)}" if outcome.detail else ""
    yield from flow(words(f"{_subject(outcome.change)}{why}"), indent=2, hang=6, width=_WIDTH, style=style)
    if outcome.change.origin:
        yield f"      at {safe(str(outcome.change.origin))}"
    if outcome.hint:
        hint = [Piece("hint:", ("cyan",)), *words(safe(outcome.hint))]
        yield from flow(hint, indent=6, hang=8, width=_WIDTH, style=style)


def _rest(left: Sequence[Plan], style: Style, *, moved: bool, saved: bool) -> Iterator[str]:
    """What a new plan would still do, or a saved one has left, what could not be read again, and the way on."""
    open_plans = [p for p in left if p.changes or p.refused or not p.complete]
    if not open_plans:
        yield style("Not done: some domains were not read whole and were left alone; see above.", "bold", "red")
        return
    changes = count(sum(len(p.changes) for p in open_plans), "change")
    whose = f"the saved plan has {changes} left" if saved else f"a new plan still has {changes}"
    yield style(f"Not done: {whose}.", "bold", "red")
    for plan in open_plans:
        state = "" if plan.complete else " could not be read again"
        yield f"  {safe(f'{plan.domain}{state}:')}"
        for diagnostic in plan.diagnostics:
            yield from diagnostic_lines(diagnostic, indent=4, width=_WIDTH, style=style)
        for change in plan.changes:
            yield f"    {_subject(change)}"
    if moved:
        yield "  hint: plan again and have it reviewed: what was refused has moved"
    else:
        yield "  hint: apply again; a run takes up what is left"
