"""Plans as text for a terminal or a log: one section per domain, then the counts and the risks."""

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
    RISK_LABELS,
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
    shown_diagnostics,
    side_words,
    summary_words,
    unmanaged_words,
    value_words,
)
from reconciler.output.terminal import Piece, Style, count, flow, safe, words

_COLORS: dict[Action, str] = {"create": "green", "update": "yellow", "delete": "red", "rename": "cyan"}
_CHANGE, _FIELD, _HANG = 2, 6, 10
"""Indents of a change, of its fields, and of continuation lines."""
_HIDDEN = 2
"""Additional indent of changes that this change set hides."""
_NAMED = 5
"""How many resources that were changed on the server the risk lines name."""


@dataclass(frozen=True, slots=True)
class _Page:
    """How the lines are written."""

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
    """Yields the lines of the plans, without line ends.

    The risks come last and only once: after a long plan the end is what a terminal still shows.

    Args:
        plans: shown in this order.
        color: whether to use ANSI colors.
        width: cells per line, at least 40. A longer address is never cut.
        verbose: from 1 on also locations in files, unmanaged addresses, notes, and domains without changes.
        today: the risk lines show the age of the last login on this day; None = they show its date.
    """
    page = _Page(Style(color), width, verbose)
    total = count_changes(plans)
    origins = attributions(plans)
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
    yield from _risks(page, total, today)
    yield from _changed_on_server(page, origins.on_server)


def _is_shown(plan: Plan, verbose: int) -> bool:
    loud = any(d.severity is not Severity.INFO for d in plan.diagnostics)
    # A domain without changes is hidden unless something is wrong with it: an incomplete read must not look like
    # success.
    return bool(verbose or plan.changes or plan.hidden or loud or not plan.complete)


def _risks(page: _Page, total: ChangeCounts, today: date | None) -> Iterator[str]:
    """The lines that a reviewer must not miss: deletions, external forwarding, refusals, incomplete reads."""
    red = ("bold", "red")
    # Deletions come first: they are the only changes that no later apply can reverse.
    if total.deleted:
        parts = (f"{number} ({mail})" if mail else number for number, mail in deletions(total.deleted, today))
        yield from page.flow(words(safe(f"! deletes {', '.join(parts)}"), *red))
    if total.outward:
        yield from page.flow(words(f"! external forwarding: {count(len(total.outward), 'change')}", *red))
    if total.refused:
        yield from page.flow(words(f"! refused: {_domains(total.refused)}; `apply` changes nothing", *red))
    if total.unread:
        yield from page.flow(words(f"! incomplete read, skipped: {_domains(total.unread)}", *red))


def _changed_on_server(page: _Page, changes: Sequence[Change]) -> Iterator[str]:
    """The resources that were changed on the server, by name: the main result of `drift`."""
    if changes:
        # A few names are enough here, because the plan above lists all changes.
        more = len(changes) - _NAMED
        named = "; ".join([*map(server_words, changes[:_NAMED]), *([f"and {more} more"] if more > 0 else [])])
        text = f"! changed on the server: {count(len(changes), 'resource')}: {named}"
        yield from page.flow(words(safe(text), "bold", "yellow"), hang=4)


def _domains(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(safe(n) for n in names[:most]) + more


def _domain(page: _Page, plan: Plan) -> Iterator[str]:
    # Files and server use the ASCII form, people read the Unicode form, so the title has both.
    shown = display_domain(plan.domain)
    title = [Piece(safe(shown), ("bold",), solid=True)]
    if shown != plan.domain:
        title.append(Piece(f"({safe(plan.domain)})", solid=True))
    title += words(f"on {safe(plan.server)}", "dim", gap=2)
    if not plan.complete:
        title += words("INCOMPLETE READ: no changes here", "bold", "red", gap=2)
    elif plan.refused:
        title.append(Piece("REFUSED", ("bold", "red"), 2))
    yield from page.flow(title)
    for diagnostic in shown_diagnostics(plan):
        # Notes on a domain without changes would hide the domains that have some.
        if diagnostic.severity is not Severity.INFO or plan.changes or page.verbose:
            yield from diagnostic_lines(diagnostic, indent=_CHANGE, width=page.width, style=page.style)
    for change in plan.changes:
        yield from _change(page, change)
    if plan.hidden:
        yield from page.flow(words("hidden by this change: the base would also make these changes", "dim"), _CHANGE)
        for change in plan.hidden:
            yield from _change(page, change, deeper=_HIDDEN)
    # A bill that does not change is no news, so only -v shows it.
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
    """One line per change, wrapped if it is too long; its fields below."""
    color = _COLORS[change.action]
    head = [
        Piece(SYMBOLS[change.action], ("bold", color)),
        Piece(BY_NAME[change.kind].title),
        Piece(safe(change.address), (color,), solid=True),
    ]
    # A reviewer must see both forms, because a Unicode name may look like another domain.
    if change.kind == "domainAlias" and (shown := display_domain(change.name)) != change.name:
        head.append(Piece(f"({safe(shown)})", solid=True))
    if change.action == "rename":
        head += [Piece("->"), Piece(safe(new_address(change)), (color,), solid=True)]
    if change.risk != "none":
        head += bracketed(RISK_LABELS[change.risk], *RISK_STYLES[change.risk])
    note = "; ".join(filter(None, (reason_words(change), loss_words(change))))
    if note:
        head += words(safe(note), gap=2)
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


def bracketed(label: str, *styles: str) -> list[Piece]:
    """`[deletes mail]`, two cells after the text before it."""
    return words(f"[{label}]", *styles, gap=2)


def _field(change: Change, field: FieldChange) -> list[Piece]:
    """`quota: 1 GiB -> 5 GiB`; only the new value if the resource is created."""
    pieces = [Piece(f"{field.name}:")]
    if field.secret is not None:
        return pieces + words(safe(secret_words(field)))
    if isinstance(field.after, tuple):
        return pieces + _list(change, field, field.after)
    # The old value of a new resource does not exist, so an arrow would be wrong.
    if change.action == "create":
        return pieces + words(safe(value_words(field.name, field.after)))
    before, after = side_words(field)
    return [*pieces, *words(safe(before), "dim"), Piece("->"), *words(safe(after))]


def _list(change: Change, field: FieldChange, after: tuple[str, ...]) -> list[Piece]:
    """`+ added  - removed` if the old list is known; otherwise the complete list."""
    # A difference is much shorter than two lists, and the reviewer needs only the difference.
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
