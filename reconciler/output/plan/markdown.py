"""Plans as a pull request comment: deletions first, details folded, no longer than the forge allows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import NamedTuple

from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.kinds import BY_NAME
from reconciler.core.plan import Action, Change, Direction, FieldChange, Plan
from reconciler.output.markdown import code, md
from reconciler.output.plan.costs import bill_words, cost_words
from reconciler.output.plan.provenance import (
    CHANGE_SET,
    DIRECTIONS,
    HIDDEN,
    PENDING,
    Attributions,
    attribution_words,
    attributions,
    change_marks,
    field_marks,
)
from reconciler.output.plan.words import (
    RISK_LABELS,
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
from reconciler.output.terminal import count

_ACTIONS: tuple[tuple[Action, str, bool], ...] = (
    ("delete", "deletion", False),
    ("rename", "rename", False),
    ("update", "update", True),
    ("create", "creation", True),
)
"""The order within a part: action, noun, whether it is folded."""
_RISKS = {"exfiltration": 0, "mail-loss": 1, "access": 2, "none": 3}
_RULE = "\n---\n"


@dataclass(frozen=True, slots=True)
class ListItem:
    """One entry of a section: complete, and as one line for a comment that is almost full."""

    full: str
    short: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Entries of one kind; `noun` counts the entries that do not fit.

    Attributes:
        part: the heading above the first visible section of a part.
        items: rendered one at a time, so that entries beyond the limit cost nothing.
        total: the number of items; a section without items is only the heading of its part.
    """

    part: str
    before: str
    after: str
    items: Iterable[ListItem]
    total: int
    noun: str
    many: str = ""


class _Part(NamedTuple):
    """Changes that belong together.

    Attributes:
        title: empty if there is only one part.
        cut: the words after the noun that counts omitted changes.
        redundant: the mark that the title already gives for each change.
        open: no section of it is folded.
    """

    title: str
    changes: Sequence[Change]
    cut: str = ""
    redundant: str = ""
    open: bool = False


def sections(plans: Sequence[Plan]) -> Iterator[Section]:
    """All sections, in the order of the comment."""
    yield from _diagnostics(plans)
    parts = list(_parts(plans))
    for part in parts:
        if part.changes:
            yield from _part(part)
        else:
            yield Section(part=_heading(part), before="", after="", items=(), total=0, noun="")
    yield from _tail(plans, _RULE if any(part.title for part in parts) else "")


def _parts(plans: Sequence[Plan]) -> Iterator[_Part]:
    """By attribution if there is a base; otherwise by direction if it is known; otherwise one part."""
    changes = [c for p in plans for c in p.changes]
    if attributions(plans).known:
        own = [c for c in changes if c.attribution in ("change set", "both")]
        # A change that this change set introduces was changed in git, of course: only other directions are news.
        yield _Part(CHANGE_SET, own, redundant=DIRECTIONS["git"])
        rest = (
            _Part(PENDING, [c for c in changes if c.attribution == "pending"], " already pending", "already pending"),
            _Part("Without attribution", [c for c in changes if c.attribution is None], " without attribution"),
            _Part(HIDDEN, [c for p in plans for c in p.hidden], " hidden by this change"),
        )
        yield from (part for part in rest if part.changes)
    elif any(c.direction for c in changes):
        order: tuple[Direction | None, ...] = ("server", "both", "git", None)
        for direction in order:
            words = DIRECTIONS[direction] if direction else "changed in an unknown place"
            rows = [c for c in changes if c.direction == direction]
            if rows:
                yield _Part(words.capitalize(), rows, redundant=words, open=direction in ("server", "both"))
    elif changes:
        yield _Part("", changes)


def _heading(part: _Part) -> str:
    if not part.title:
        return ""
    return f"{_RULE}\n### {part.title}: {count(len(part.changes), 'change') if part.changes else 'none'}\n"


def _part(part: _Part) -> Iterator[Section]:
    level = "####" if part.title else "###"
    for action, noun, foldable in _ACTIONS:
        # The worst risk comes first, because a truncated comment loses the end.
        found = sorted((c for c in part.changes if c.action == action), key=lambda c: _RISKS[c.risk])
        if found:
            folded = foldable and not part.open
            heading = count(len(found), noun)
            yield Section(
                part=_heading(part),
                before=f"\n<details><summary>{heading}</summary>\n\n" if folded else f"\n{level} {heading}\n\n",
                after="\n</details>\n" if folded else "",
                # A generator, because a plan of thousands of changes fills the comment after a few hundred.
                items=(_change(c, part.redundant) for c in found),
                total=len(found),
                noun=noun + part.cut,
                many=f"{noun}s{part.cut}",
            )


