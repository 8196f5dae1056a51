"""The words in which plans are shown to people, whatever the format: values, reasons, risks, counts, headlines."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from reconciler.core.diagnostics import Diagnostic
from reconciler.core.kinds import BY_NAME, KINDS
from reconciler.core.model import KindName, Value
from reconciler.core.plan import Action, Change, FieldChange, Plan, Unmanaged
from reconciler.core.quantities import format_size, human_size
from reconciler.output.terminal import count

# How long ago a day was, in words for a headline; details have the day itself.


_MONTH, _YEAR = 30, 365
"""Days; from 100 days on an age is a matter of months, from two years on of years."""


def ago(moment: str, today: date) -> str:
    """`2 days ago`, `today`, `5 months ago`; empty for what does not begin with an ISO 8601 day.

    A moment after `today` (a clock that is ahead) counts as today.
    """
    try:
        days = (today - date.fromisoformat(moment[:10])).days
    except ValueError:
        return ""
    if days < 1:
        return "today"
    if days == 1:
        return "yesterday"
    if days < 100:
        return f"{days} days ago"
    return f"{days // _MONTH} months ago" if days < 2 * _YEAR else f"{days // _YEAR} years ago"


SYMBOLS: dict[Action, str] = {"create": "+", "update": "~", "delete": "-", "rename": ">"}
VERBS: dict[Action, str] = {
    "create": "to create",
    "update": "to update",
    "delete": "to delete",
    "rename": "to rename",
}
RISK_STYLES: dict[str, tuple[str, ...]] = {
    "mail-loss": ("bold", "red"),
    "exfiltration": ("bold", "red"),
    "access": ("yellow",),
}
"""The risks that are marked, with their colours; `none` is not."""

_SIZES = frozenset({"quota"})
"""The fields that hold a number of bytes."""


def count_kind(number: int, kind: KindName) -> str:
    """`1 domain alias`, `2 domain aliases`."""
    return count(number, BY_NAME[kind].title, BY_NAME[kind].plural)


def new_address(change: Change) -> str:
    """The address after a rename."""
    return f"{change.new_name}@{change.domain}"


def value_words(name: str, value: Value | None) -> str:
    """A field's value as it could stand in a file, not yet safe to print; None is what was not read."""
    match value:
        case None:
            return "(unknown)"
        case bool():
            return "true" if value else "false"
        case int():
            return _size(value) if name in _SIZES else str(value)
        case str():
            return _quoted(value)
        case _:
            return ", ".join(value) or "[]"


def _size(size: int) -> str:
    text = format_size(size)
    return f"{text} bytes" if text.isdigit() else text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def side_words(field: FieldChange) -> tuple[str, str]:
    """Both sides of an update that is no list; texts that look alike are shown by their code points."""
    before, after = field.before, field.after
    if isinstance(before, str) and isinstance(after, str) and _look(before) == _look(after):
        return _spelled(before), _spelled(after)
    return value_words(field.name, before), value_words(field.name, after)


