"""Whose a change is, and where a difference came from, in the words of every format."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.core.kinds import BY_NAME
from reconciler.core.plan import Attribution, Change, Direction, FieldChange, Plan

ATTRIBUTION_NAMES: dict[Attribution, str] = {"change set": "change-set", "pending": "pending", "both": "both"}
"""As in documents."""
DIRECTIONS: dict[Direction, str] = {
    "server": "changed on the server",
    "git": "changed in git",
    "both": "changed on both",
}
CHANGE_SET = "From this change set"
PENDING = "Already pending (drift, or an unapplied merge)"
HIDDEN = "Masked: hidden by this change set"

_OF_CHANGE: dict[Attribution | None, str] = {"pending": "already pending", "both": "in part already pending"}
_OF_FIELD: dict[Attribution | None, str] = {
    "pending": "already pending",
    "both": "already pending, with another value",
    "change set": "from this change set",
}


def change_marks(change: Change) -> list[str]:
    """What is known of a change's origin: `changed on the server`, `already pending`."""
    direction = DIRECTIONS[change.direction] if change.direction else ""
    return [mark for mark in (direction, _OF_CHANGE.get(change.attribution, "")) if mark]


def field_marks(change: Change, field: FieldChange) -> list[str]:
    """The same of one field, where it differs from what is said of the whole change."""
    marks = []
    if field.direction and field.direction != change.direction:
        marks.append(DIRECTIONS[field.direction])
    if field.attribution == "both" or (field.attribution and field.attribution != change.attribution):
        marks.append(_OF_FIELD[field.attribution])
    return marks


@dataclass(frozen=True, slots=True)
class Attributions:
    """What a base commit tells of all plans together.

    Attributes:
        known: False where there was no base to compare with.
        counts: changes by share.
        hidden: changes that the change set hides.
        on_server: the changes whose difference was made on the server, at least in part.
    """

    known: bool
    counts: Counter[Attribution | None]
    hidden: int
    on_server: tuple[Change, ...]


def attributions(plans: Iterable[Plan]) -> Attributions:
    """Counts the plans."""
    listed = tuple(plans)
    changes = [c for p in listed for c in p.changes]
    counts = Counter(c.attribution for c in changes)
    hidden = sum(len(p.hidden) for p in listed)
    return Attributions(
        known=bool(hidden) or any(attribution is not None for attribution in counts),
        counts=counts,
        hidden=hidden,
        on_server=tuple(c for c in changes if c.direction in ("server", "both")),
    )


def attribution_words(found: Attributions) -> str:
    """`From this change set: 3; already pending: 2; masked: 1.`; empty without a base."""
    if not found.known:
        return ""
    rows = (
        ("From this change set", found.counts["change set"]),
        ("in part already pending", found.counts["both"]),
        ("already pending", found.counts["pending"]),
        ("masked", found.hidden),
        ("not known whose", found.counts[None]),
    )
    return "; ".join(f"{what}: {number}" for n, (what, number) in enumerate(rows) if number or not n) + "."


def server_words(change: Change) -> str:
    """What somebody did on the server: `mailbox alice@example.com (quota, enabled)`; not yet safe to print."""
    what = {"create": "gone", "delete": "there", "rename": "under its old name"}.get(change.action)
    if what is None:
        moved = [f.name for f in change.fields if (f.direction or change.direction) in ("server", "both")]
        what = ", ".join(moved or (f.name for f in change.fields))
    return f"{BY_NAME[change.kind].title} {change.address} ({what})"
