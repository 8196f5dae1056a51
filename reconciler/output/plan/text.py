"""Plans for people at a terminal or in a log: what would be destroyed first, then domain by domain, then counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from reconciler.core.diagnostics import Severity
from reconciler.core.kinds import BY_NAME
from reconciler.core.names import display_domain
from reconciler.core.plan import Action, Change, FieldChange, Plan
from reconciler.output.diagnostics_text import diagnostic_lines
from reconciler.output.plan.costs import bill_words, cost_words
from reconciler.output.plan.provenance import attribution_words, attributions, change_marks, field_marks, server_words
from reconciler.output.plan.words import (
    RISK_STYLES,
    SYMBOLS,
    ChangeCounts,
    count_changes,
    deletions,
    list_changes,
    loss_words,
    new_address,
    reason_words,
    secret_words,
    side_words,
    summary_words,
    told,
    unmanaged_words,
    value_words,
)
from reconciler.output.terminal import Piece, Style, count, flow, safe, words

_COLORS: dict[Action, str] = {"create": "green", "update": "yellow", "delete": "red", "rename": "cyan"}
_CHANGE, _FIELD, _HANG = 2, 6, 10
"""Indents: of a change, of its fields, of what runs over."""
_HIDDEN = 2
"""How much further in masked changes stand."""
_NAMED = 5
"""How many resources that were changed on the server are named at the top."""


@dataclass(frozen=True, slots=True)
class _Page:
    """How to write."""

    style: Style
    width: int
    verbose: int

    def flow(self, pieces: Sequence[Piece], indent: int = 0, hang: int | None = None) -> Iterator[str]:
        return flow(
            pieces, indent=indent, hang=indent + 4 if hang is None else hang, width=self.width, style=self.style
        )


def render_plans(
    plans: Sequence[Plan], *, color: bool, width: int, verbose: int = 0, today: date | None = None
) -> Iterator[str]:
    """The lines of the plans, without line ends, made one by one.

    Args:
        plans: in the order in which they are to be shown.
        color: whether ANSI colours are wanted.
        width: cells a line; at least 40 are used, and a longer address is never cut.
        verbose: from 1 on also places in files, unmanaged addresses, notes, and domains without changes.
        today: the day from which the age of a last sign-in is counted at the top; without it the day itself is said.
    """
    page = _Page(Style(color), width, verbose)
    total = count_changes(plans)
    origins = attributions(plans)
    alarm = [*_alarm(page, total, today), *_moved(page, origins.on_server)]
    yield from alarm
    if alarm:
        yield ""
    for plan in plans:
        if _is_shown(plan, verbose):
            yield from _domain(page, plan)
            yield ""
    yield from page.flow(words(summary_words(total), "bold"))
    if origins.known:
        yield from page.flow(words(attribution_words(origins)))
    if total.changes:
        for line in bill_words(plans, arrow="->"):
            yield from page.flow(words(safe(line)))
    yield from alarm


def _is_shown(plan: Plan, verbose: int) -> bool:
    loud = any(d.severity is not Severity.INFO for d in plan.diagnostics)
    return bool(verbose or plan.changes or plan.hidden or loud or not plan.complete)


def _alarm(page: _Page, total: ChangeCounts, today: date | None) -> Iterator[str]:
    """What must not be overlooked: deletions, refusals, domains that were not read."""
    red = ("bold", "red")
    if total.doomed:
        parts = (f"{number} ({mail})" if mail else number for number, mail in deletions(total.doomed, today))
        yield from page.flow(words(safe(f"! deletes {', '.join(parts)}"), *red))
    if total.outward:
        yield from page.flow(words(f"! sends mail outside: {count(len(total.outward), 'change')}", *red))
    if total.refused:
        yield from page.flow(words(f"! refused: {_domains(total.refused)}; `apply` would change nothing", *red))
    if total.unread:
        yield from page.flow(words(f"! not read whole, left alone: {_domains(total.unread)}", *red))


def _moved(page: _Page, changes: Sequence[Change]) -> Iterator[str]:
    """What somebody changed on the server, by name: for `drift` that is the news."""
    if changes:
        more = len(changes) - _NAMED
        said = "; ".join([*map(server_words, changes[:_NAMED]), *([f"and {more} more"] if more > 0 else [])])
        text = f"! changed on the server: {count(len(changes), 'resource')}: {said}"
        yield from page.flow(words(safe(text), "bold", "yellow"), hang=4)


def _domains(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(safe(n) for n in names[:most]) + more


def _domain(page: _Page, plan: Plan) -> Iterator[str]:
    shown = display_domain(plan.domain)
    title = [Piece(safe(shown), ("bold",), solid=True)]
    if shown != plan.domain:
        title.append(Piece(f"({safe(plan.domain)})", solid=True))
    title += words(f"on {safe(plan.server)}", "dim", gap=2)
    if not plan.complete:
        title += words("NOT READ WHOLE: nothing will be changed here", "bold", "red", gap=2)
    elif plan.refused:
        title.append(Piece("REFUSED", ("bold", "red"), 2))
    yield from page.flow(title)
    for diagnostic in told(plan):
        if diagnostic.severity is not Severity.INFO or plan.changes or page.verbose:
            yield from diagnostic_lines(diagnostic, indent=_CHANGE, width=page.width, style=page.style)
    for change in plan.changes:
        yield from _change(page, change)
    if plan.hidden:
        yield from page.flow(words("masked: the base would change this too; this change set hides it", "dim"), _CHANGE)
        for change in plan.hidden:
            yield from _change(page, change, deeper=_HIDDEN)
    if plan.cost and (page.verbose or plan.cost.before != plan.cost.after):
        yield from page.flow(words(safe(f"monthly bill: {cost_words(plan.cost, arrow='->')}"), "dim"), _CHANGE)
    if plan.unmanaged:
        yield from page.flow(words(unmanaged_words(plan.unmanaged), "dim"), _CHANGE)
        if page.verbose:
            for other in plan.unmanaged:
                pieces = [*words(BY_NAME[other.kind].title), Piece(safe(other.address), solid=True)]
                yield from page.flow(pieces, _FIELD)
    if page.verbose and plan.complete and not (plan.changes or plan.diagnostics):
        yield "  as declared"


def _change(page: _Page, change: Change, *, deeper: int = 0) -> Iterator[str]:
    """One line a change, wrapped where it must be; below it its fields."""
    color = _COLORS[change.action]
    head = [
        Piece(SYMBOLS[change.action], ("bold", color)),
        Piece(BY_NAME[change.kind].title),
        Piece(safe(change.address), (color,), solid=True),
    ]
    if change.kind == "domainAlias" and (shown := display_domain(change.name)) != change.name:
        head.append(Piece(f"({safe(shown)})", solid=True))
    if change.action == "rename":
        head += [Piece("->"), Piece(safe(new_address(change)), (color,), solid=True)]
    if change.risk != "none":
        head.append(Piece(f"[{change.risk}]", RISK_STYLES[change.risk], 2))
    remarks = "; ".join(filter(None, (reason_words(change), loss_words(change))))
    if remarks:
        head += words(safe(remarks), gap=2)
    for mark in change_marks(change):
        head += words(mark, "cyan", gap=2)
    if page.verbose and change.origin:
        head.append(Piece(safe(str(change.origin)), ("dim",), 2, solid=True))
    yield from page.flow(head, _CHANGE + deeper)
    for field in change.fields:
        pieces = _field(change, field)
        marks = field_marks(change, field)
        if marks:
            pieces += words(f"({'; '.join(marks)})", "cyan", gap=2)
        yield from page.flow(pieces, _FIELD + deeper, _HANG + deeper)


def _field(change: Change, field: FieldChange) -> list[Piece]:
    """`quota: 1 GiB -> 5 GiB`, or the value alone of what is created."""
    pieces = [Piece(f"{field.name}:")]
    if field.secret is not None:
        return pieces + words(safe(secret_words(field)))
    if isinstance(field.after, tuple):
        return pieces + _list(change, field, field.after)
    if change.action == "create":
        return pieces + words(safe(value_words(field.name, field.after)))
    before, after = side_words(field)
    return [*pieces, *words(safe(before), "dim"), Piece("->"), *words(safe(after))]


def _list(change: Change, field: FieldChange, after: tuple[str, ...]) -> list[Piece]:
    """`+ added  - removed` of a list that was there, else all of it."""
    if isinstance(field.before, tuple):
        added, removed = list_changes(field.before, after)
        return [
            *(Piece(f"+ {safe(a)}", ("green",), 2 if n else 1, solid=True) for n, a in enumerate(added)),
            *(Piece(f"- {safe(r)}", ("red",), 2 if n or added else 1, solid=True) for n, r in enumerate(removed)),
        ]
    unknown = [] if change.action == "create" else [Piece("(unknown)", ("dim",)), Piece("->")]
    last = len(after) - 1
    items = [Piece(safe(a) + ("," if n < last else ""), solid=True) for n, a in enumerate(after)]
    return unknown + (items or [Piece("[]")])