def _look(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _spelled(text: str) -> str:
    return _quoted(text).encode("ascii", "backslashreplace").decode("ascii")


def secret_words(field: FieldChange) -> str:
    """Where a password comes from; its value is nowhere near."""
    assert field.secret is not None, "only a field with a reference is asked for it"
    if field.secret.kind == "generate":
        return "(generated, delivered to a file)"
    return f"(set from {field.secret})"


def reason_words(change: Change) -> str:
    """Why a change is made, where that is not its declaration or plain from its action."""
    match change.reason:
        case "removed":
            return "removed"
        case "pruned":
            return "pruned: no file declares it"
        case "rolled back":
            return "rolled back"
        case "purge pending":
            return f"purge pending: deleted from {change.purge_after} on"
        case "declared" | "renamed":
            return ""


def loss_words(change: Change) -> str:
    """What is in a mailbox that is deleted, or will be: `3.2 GiB, last sign-in 2026-11-20`; empty for others."""
    if change.kind != "mailbox" or not (change.action == "delete" or change.purge_after):
        return ""
    return _mail_words([change])


def _mail_words(mailboxes: Sequence[Change], today: date | None = None) -> str:
    """Size and last sign-in of some mailboxes: the day itself, or how long before `today` it was."""
    sizes = [c.usage_bytes for c in mailboxes if c.usage_bytes is not None]
    logins = [c.last_login for c in mailboxes if c.last_login]
    size = human_size(sum(sizes)) if sizes else "size unknown"
    if sizes and len(sizes) < len(mailboxes):
        size = f"at least {size}"
    if not logins:
        return f"{size}, no sign-in known"
    age = ago(max(logins), today) if today else ""
    return f"{size}, last used {age}" if age else f"{size}, last sign-in {max(logins)[:10]}"


def deletions(doomed: Sequence[Change], today: date | None = None) -> list[tuple[str, str]]:
    """Per kind that loses any: how many, and what mail goes with them (mailboxes only).

    Days are said as they are in a headline, as so long before `today`, where that is given.
    """
    rows: list[tuple[str, str]] = []
    for kind in KINDS:
        of_kind = [c for c in doomed if c.kind == kind.name]
        if of_kind:
            mail = _mail_words(of_kind, today) if kind.name == "mailbox" else ""
            rows.append((count_kind(len(of_kind), kind.name), mail))
    return rows


def unmanaged_words(unmanaged: Iterable[Unmanaged]) -> str:
    """`3 unmanaged: 2 mailboxes, 1 alias`; empty where there are none."""
    numbers = Counter(u.kind for u in unmanaged)
    parts = (count_kind(numbers[k.name], k.name) for k in KINDS if numbers[k.name])
    return f"{numbers.total()} unmanaged: {', '.join(parts)}" if numbers else ""


def told(plan: Plan) -> list[Diagnostic]:
    """A plan's diagnostics without the notes on days of deletion that stand at a change already."""
    shown = {c.origin for c in plan.changes if c.purge_after and c.origin}
    return [d for d in plan.diagnostics if not (d.code == "GRD009" and d.span in shown)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCounts:
    """What all plans together come to.

    Attributes:
        changed: how many domains have changes.
        refused: domains (canonical) with errors; one of them stops a whole apply.
        unread: domains that could not be read whole; each is left alone.
        doomed: the deletions.
        outward: the changes that would send mail outside.
        left_out: how many changes `--target` leaves out.
    """

    actions: Mapping[Action, int]
    domains: int
    changed: int
    unmanaged: int
    refused: tuple[str, ...]
    unread: tuple[str, ...]
    doomed: tuple[Change, ...]
    outward: tuple[Change, ...]
    left_out: int

    @property
    def changes(self) -> int:
        """How many changes there are."""
        return sum(self.actions.values())


def count_changes(plans: Iterable[Plan]) -> ChangeCounts:
    """Counts the plans."""
    listed = tuple(plans)
    changes = [c for p in listed for c in p.changes]
    actions = Counter(c.action for c in changes)
    return ChangeCounts(
        actions={a: actions[a] for a in SYMBOLS},
        domains=len(listed),
        changed=sum(bool(p.changes) for p in listed),
        unmanaged=sum(len(p.unmanaged) for p in listed),
        refused=tuple(p.domain for p in listed if p.complete and p.refused),
        unread=tuple(p.domain for p in listed if not p.complete),
        doomed=tuple(c for c in changes if c.action == "delete"),
        outward=tuple(c for c in changes if c.risk == "exfiltration"),
        left_out=sum(p.left_out for p in listed),
    )


def summary_words(total: ChangeCounts) -> str:
    """`Plan: 3 to create, ... in 2 of 4 domains; 5 unmanaged.`, or `No changes. 4 domains are as declared.`

    "No changes" is only said where every domain was read whole and none is refused.
    """
    unmanaged = f"; {total.unmanaged} unmanaged" if total.unmanaged else ""
    rest = f"; {left_out_words(total.left_out)}" if total.left_out else ""
    if total.changes:
        parts = ", ".join(f"{n} {VERBS[a]}" for a, n in total.actions.items())
        return f"Plan: {parts} in {total.changed} of {count(total.domains, 'domain')}{unmanaged}{rest}."
    if not total.domains:
        return "No changes. No domain was selected."
    if total.left_out and not (total.refused or total.unread):
        return f"No changes to the targets{unmanaged}{rest}."
    fine = total.domains - len(total.refused) - len(total.unread)
    rows = [(fine, "as declared"), (len(total.refused), "refused"), (len(total.unread), "not read whole")]
    said = [f"{count(n, 'domain')} {'is' if n == 1 else 'are'} {what}" for n, what in rows if n]
    # "No changes" is a promise about every domain: where one was not read, or is refused, it is not made.
    verdict = "Plan incomplete" if total.unread else "Plan refused" if total.refused else "No changes"
    return f"{verdict}. {', '.join(said)}{unmanaged}{rest}."


def left_out_words(number: int) -> str:
    """`2 changes left out by --target`."""
    return f"{count(number, 'change')} left out by --target"


# What was added to a list and what was taken out, in deepdiff's words. The only user of deepdiff.


def list_changes(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(added, removed) of two canonical lists that are known to differ, each sorted.

    deepdiff is imported at the first call: most plans have no such change. The lists go in as mappings of each text to
    itself, which it compares by key; its shortcuts (private names, "too different to look deeper") are turned off,
    because a name may begin with two underscores and every target counts.
    """
    from deepdiff import DeepDiff

    found = DeepDiff(
        dict(zip(before, before, strict=True)),
        dict(zip(after, after, strict=True)),
        view="tree",
        ignore_private_variables=False,
        threshold_to_diff_deeper=0,
    )
    added = (str(node.t2) for node in found.get("dictionary_item_added", ()))
    removed = (str(node.t1) for node in found.get("dictionary_item_removed", ()))
    return tuple(sorted(added)), tuple(sorted(removed))
