"""Attribution and direction of changes, in the words of every format."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.core.kinds import BY_NAME
from reconciler.core.plan import Attribution, Change, Direction, FieldChange, Plan

ATTRIBUTION_NAMES: dict[Attribution, str] = {"change set": "change-set", "pending": "pending", "both": "both"}
"""The names in documents, which are a contract."""
DIRECTIONS: dict[Direction, str] = {
    "server": "changed on the server",
    "git": "changed in git",
    "both": "changed on both",
}
CHANGE_SET = "Introduced by this change"
PENDING = "Already pending (drift, or an unapplied merge)"
HIDDEN = "Hidden by this change"

_OF_CHANGE: dict[Attribution | None, str] = {"pending": "already pending", "both": "partly already pending"}
_OF_FIELD: dict[Attribution | None, str] = {
    "pending": "already pending",
    "both": "already pending with another value",
    "change set": "introduced by this change",
}


def change_marks(change: Change) -> list[str]:
    """The marks of a change: `changed on the server`, `already pending`."""
    direction = DIRECTIONS[change.direction] if change.direction else ""
    return [mark for mark in (direction, _OF_CHANGE.get(change.attribution, "")) if mark]


def field_marks(change: Change, field: FieldChange) -> list[str]:
    """The marks of one field that differ from the marks of its change."""
    marks = []
    # A mark that repeats the mark of its change would only add noise.
    if field.direction and field.direction != change.direction:
        marks.append(DIRECTIONS[field.direction])
    if field.attribution == "both" or (field.attribution and field.attribution != change.attribution):
        marks.append(_OF_FIELD[field.attribution])
    return marks


@dataclass(frozen=True, slots=True)
class Attributions:
    """The attributions of all plans together.

    Attributes:
        known: False without a base commit to compare with.
        counts: changes by attribution.
        hidden: changes that the change set hides.
        on_server: the changes whose difference was made, at least partly, on the server.
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
    """`3 introduced by this change, 2 already pending, 1 hidden by this change.`; empty without a base."""
    if not found.known:
        return ""
    rows = (
        ("introduced by this change", found.counts["change set"]),
        ("partly already pending", found.counts["both"]),
        ("already pending", found.counts["pending"]),
        ("hidden by this change", found.hidden),
        ("without attribution", found.counts[None]),
    )
    return ", ".join(f"{number} {words}" for words, number in rows if number) + "."


def server_words(change: Change) -> str:
    """A change made on the server: `mailbox alice@example.com (quota, enabled)`; not yet safe to print."""
    # The plan describes what `apply` would do. The cause on the server is the opposite: a creation means a deletion
    # there.
    done = {"create": "deleted", "delete": "created", "rename": "renamed back"}.get(change.action)
    if done is None:
        changed = [f.name for f in change.fields if (f.direction or change.direction) in ("server", "both")]
        done = ", ".join(changed or (f.name for f in change.fields))
    return f"{BY_NAME[change.kind].title} {change.address} ({done})"