def _tail(plans: Sequence[Plan], part: str) -> Iterator[Section]:
    """The folded end: the bill of each domain with a new amount, and the unmanaged resources."""
    costs = [p for p in plans if p.cost is not None]
    rows = [p for p in plans if p.unmanaged]
    for summary, noun, listed, line in (
        ("Monthly bill by domain", "row of the bill", costs, _bill_line),
        ("Unmanaged", "row of unmanaged resources", rows, _unmanaged_line),
    ):
        if listed:
            yield Section(
                part=part,
                before=f"\n<details><summary>{summary}</summary>\n\n",
                after="\n</details>\n",
                items=(ListItem(t, t) for t in map(line, listed)),
                total=len(listed),
                noun=noun,
                many=noun.replace("row", "rows"),
            )


def _bill_line(plan: Plan) -> str:
    assert plan.cost is not None, "only domains with prices have a row"
    return f"- {code(plan.domain)}: {md(cost_words(plan.cost, arrow='→'))}\n"


def _unmanaged_line(plan: Plan) -> str:
    return f"- {code(plan.domain)}: {unmanaged_words(plan.unmanaged)}\n"


def _diagnostics(plans: Sequence[Plan]) -> Iterator[Section]:
    """Errors first, then warnings; notes are folded."""
    for severity, title, noun in (
        (Severity.ERROR, "Refused, or read incompletely", "error"),
        (Severity.WARNING, "Warnings", "warning"),
        (Severity.INFO, "", "note"),
    ):
        rows = [(plan.domain, d) for plan in plans for d in shown_diagnostics(plan) if d.severity is severity]
        if rows:
            folded = f"\n<details><summary>{count(len(rows), noun)}</summary>\n\n"
            yield Section(
                part="",
                before=f"\n### {title}\n\n" if title else folded,
                after="" if title else "\n</details>\n",
                items=(_diagnostic(domain, d) for domain, d in rows),
                total=len(rows),
                noun=noun,
            )


def _diagnostic(domain: str, d: Diagnostic) -> ListItem:
    place = f" at {code(str(d.span))}" if d.span else f" in {code(domain)}"
    first = f"- {md(d.message)} ({d.code}){place}\n"
    return ListItem(first + (f"  - {md(d.hint)}\n" if d.hint else ""), first)


def _change(change: Change, redundant: str) -> ListItem:
    name = code(change.address)
    if change.action == "rename":
        name += f" → {code(new_address(change))}"
    if change.kind == "domainAlias":
        name += f" of {code(change.domain)}"
    # Markdown has no colors, so bold text marks the risk.
    risk = f" **{md(RISK_LABELS[change.risk])}**" if change.risk != "none" else ""
    marks = (mark for mark in change_marks(change) if mark != redundant)
    notes = "; ".join(filter(None, (reason_words(change), loss_words(change), *marks)))
    head = f"- `{SYMBOLS[change.action]}` {BY_NAME[change.kind].title} {name}{risk}"
    head += f" ({md(notes)})\n" if notes else "\n"
    place = f"  - at {code(str(change.origin))}\n" if change.origin else ""
    line: Callable[[FieldChange], str] = partial(_field_line, change)
    return ListItem(head + place + "".join(map(line, change.fields)), head)


def _field_line(change: Change, field: FieldChange) -> str:
    marks = "; ".join(field_marks(change, field))
    return f"  - {field.name}: {_field(change, field)}{f' ({marks})' if marks else ''}\n"


def _field(change: Change, field: FieldChange) -> str:
    if field.secret is not None:
        return md(secret_words(field))
    if isinstance(field.after, tuple) and isinstance(field.before, tuple):
        added, removed = list_changes(field.before, field.after)
        return ", ".join((*(f"added {code(a)}" for a in added), *(f"removed {code(r)}" for r in removed)))
    if isinstance(field.after, tuple):
        return ", ".join(code(t) for t in field.after) or code("[]")
    if change.action == "create":
        return code(value_words(field.name, field.after))
    before, after = side_words(field)
    return f"{code(before)} → {code(after)}"


GITHUB_LIMIT = 65_536
"""The longest comment that GitHub accepts, in characters; other forges accept more or less."""
MIN_LIMIT = 2_000
_RESERVE = 900
"""Characters reserved for the notes on omitted entries."""
_BILLS = 3
"""The number of currencies whose total is shown at the top."""


