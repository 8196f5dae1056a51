"""The changes of a run as its journal tells them, followed object by object through the run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.core.kinds import BY_NAME
from reconciler.core.model import KindName, Unset, Value
from reconciler.core.plan import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedStep:
    """One change that a run made, or may have made.

    Attributes:
        change: as it was planned; `current` is the object before it, as far as it was written down. Fields without
            the password.
        certain: the journal tells that it was made; else it failed, or its outcome was never written.
        password: it set a password.
        touched_by: a later run that changed the object; empty if none did.
        remade_by: a later run that created, deleted or renamed it, or something of its name; empty if none did.
    """

    change: Change
    certain: bool = True
    password: bool = False
    touched_by: str = ""
    remade_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """One object, from before the run to after it.

    Attributes:
        old, new: its name before and after; the same unless it was renamed.
        before_exists, after_exists: False on one side for what was created or deleted.
        before_known: of what was deleted, whether the journal holds what it was.
        before, after: values by field name, as far as the run changed them; of what was deleted, all that were read.
        certain: False if a step of it is not known to have been made.
        usage_bytes: the size of a deleted mailbox's mail; None where unknown.
    """

    kind: KindName
    old: str
    new: str
    before_exists: bool
    after_exists: bool
    before_known: bool = True
    before: dict[str, Value] = field(default_factory=dict)
    after: dict[str, Value] = field(default_factory=dict)
    certain: bool = True
    password: bool = False
    usage_bytes: int | None = None
    touched_by: str = ""
    remade_by: str = ""


def tracks(steps: Iterable[AppliedStep]) -> tuple[Track, ...]:
    """The objects that the steps of a run (in order) are about, each once, by their names after the run."""
    found: dict[tuple[KindName, str], Track] = {}
    for step in steps:
        change = step.change
        track = found.pop((change.kind, change.name), None) or Track(
            kind=change.kind,
            old=change.name,
            new=change.name,
            before_exists=change.action != "create",
            after_exists=change.action != "create",
        )
        track = _stepped(track, step)
        found[change.kind, track.new] = track
    return tuple(found.values())


def _stepped(track: Track, step: AppliedStep) -> Track:
    """An object after one more step."""
    change = step.change
    track = replace(
        track,
        certain=track.certain and step.certain,
        password=track.password or step.password,
        touched_by=step.touched_by or track.touched_by,
        remade_by=step.remade_by or track.remade_by,
    )
    befores = {f.name: f.before for f in change.fields if f.before is not None}
    afters = {f.name: f.after for f in change.fields if f.after is not None}
    match change.action:
        case "create":
            return replace(track, after_exists=True, after=afters)
        case "delete":
            state = _state(change)
            return replace(
                track,
                after_exists=False,
                before_known=track.before_known and (state is not None or not BY_NAME[track.kind].fields),
                before={**(state or {}), **track.before},
                after={},
                usage_bytes=change.usage_bytes,
            )
        case "rename":
            new = change.new_name or change.name
            return replace(track, new=new, before={**befores, **track.before}, after={**track.after, **afters})
        case "update":
            return replace(track, before={**befores, **track.before}, after={**track.after, **afters})


def _state(change: Change) -> Mapping[str, Value] | None:
    """The fields of the object before, as far as they were read; None where nothing was written down."""
    there = change.current
    if there is None:
        return None
    read = {f.name: getattr(there, f.attribute) for f in BY_NAME[change.kind].fields}
    return {name: value for name, value in read.items() if not isinstance(value, Unset)}
