"""The parts of a plan's comment: whose changes they are, then what is done, then each change with its details."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.kinds import BY_NAME
from reconciler.core.plan import Action, Change, Direction, FieldChange, Plan
from reconciler.output.cost_words import cost_words
from reconciler.output.list_changes import list_changes
from reconciler.output.markdown import code, md
from reconciler.output.plan_words import (
    SYMBOLS,
    count,
    loss_words,
    new_address,
    reason_words,
    secret_words,
    side_words,
    told,
    unmanaged_words,
    value_words,
)
from reconciler.output.share_words import (
    CHANGE_SET,
    DIRECTIONS,
    HIDDEN,
    PENDING,
    change_marks,
    field_marks,
    attributions,
)

_ACTIONS: tuple[tuple[Action, str, bool], ...] = (
    ("delete", "deletion", False),
    ("rename", "rename", False),
    ("update", "update", True),
    ("create", "creation", True),
)
"""The order within a part: action, its word, whether it is folded."""
_RISKS = {"exfiltration": 0, "mail-loss": 1, "access": 2, "none": 3}
_RULE = "\n---\n"


@dataclass(frozen=True, slots=True)
class ListItem:
    """One entry of a section: as it is, and in one line for when space runs out."""

    full: str
    short: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Entries of one sort; what of them does not fit is counted as `noun`.

    Attributes:
        part: what stands above the first section of a part that is shown, once.
        items: made one at a time, so that what does not fit is never made.
        total: how many items there are; a section without any is its part's heading alone.
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
        title: empty where there is only one part.
        cut: what is said of those that are cut, after their noun.
        said: the mark that the title makes needless at each change.
        open: nothing in it is folded.
    """

    title: str
    changes: Sequence[Change]
    cut: str = ""
    said: str = ""
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
    """By whose they are, with a base; else by where the difference came from, where that is known; else all."""
    changes = [c for p in plans for c in p.changes]
    if attributions(plans).known:
        yield _Part(CHANGE_SET, [c for c in changes if c.attribution in ("change set", "both")])
        rest = (
            _Part(PENDING, [c for c in changes if c.attribution == "pending"], " already pending", "already pending"),
            _Part("Not known whose", [c for c in changes if c.attribution is None], " not known whose"),
            _Part(HIDDEN, [c for p in plans for c in p.hidden], " masked"),
        )
        yield from (part for part in rest if part.changes)
    elif any(c.direction for c in changes):
        order: tuple[Direction | None, ...] = ("server", "both", "git", None)
        for direction in order:
            words = DIRECTIONS[direction] if direction else "not known where it was changed"
            rows = [c for c in changes if c.direction == direction]
            if rows:
                yield _Part(words.capitalize(), rows, said=words, open=direction in ("server", "both"))
    elif changes:
        yield _Part("", changes)


def _heading(part: _Part) -> str:
    if not part.title:
        return ""
    return f"{_RULE}\n### {part.title}: {count(len(part.changes), 'change') if part.changes else 'nothing'}\n"


def _part(part: _Part) -> Iterator[Section]:
    level = "####" if part.title else "###"
    for action, noun, foldable in _ACTIONS:
        found = sorted((c for c in part.changes if c.action == action), key=lambda c: _RISKS[c.risk])
        if found:
            folded = foldable and not part.open
            heading = count(len(found), noun)
            yield Section(
                part=_heading(part),
                before=f"\n<details><summary>{heading}</summary>\n\n" if folded else f"\n{level} {heading}\n\n",
                after="\n</details>\n" if folded else "",
                items=(_change(c, part.said) for c in found),
                total=len(found),
                noun=noun + part.cut,
                many=f"{noun}s{part.cut}",
            )


def _tail(plans: Sequence[Plan], part: str) -> Iterator[Section]:
    """What is folded at the end: the bill of each domain that it changes for, and what is unmanaged."""
    costs = [p for p in plans if p.cost is not None]
    rows = [p for p in plans if p.unmanaged]
    for summary, noun, listed, line in (
        ("Monthly bill by domain", "row of the bill", costs, _bill_line),
        ("Unmanaged", "row of unmanaged", rows, _unmanaged_line),
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
    """Errors on top, then warnings; notes folded."""
    for severity, title, noun in (
        (Severity.ERROR, "Refused or not read", "error"),
        (Severity.WARNING, "Warnings", "warning"),
        (Severity.INFO, "", "note"),
    ):
        rows = [(plan.domain, d) for plan in plans for d in told(plan) if d.severity is severity]
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


def _change(change: Change, said: str) -> ListItem:
    name = code(change.address)
    if change.action == "rename":
        name += f" → {code(new_address(change))}"
    if change.kind == "domainAlias":
        name += f" of {code(change.domain)}"
    risk = f" **{md(change.risk)}**" if change.risk != "none" else ""
    marks = (mark for mark in change_marks(change) if mark != said)
    remarks = "; ".join(filter(None, (reason_words(change), loss_words(change), *marks)))
    head = f"- `{SYMBOLS[change.action]}` {BY_NAME[change.kind].title} {name}{risk}"
    head += f" ({md(remarks)})\n" if remarks else "\n"
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
