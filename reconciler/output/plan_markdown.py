"""Plans as a pull request comment: what a merge would destroy first, details folded, no longer than a forge takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.core.diagnostics import Severity
from reconciler.core.kinds import BY_NAME
from reconciler.core.plan import Action, Change, FieldChange, Plan
from reconciler.output.list_changes import list_changes
from reconciler.output.markdown import code, md
from reconciler.output.plan_words import (
    SYMBOLS,
    Tally,
    count,
    deletions,
    loss_words,
    new_address,
    reason_words,
    secret_words,
    side_words,
    summary_words,
    tally,
    told,
    unmanaged_words,
    value_words,
)

GITHUB_LIMIT = 65_536
"""Characters that a comment may have on GitHub; other forges take more, or less."""
MIN_LIMIT = 2_000
_RESERVE = 400
"""Kept free for the notes on what was cut."""

_SECTIONS: tuple[tuple[Action, str, bool], ...] = (
    ("delete", "deletion", False),
    ("rename", "rename", False),
    ("update", "update", True),
    ("create", "creation", True),
)
"""The order of a comment: action, its word, whether it is folded."""
_RISKS = {"exfiltration": 0, "mail-loss": 1, "access": 2, "none": 3}


@dataclass(frozen=True, slots=True)
class _Item:
    """One entry of a section: as it is, and in one line for when space runs out."""

    full: str
    short: str


@dataclass(frozen=True, slots=True)
class _Section:
    """Entries of one sort; what of them does not fit is counted as `noun`."""

    before: str
    after: str
    items: tuple[_Item, ...]
    noun: str


def render_plans_markdown(plans: Sequence[Plan], *, limit: int = GITHUB_LIMIT) -> str:
    """The comment, with a final newline, of at most `limit` characters; it is cut between changes, and says so.

    Raises:
        ValueError: the limit is too small for the headline and the counts.
    """
    if limit < MIN_LIMIT:
        raise ValueError(f"a comment needs room for {MIN_LIMIT} characters, the limit is {limit}")
    total = tally(plans)
    parts = [f"## {_headline(total)}\n\n{summary_words(total)}\n"]
    room = limit - len(parts[0]) - _RESERVE
    cut: list[str] = []
    bare = 0
    for section in _sections(plans):
        text, missing, shortened = _fill(section, room)
        parts.append(text)
        room -= len(text)
        bare += shortened
        if missing:
            cut.append(count(missing, section.noun))
    if bare:
        parts.append(f"\nThe details of {count(bare, 'entry', 'entries')} are left out for want of space.\n")
    if cut:
        parts.append(f"\n**Cut for want of space: {', '.join(cut)}.** `reconciler plan` shows all.\n")
    return "".join(parts)


def _fill(section: _Section, room: int) -> tuple[str, int, int]:
    """The section as far as it fits, how many entries are missing, and how many are only there in short.

    An entry whose details are too long is put in short; once one does not fit even so, none follows.
    """
    room -= len(section.before) + len(section.after)
    lines: list[str] = []
    shortened = 0
    for item in section.items:
        text = item.full if len(item.full) <= room else item.short
        if len(text) > room:
            break
        shortened += text is not item.full
        lines.append(text)
        room -= len(text)
    missing = len(section.items) - len(lines)
    return (section.before + "".join(lines) + section.after if lines else ""), missing, shortened


def _headline(total: Tally) -> str:
    """What matters, in one line; it holds numbers only, no names."""
    alarms = []
    if total.refused:
        alarms.append(f"refused in {count(len(total.refused), 'domain')}")
    if total.doomed:
        parts = (f"{number} with {mail}" if mail else number for number, mail in deletions(total.doomed))
        alarms.append(f"deletes {'; '.join(parts)}")
    if total.outward:
        alarms.append(f"sends mail outside in {count(total.outward, 'change')}")
    if total.unread:
        alarms.append(f"{count(len(total.unread), 'domain')} not read whole")
    if alarms:
        return f"⚠ {md(' · '.join(alarms))}"
    return count(total.changes, "change") if total.changes else "No changes"


def _sections(plans: Sequence[Plan]) -> Iterator[_Section]:
    yield from _diagnostics(plans)
    changes = [c for p in plans for c in p.changes]
    for action, noun, folded in _SECTIONS:
        found = sorted((c for c in changes if c.action == action), key=lambda c: _RISKS[c.risk])
        if not found:
            continue
        title = count(len(found), noun)
        before = f"\n<details><summary>{title}</summary>\n\n" if folded else f"\n### {title}\n\n"
        items = tuple(_change(c) for c in found)
        yield _Section(before, "\n</details>\n" if folded else "", items, noun)
    rows = [p for p in plans if p.unmanaged]
    if rows:
        items = tuple(_Item(t, t) for t in (f"- {code(p.domain)}: {unmanaged_words(p.unmanaged)}\n" for p in rows))
        yield _Section("\n<details><summary>Unmanaged</summary>\n\n", "\n</details>\n", items, "row of unmanaged")


def _diagnostics(plans: Sequence[Plan]) -> Iterator[_Section]:
    """Errors on top, then warnings; notes folded."""
    for severity, title, noun in (
        (Severity.ERROR, "Refused or not read", "error"),
        (Severity.WARNING, "Warnings", "warning"),
        (Severity.INFO, "", "note"),
    ):
        items = []
        for plan in plans:
            for d in told(plan):
                if d.severity is severity:
                    place = f" at {code(str(d.span))}" if d.span else f" in {code(plan.domain)}"
                    first = f"- {md(d.message)} ({d.code}){place}\n"
                    items.append(_Item(first + (f"  - {md(d.hint)}\n" if d.hint else ""), first))
        folded = f"\n<details><summary>{count(len(items), noun)}</summary>\n\n"
        if items:
            yield _Section(
                f"\n### {title}\n\n" if title else folded, "" if title else "\n</details>\n", tuple(items), noun
            )


def _change(change: Change) -> _Item:
    name = code(change.address)
    if change.action == "rename":
        name += f" → {code(new_address(change))}"
    if change.kind == "domainAlias":
        name += f" of {code(change.domain)}"
    risk = f" **{md(change.risk)}**" if change.risk != "none" else ""
    remarks = "; ".join(filter(None, (reason_words(change), loss_words(change))))
    head = f"- `{SYMBOLS[change.action]}` {BY_NAME[change.kind].title} {name}{risk}"
    head += f" ({md(remarks)})\n" if remarks else "\n"
    place = f"  - at {code(str(change.origin))}\n" if change.origin and change.action == "delete" else ""
    fields = "".join(f"  - {f.name}: {_field(change, f)}\n" for f in change.fields)
    return _Item(head + place + fields, head)


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
