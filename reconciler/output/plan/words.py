"""Texts of plans that all formats share: values, reasons, risks, counts and headlines."""

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

_MONTH, _YEAR = 30, 365
"""Days. From 100 days on an age is given in months, from two years on in years."""


def ago(moment: str, today: date) -> str:
    """`2 days ago`, `today`, `5 months ago`; empty if the text does not begin with an ISO 8601 date.

    A time after `today` (a clock that is ahead) counts as today.
    """
    try:
        days = (today - date.fromisoformat(moment[:10])).days
    except ValueError:
        return ""
    # A login in the future comes from a clock that is ahead, and counts as today.
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
"""The colors of the marked risks; `none` has no mark."""
RISK_LABELS: dict[str, str] = {"mail-loss": "deletes mail", "exfiltration": "external forwarding", "access": "access"}
"""Documents keep the names of the contract; people read these labels."""

_SIZES = frozenset({"quota"})
"""Fields whose value is a number of bytes."""


def count_kind(number: int, kind: KindName) -> str:
    """`1 domain alias`, `2 domain aliases`."""
    return count(number, BY_NAME[kind].title, BY_NAME[kind].plural)


def new_address(change: Change) -> str:
    """The address after a rename."""
    return f"{change.new_name}@{change.domain}"


def value_words(name: str, value: Value | None) -> str:
    """A field's value as it appears in a file, not yet safe to print; None = not read."""
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
    # A bare number could be read as any unit.
    return f"{text} bytes" if text.isdigit() else text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def side_words(field: FieldChange) -> tuple[str, str]:
    """Both sides of an update of a single value. Texts that look alike are shown as code points."""
    before, after = field.before, field.after
    if isinstance(before, str) and isinstance(after, str) and _look(before) == _look(after):
        return _spelled(before), _spelled(after)
    return value_words(field.name, before), value_words(field.name, after)