def render_plans_markdown(plans: Sequence[Plan], *, limit: int = GITHUB_LIMIT, today: date | None = None) -> str:
    """The comment, with a final newline, of at most `limit` characters. It is truncated between changes, with a note.

    With a base commit, the changes have three parts: introduced by this change, already pending, and hidden by this
    change. With directions only, there is one part per direction.

    Args:
        today: the headline shows the age of the last login on this day; None = it shows the date. Details always show
            the date.

    Raises:
        ValueError: the limit is too small for the headline and the counts.
    """
    # Below this length even the headline would not fit, and a comment without headline is misleading.
    if limit < MIN_LIMIT:
        raise ValueError(f"a comment needs at least {MIN_LIMIT} characters, the limit is {limit}")
    parts = [_top(plans, today)]
    room = limit - len(parts[0]) - _RESERVE
    cut: list[str] = []
    bare = 0
    part = ""
    for section in sections(plans):
        heading = section.part if section.part != part else ""
        text, missing, shortened = _fill(section, heading, room)
        # The heading of a part repeats until a section of it was shown, because the first section may not fit.
        if text:
            part = section.part
        parts.append(text)
        room -= len(text)
        bare += shortened
        if missing:
            cut.append(count(missing, section.noun, section.many))
    if bare:
        parts.append(f"\nOmitted to save space: the details of {count(bare, 'entry', 'entries')}.\n")
    if cut:
        parts.append(f"\n**Omitted to save space: {', '.join(cut)}.** `reconciler plan` shows all.\n")
    return "".join(parts)


def _top(plans: Sequence[Plan], today: date | None) -> str:
    """The headline, the counts, the attribution and the bill."""
    total, origins = count_changes(plans), attributions(plans)
    lines = [summary_words(total)]
    if origins.known:
        lines.append(attribution_words(origins))
    if total.changes:
        totals = [md(line) for line in bill_words(plans, arrow="→")]
        lines += totals[:_BILLS]
        if len(totals) > _BILLS:
            lines.append(f"And in {count(len(totals) - _BILLS, 'more currency', 'more currencies')}.")
    return f"## {_headline(total, origins, today)}\n\n" + "\n\n".join(lines) + "\n"


def _fill(section: Section, heading: str, room: int) -> tuple[str, int, int]:
    """The part of the section that fits, the number of missing entries, and the number of shortened ones.

    An entry whose details are too long is shortened. After the first one that does not fit, the section ends.
    """
    room -= len(heading) + len(section.before) + len(section.after)
    if not section.total:
        return (heading if room >= 0 else ""), 0, 0
    lines: list[str] = []
    shortened = 0
    for item in section.items:
        # The one-line form keeps the change visible when its details do not fit.
        text = item.full if len(item.full) <= room else item.short
        if len(text) > room:
            break
        shortened += text is not item.full
        lines.append(text)
        room -= len(text)
    text = heading + section.before + "".join(lines) + section.after if lines else ""
    # The total is known without rendering the rest, so that the note on omitted entries is exact.
    return text, section.total - len(lines), shortened


def _headline(total: ChangeCounts, origins: Attributions, today: date | None) -> str:
    """The main result in one line, with numbers but without names."""
    # Counts only: the names can be many and long, and the sections below have them.
    alarms = []
    if total.refused:
        alarms.append(f"refused in {count(len(total.refused), 'domain')}")
    alarms += _threats(_own(total.deleted), _own(total.outward), today)
    pending = list(_threats(_pending(total.deleted), _pending(total.outward), today))
    if pending:
        alarms.append(f"already pending: {', '.join(pending)}")
    if origins.on_server:
        alarms.append(f"{count(len(origins.on_server), 'resource')} changed on the server")
    if total.unread:
        alarms.append(f"incomplete read of {count(len(total.unread), 'domain')}")
    if alarms:
        text = " · ".join(alarms)
        return f"⚠ {md(text[0].upper() + text[1:])}"
    if not total.changes:
        return "No changes"
    changes = count(total.changes, "change")
    pending_count = origins.counts["pending"]
    return f"{changes}, {pending_count} of them already pending" if pending_count else changes


def _own(changes: Sequence[Change]) -> list[Change]:
    # Without a base every change counts as introduced, so that no deletion stays out of the headline.
    return [c for c in changes if c.attribution != "pending"]


def _pending(changes: Sequence[Change]) -> list[Change]:
    return [c for c in changes if c.attribution == "pending"]


def _threats(deleted: Sequence[Change], outward: Sequence[Change], today: date | None) -> Iterator[str]:
    """`deletes 1 mailbox with 3.2 GiB, last used 2 days ago`; `external forwarding in 1 change`."""
    if deleted:
        parts = (f"{number} with {mail}" if mail else number for number, mail in deletions(deleted, today))
        yield f"deletes {'; '.join(parts)}"
    if outward:
        yield f"external forwarding in {count(len(outward), 'change')}"
