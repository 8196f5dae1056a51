"""The inverse of a run: what a domain must be for the run's changes to be undone, and what cannot be.

Pure: from what the journal tells and from what the server says now, to a desired domain that is planned like any other.
An object is touched only where it is still as the run left it; all else is said and left alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.core.diagnostics import Diagnostic, info, sort_diagnostics, warning
from reconciler.core.kinds import BY_NAME, KINDS, Kind
from reconciler.core.model import (
    Alias,
    CurrentDomain,
    DesiredDomain,
    DomainAlias,
    KindName,
    Mailbox,
    Removal,
    Renaming,
    Resource,
    Unset,
    Value,
)
from reconciler.core.plan import Change
from reconciler.core.ports import ReadScope
from reconciler.core.quantities import human_size
from reconciler.core.workspace import Policy

# The changes of a run as its journal tells them, followed object by object through the run.


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


_LEFT = "it is left alone; bring it back by hand, if that is meant"


@dataclass(frozen=True, slots=True)
class Inverse:
    """What undoes a run in one domain: resources with just those fields that go back, removals and renames."""

    desired: DesiredDomain
    diagnostics: tuple[Diagnostic, ...]


def scope_of(steps: Sequence[AppliedStep]) -> ReadScope:
    """The costly reads that undoing needs: whatever the run wrote or deleted, under the names that it left."""
    found = tracks(steps)
    costly = {k.name: {f.name for f in k.fields if f.costly} for k in KINDS}

    def names(kind: KindName) -> frozenset[str]:
        # What was created is read whole: it may be deleted, and then its state is all that could bring it back.
        listed = [t for t in found if t.kind == kind and (not t.before_exists or _named(t) & costly[kind])]
        return frozenset({t.old for t in listed} | {t.new for t in listed})

    activations = {f for t in found if t.kind == "mailbox" for f in _named(t)}
    return ReadScope(
        forwarding=names("mailbox"), alias_flags=names("alias"), eas="eas" in activations, mapi="mapi" in activations
    )


def inverse(declared: DesiredDomain, steps: Sequence[AppliedStep], current: CurrentDomain, policy: Policy) -> Inverse:
    """What undoes the steps of one run in one domain.

    Args:
        declared: the domain's file; only its name, server, product and place are used.
        steps: the run's changes in this domain, in the order in which they were made.
        current: the domain as it is now, read with `scope_of(steps)`.
        policy: what it ignores is left alone.
    """
    draft = _Draft(declared, current, policy)
    for track in sorted(tracks(steps), key=_turn):
        draft.take(track)
    return draft.inverse()


@dataclass(slots=True)
class _Draft:
    """Collects what is to be; lives for one call of `inverse`."""

    declared: DesiredDomain
    current: CurrentDomain
    policy: Policy
    wanted: dict[KindName, dict[str, Resource]] = field(default_factory=dict)
    removed: list[Removal] = field(default_factory=list)
    renamed: list[Renaming] = field(default_factory=list)
    said: list[Diagnostic] = field(default_factory=list)

    def inverse(self) -> Inverse:
        """What has been collected."""
        mailboxes = {n: m for n, m in self.wanted.get("mailbox", {}).items() if isinstance(m, Mailbox)}
        aliases = {n: a for n, a in self.wanted.get("alias", {}).items() if isinstance(a, Alias)}
        others = {n: d for n, d in self.wanted.get("domainAlias", {}).items() if isinstance(d, DomainAlias)}
        desired = DesiredDomain(
            domain=self.declared.domain,
            server=self.declared.server,
            product=self.declared.product,
            removed=tuple(self.removed),
            renamed=tuple(self.renamed),
            origin=self.declared.origin,
        )
        sections = {"mailboxes": mailboxes, "aliases": aliases, "domain_aliases": others}
        desired = replace(desired, **{k: v for k, v in sections.items() if v})  # type: ignore[arg-type]  # by kind
        return Inverse(desired, sort_diagnostics(self.said))

    def take(self, track: Track) -> None:
        """One object: what became of it in the run, and what undoes that."""
        if not track.before_exists and not track.after_exists:
            return
        if self.policy.ignores(track.kind, track.old) or self.policy.ignores(track.kind, track.new):
            self._left(track, "the workspace's policy ignores it now")
        elif track.remade_by:
            self._left(track, f"run {track.remade_by} made, deleted or renamed it since", "roll that run back first")
        elif not track.certain and track.touched_by:
            why = f"whether the run changed it is not known, and run {track.touched_by} changed it since"
            self._left(track, why, "roll that run back first")
        elif not track.before_exists:
            self._made(track)
        elif not track.after_exists:
            self._gone(track)
        else:
            self._changed(track)

    def _made(self, track: Track) -> None:
        """It was created: it goes, if it is the one that was created."""
        there = self._there(track.kind, track.new)
        if there is None:
            self._as_before(track)
        elif not track.certain:
            why = f"{self._name(track)} is there, but the journal does not tell whether the run made it"
            self._say("RBK003", why, _LEFT)
        elif track.touched_by:
            self._left(track, f"run {track.touched_by} changed it since", "roll that run back first")
        elif why := self._moved(track, there, track.after):
            self._left(track, why)
        else:
            self.removed.append(Removal(kind=track.kind, name=track.new, origin=self.declared.origin))

    def _gone(self, track: Track) -> None:
        """It was deleted: it comes back as it was, as far as that was written down."""
        kind = BY_NAME[track.kind]
        if self._is_taken(track.old, kind):
            self._left(track, "something of that name is there again")
            return
        if kind.fields and not track.before_known:
            text = f"{self._name(track)} was deleted, and the journal does not hold what it was"
            self._say("RBK001", text, "make it again in the files")
            return
        if not track.certain:
            self._say("RBK003", f"{self._name(track)} is not there; that the run deleted it is likely, not certain", "")
        if track.kind == "mailbox":
            size = f" ({human_size(track.usage_bytes)})" if track.usage_bytes else ""
            text = f"{self._name(track)} was deleted: its mail{size} and its password do not come back"
            self._say("RBK001", text, "an empty mailbox with the settings of then and a new password is made")
        unread = [f.name for f in kind.fields if f.name not in track.before]
        if unread:
            text = (
                f"{self._name(track)} had {', '.join(unread)} that nobody had read: the server's own values are taken"
            )
            self._say("RBK001", text, "see whether they are right")
        self._want(track, track.before)

    def _changed(self, track: Track) -> None:
        """It was updated, renamed or both: fields and name go back."""
        kind = BY_NAME[track.kind]
        there = self._there(track.kind, track.new)
        is_renamed = track.old != track.new
        if there is None and is_renamed and self._there(track.kind, track.old) is not None:
            is_renamed, there = False, self._there(track.kind, track.old)
        if there is None:
            self._left(track, "it is not there any more")
            return
        if is_renamed and self._is_taken(track.old, kind):
            self._left(track, f"the name {track.old} is in use again")
            return
        known = {name: v for name, v in track.before.items() if name in track.after}
        if why := self._moved(track, there, known):
            self._left(track, why)
            return
        if track.password:
            text = f"{self._name(track)} got another password, and the one before is not known to anybody here"
            self._say("RBK001", text, "set a new one: raise its `version` in the file, or --set-password")
        if unknown := [n for n in track.after if n not in known]:
            text = f"{self._name(track)}: the journal does not hold what {', '.join(unknown)} was before"
            self._say("RBK001", text, _LEFT)
        back = {n: v for n, v in known.items() if _value(track.kind, there, n) != v}
        if is_renamed:
            self.renamed.append(Renaming(kind=track.kind, old=track.new, new=track.old, origin=self.declared.origin))
        if back or is_renamed:
            self._want(track, back)
        elif track.after or track.old != track.new:
            self._as_before(track)

    def _want(self, track: Track, fields: dict[str, Value]) -> None:
        kind = BY_NAME[track.kind]
        attributes = {kind.field(name).attribute: v for name, v in fields.items()}
        made = _CLASSES[track.kind](name=track.old, origin=self.declared.origin)
        self.wanted.setdefault(track.kind, {})[track.old] = replace(made, **attributes)  # type: ignore[arg-type]

    def _there(self, kind: KindName, name: str) -> Resource | None:
        return self.current.section(kind).get(name)

    def _moved(self, track: Track, there: Resource, or_else: dict[str, Value]) -> str:
        """Which fields have neither the value that the run left nor the other one; empty if none."""
        values = {name: _value(track.kind, there, name) for name in track.after}
        unread = [n for n, v in values.items() if isinstance(v, Unset)]
        if unread:
            return f"the server does not tell {', '.join(unread)}, so whether it is as the run left it is not known"
        moved = [n for n, v in values.items() if v not in (track.after[n], or_else.get(n, track.after[n]))]
        return f"not as the run left it any more: {', '.join(moved)}" if moved else ""

    def _is_taken(self, name: str, kind: Kind) -> bool:
        """Whether a name is in use by something that this inverse does not take away."""
        freed = {(r.kind, r.name) for r in self.removed} | {(r.kind, r.old) for r in self.renamed}
        return any(name in self.current.section(k) and (k, name) not in freed for k in _sharing(kind.name))

    def _name(self, track: Track) -> str:
        name = track.old if track.kind == "domainAlias" else f"{track.old}@{self.declared.domain}"
        now = f", now {track.new}," if track.new != track.old else ""
        return f"{BY_NAME[track.kind].title} {name}{now}"

    def _as_before(self, track: Track) -> None:
        text = f"{self._name(track)} is as it was before the run already"
        self.said.append(info("RBK002", text, self.declared.origin))

    def _left(self, track: Track, why: str, hint: str = _LEFT) -> None:
        self._say("RBK002", f"{self._name(track)} is left alone: {why}", "" if hint == _LEFT else hint)

    def _say(self, code: str, text: str, hint: str) -> None:
        self.said.append(warning(code, text, self.declared.origin, hint=hint))


_CLASSES: dict[KindName, type[Mailbox] | type[Alias] | type[DomainAlias]] = {
    "mailbox": Mailbox,
    "alias": Alias,
    "domainAlias": DomainAlias,
}


def _sharing(kind: KindName) -> Iterator[KindName]:
    """The kinds that share their names with one: mailboxes and aliases do."""
    yield kind
    if kind != "domainAlias":
        yield "alias" if kind == "mailbox" else "mailbox"


def _turn(track: Track) -> int:
    """Names are freed before they are taken: what was created first, what was deleted last."""
    return 0 if not track.before_exists else 1 if track.after_exists else 2


def _named(track: Track) -> set[str]:
    """The fields that matter for undoing."""
    return {*track.before, *track.after}


def _value(kind: KindName, there: Resource, name: str) -> Value | Unset:
    value: Value | Unset = getattr(there, BY_NAME[kind].field(name).attribute)
    return value