def _look(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _spelled(text: str) -> str:
    # Code points distinguish letters that look the same, such as Latin and Cyrillic a.
    return _quoted(text).encode("ascii", "backslashreplace").decode("ascii")


def secret_words(field: FieldChange) -> str:
    """The source of a password, never its value."""
    assert field.secret is not None, "only a field with a reference has a source"
    if field.secret.kind == "generate":
        return "(generated, delivered to a file)"
    # The source is shown, because a reviewer must notice a password that comes from another place.
    return f"(set from {field.secret})"


def reason_words(change: Change) -> str:
    """The reason of a change, if it is neither its declaration nor clear from its action."""
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
    """The content of a mailbox that is or will be deleted: `3.2 GiB, last login 2026-11-20`; otherwise empty."""
    if change.kind != "mailbox" or not (change.action == "delete" or change.purge_after):
        return ""
    return _mail_words([change])


def _mail_words(mailboxes: Sequence[Change], today: date | None = None) -> str:
    """Size and last login of some mailboxes: the date, or its age on `today`."""
    # A server may report the size of some mailboxes only. The sum is then a lower bound, never the total.
    sizes = [c.usage_bytes for c in mailboxes if c.usage_bytes is not None]
    logins = [c.last_login for c in mailboxes if c.last_login]
    size = human_size(sum(sizes)) if sizes else "size unknown"
    if sizes and len(sizes) < len(mailboxes):
        size = f"at least {size}"
    if not logins:
        return f"{size}, no login known"
    # The latest login of all mailboxes counts: one active mailbox makes a deletion suspicious.
    age = ago(max(logins), today) if today else ""
    return f"{size}, last used {age}" if age else f"{size}, last login {max(logins)[:10]}"


def deletions(deleted: Sequence[Change], today: date | None = None) -> list[tuple[str, str]]:
    """Per kind with deletions: how many, and for mailboxes the mail that is deleted with them.

    With `today` the last login is given as an age, as headlines do.
    """
    rows: list[tuple[str, str]] = []
    for kind in KINDS:
        of_kind = [c for c in deleted if c.kind == kind.name]
        if of_kind:
            mail = _mail_words(of_kind, today) if kind.name == "mailbox" else ""
            rows.append((count_kind(len(of_kind), kind.name), mail))
    return rows


def unmanaged_words(unmanaged: Iterable[Unmanaged]) -> str:
    """`3 unmanaged: 2 mailboxes, 1 alias`; empty without any."""
    numbers = Counter(u.kind for u in unmanaged)
    parts = (count_kind(numbers[k.name], k.name) for k in KINDS if numbers[k.name])
    return f"{numbers.total()} unmanaged: {', '.join(parts)}" if numbers else ""


def shown_diagnostics(plan: Plan) -> list[Diagnostic]:
    """A plan's diagnostics without the notes on deletion dates: the changes show these dates."""
    # The same date would appear twice for one mailbox.
    shown = {c.origin for c in plan.changes if c.purge_after and c.origin}
    return [d for d in plan.diagnostics if not (d.code == "GRD009" and d.span in shown)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCounts:
    """The counts of all plans together.

    Attributes:
        changed: how many domains have changes.
        refused: domains (canonical) with errors; one of them stops the complete apply.
        unread: domains whose read was incomplete; each is skipped.
        deleted: the deletions.
        outward: the changes that would forward mail outside the workspace's domains.
        left_out: how many changes `--target` leaves out.
    """

    actions: Mapping[Action, int]
    domains: int
    changed: int
    unmanaged: int
    refused: tuple[str, ...]
    unread: tuple[str, ...]
    deleted: tuple[Change, ...]
    outward: tuple[Change, ...]
    left_out: int

    @property
    def changes(self) -> int:
        """The number of changes."""
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
        # An incomplete read is not a refusal: it stops only its own domain, so both are counted separately.
        refused=tuple(p.domain for p in listed if p.complete and p.refused),
        unread=tuple(p.domain for p in listed if not p.complete),
        deleted=tuple(c for c in changes if c.action == "delete"),
        outward=tuple(c for c in changes if c.risk == "exfiltration"),
        left_out=sum(p.left_out for p in listed),
    )


def summary_words(total: ChangeCounts) -> str:
    """`Plan: 3 to create, 1 to delete in 2 of 4 domains; 5 unmanaged.`, or `No changes. 4 domains are as declared.`

    "No changes" is a promise about every domain: it appears only if every read was complete and no plan is refused.
    """
    unmanaged = f"; {total.unmanaged} unmanaged" if total.unmanaged else ""
    rest = f"; {left_out_words(total.left_out)}" if total.left_out else ""
    if total.changes:
        parts = ", ".join(f"{n} {VERBS[a]}" for a, n in total.actions.items() if n)
        return f"Plan: {parts} in {total.changed} of {count(total.domains, 'domain')}{unmanaged}{rest}."
    if not total.domains:
        return "No changes. No domain was selected."
    if total.left_out and not (total.refused or total.unread):
        return f"No changes to the targets{unmanaged}{rest}."
    fine = total.domains - len(total.refused) - len(total.unread)
    rows = [(fine, "as declared"), (len(total.refused), "refused"), (len(total.unread), "not read completely")]
    states = [f"{count(n, 'domain')} {'is' if n == 1 else 'are'} {state}" for n, state in rows if n]
    verdict = "Plan incomplete" if total.unread else "Plan refused" if total.refused else "No changes"
    return f"{verdict}. {', '.join(states)}{unmanaged}{rest}."


def left_out_words(number: int) -> str:
    """`2 changes left out by --target`."""
    return f"{count(number, 'change')} left out by --target"


def list_changes(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(added, removed) of two canonical lists that are known to differ, each sorted.

    The only use of deepdiff. It is imported here because most plans have no such change.
    """
    from deepdiff import DeepDiff

    # deepdiff compares mappings by key, in linear time. Its shortcuts are off: a name may begin with two underscores,
    # and it must report every target even if the lists differ a lot.
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
