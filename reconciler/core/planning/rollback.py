"""The rollback of a run: from its journalled changes and the current state to a desired domain. Pure.

The result is planned, guarded and applied like any other desired domain. First the changes of the run are followed
object by object (`tracks`). Then each object gets back its state from before the run (`inverse`), but only if it is
still as the run left it. All other objects are reported and stay unchanged.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedStep:
    """One change that a run made, or may have made.

    Attributes:
        change: the planned change without the password; `current` is the object before it, as far as it was journalled.
        certain: the journal shows that the change was made; otherwise it failed, or its outcome was never written.
        password: it set a password.
        touched_by: the last later run that changed the object; empty without one.
        remade_by: the last later run that created, deleted or renamed the object or its name; empty without one.
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
        old, new: its name before and after; they differ only after a rename.
        before_exists, after_exists: False before a creation and after a deletion.
        before_known: False if the object was deleted and the journal lacks its state.
        before, after: values by field name, as far as the run changed them; of a deleted object all that were read.
        certain: False if one of its steps may not have been made.
        usage_bytes: the size of a deleted mailbox's mail; None = unknown.
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
    """The objects of a run's steps (in order), each once. An object keeps its identity when it is renamed."""
    found: dict[tuple[KindName, str], Track] = {}
    for step in steps:
        change = step.change
        # Removed and inserted again under its new name, so that later steps of the run find it.
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
    """The track after one more step. The first known value before the run wins, and the last one after it."""
    change = step.change
    track = replace(
        track,
        certain=track.certain and step.certain,
        password=track.password or step.password,
        touched_by=step.touched_by or track.touched_by,
        remade_by=step.remade_by or track.remade_by,
    )
    # The dictionaries are merged in this order, because the state before the run is that of the first step.
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
                # Without the old state, a rollback would create the object with the server's defaults and call that
                # restored.
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
    """The fields of the object before the change, as far as they were read; None if the journal lacks them."""
    there = change.current
    if there is None:
        return None
    read = {f.name: getattr(there, f.attribute) for f in BY_NAME[change.kind].fields}
    return {name: value for name, value in read.items() if not isinstance(value, Unset)}


_LEFT = "it stays unchanged; restore it manually if necessary"


@dataclass(frozen=True, slots=True)
class Inverse:
    """The desired domain that undoes a run: resources with only the fields to restore, removals and renames."""

    desired: DesiredDomain
    diagnostics: tuple[Diagnostic, ...]


def scope_of(steps: Sequence[AppliedStep]) -> ReadScope:
    """The costly reads that a rollback needs: all that the run wrote or deleted, under both names of each object."""
    found = tracks(steps)
    costly = {k.name: {f.name for f in k.fields if f.costly} for k in KINDS}

    def names(kind: KindName) -> frozenset[str]:
        # A created object is read completely: the rollback may delete it, and only its journalled state restores it.
        listed = [t for t in found if t.kind == kind and (not t.before_exists or _named(t) & costly[kind])]
        return frozenset({t.old for t in listed} | {t.new for t in listed})

    activations = {f for t in found if t.kind == "mailbox" for f in _named(t)}
    return ReadScope(
        forwarding=names("mailbox"), alias_flags=names("alias"), eas="eas" in activations, mapi="mapi" in activations
    )


def inverse(declared: DesiredDomain, steps: Sequence[AppliedStep], current: CurrentDomain, policy: Policy) -> Inverse:
    """The desired domain that undoes the steps of one run.

    Args:
        declared: the domain's file; only its name, server, product and location are used.
        steps: the run's changes in this domain, in order.
        current: the domain now, read with `scope_of(steps)`.
        policy: resources that it ignores stay unchanged.
    """
    draft = _Draft(declared, current, policy)
    # `_is_taken` sees the names that earlier reversals free.
    for track in sorted(tracks(steps), key=_turn):
        draft.take(track)
    return draft.inverse()


@dataclass(slots=True)
class _Draft:
    """Collects the desired domain during one call of `inverse`."""

    declared: DesiredDomain
    current: CurrentDomain
    policy: Policy
    wanted: dict[KindName, dict[str, Resource]] = field(default_factory=dict)
    removed: list[Removal] = field(default_factory=list)
    renamed: list[Renaming] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def inverse(self) -> Inverse:
        """The collected desired domain and diagnostics."""
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
        # An empty section would be managed and could be pruned; a missing one is not touched.
        sections = {"mailboxes": mailboxes, "aliases": aliases, "domain_aliases": others}
        desired = replace(desired, **{k: v for k, v in sections.items() if v})  # type: ignore[arg-type]  # by kind
        return Inverse(desired, sort_diagnostics(self.diagnostics))

    def take(self, track: Track) -> None:
        """Adds the reversal of one object, or a diagnostic if there is none."""
        if not track.before_exists and not track.after_exists:
            return  # The run created and deleted it: nothing is left to undo.
        if self.policy.ignores(track.kind, track.old) or self.policy.ignores(track.kind, track.new):
            self._left(track, "the workspace's policy ignores it now")
        # The name may belong to another object now. To restore fields on it would change an object that this run never
        # had.
        elif track.remade_by:
            self._left(track, f"run {track.remade_by} created, deleted or renamed it since", "roll that run back first")
        # It is unknown what this run left and therefore what the later run found.
        elif not track.certain and track.touched_by:
            why = f"it is unknown whether the run changed it, and run {track.touched_by} changed it since"
            self._left(track, why, "roll that run back first")
        elif not track.before_exists:
            self._undo_creation(track)
        elif not track.after_exists:
            self._undo_deletion(track)
        else:
            self._undo_changes(track)

    def _undo_creation(self, track: Track) -> None:
        """Removes a created object, if it is still the one that the run created."""
        there = self._there(track.kind, track.new)
        if there is None:
            self._as_before(track)
        # A deletion needs certainty: the object may belong to somebody who created it after the run failed.
        elif not track.certain:
            why = f"{self._name(track)} exists, but the journal does not show whether the run created it"
            self._warn("RBK003", why, _LEFT)
        elif track.touched_by:
            self._left(track, f"run {track.touched_by} changed it since", "roll that run back first")
        elif why := self._stale(track, there, track.after):
            self._left(track, why)
        else:
            self.removed.append(Removal(kind=track.kind, name=track.new, origin=self.declared.origin))

    def _undo_deletion(self, track: Track) -> None:
        """Creates a deleted object again with the state that the journal has."""
        kind = BY_NAME[track.kind]
        if self._is_taken(track.old, kind):
            self._left(track, "another object has the name now")
            return
        if kind.fields and not track.before_known:
            text = f"{self._name(track)} was deleted, and the journal does not contain its state"
            self._warn("RBK001", text, "declare it again in the files")
            return
        if not track.certain:
            self._warn("RBK003", f"{self._name(track)} does not exist; the run probably deleted it", "")
        if track.kind == "mailbox":
            size = f" ({human_size(track.usage_bytes)})" if track.usage_bytes else ""
            text = f"{self._name(track)} was deleted: its mail{size} and its password cannot be restored"
            self._warn("RBK001", text, "the rollback creates an empty mailbox with the old settings and a new password")
        unread = [f.name for f in kind.fields if f.name not in track.before]
        if unread:
            text = (
                f"{self._name(track)}: the journal does not contain {', '.join(unread)}; the server's defaults are used"
            )
            self._warn("RBK001", text, "check the values after the rollback")
        self._want(track, track.before)

    def _undo_changes(self, track: Track) -> None:
        """Restores the fields and the name of an object that was updated, renamed or both."""
        kind = BY_NAME[track.kind]
        there = self._there(track.kind, track.new)
        is_renamed = track.old != track.new
        if there is None and is_renamed and self._there(track.kind, track.old) is not None:
            # The rename failed, or somebody reversed it already; the fields may still need the rollback.
            is_renamed, there = False, self._there(track.kind, track.old)
        if there is None:
            self._left(track, "it does not exist any more")
            return
        if is_renamed and self._is_taken(track.old, kind):
            self._left(track, f"the name {track.old} is in use again")
            return
        known = {name: v for name, v in track.before.items() if name in track.after}
        if why := self._stale(track, there, known):
            self._left(track, why)
            return
        if track.password:
            text = f"{self._name(track)} has a new password, and the old one is unknown"
            self._warn("RBK001", text, "to set another one, raise its `version` in the file or pass --set-password")
        # Other fields can still be restored, so this is a warning and not the end.
        if unknown := [n for n in track.after if n not in known]:
            text = f"{self._name(track)}: the journal does not contain the old value of {', '.join(unknown)}"
            self._warn("RBK001", text, _LEFT)
        # Fields that already have their old value are left out; the plan of the rollback shows only real changes.
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

    def _stale(self, track: Track, there: Resource, restored: dict[str, Value]) -> str:
        """Why an object is not as the run left it: fields with neither that value nor the restored one; else empty."""
        values = {name: _value(track.kind, there, name) for name in track.after}
        unread = [n for n, v in values.items() if isinstance(v, Unset)]
        # An unread field may have changed since the run, and a rollback must not overwrite a later change.
        if unread:
            return f"the server did not return {', '.join(unread)}, so the object may have changed since the run"
        stale = [n for n, v in values.items() if v not in (track.after[n], restored.get(n, track.after[n]))]
        return f"changed since the run: {', '.join(stale)}" if stale else ""

    def _is_taken(self, name: str, kind: Kind) -> bool:
        """Whether an object has the name that this rollback neither removes nor renames."""
        # Mailboxes and aliases share their names, so a restored alias may conflict with a new mailbox.
        freed = {(r.kind, r.name) for r in self.removed} | {(r.kind, r.old) for r in self.renamed}
        return any(name in self.current.section(k) and (k, name) not in freed for k in _sharing(kind.name))

    def _name(self, track: Track) -> str:
        name = track.old if track.kind == "domainAlias" else f"{track.old}@{self.declared.domain}"
        now = f", now {track.new}," if track.new != track.old else ""
        return f"{BY_NAME[track.kind].title} {name}{now}"

    def _as_before(self, track: Track) -> None:
        text = f"{self._name(track)} already has its state from before the run"
        self.diagnostics.append(info("RBK002", text, self.declared.origin))

    def _left(self, track: Track, why: str, hint: str = _LEFT) -> None:
        self._warn("RBK002", f"{self._name(track)} stays unchanged: {why}", "" if hint == _LEFT else hint)

    def _warn(self, code: str, text: str, hint: str) -> None:
        self.diagnostics.append(warning(code, text, self.declared.origin, hint=hint))


_CLASSES: dict[KindName, type[Mailbox] | type[Alias] | type[DomainAlias]] = {
    "mailbox": Mailbox,
    "alias": Alias,
    "domainAlias": DomainAlias,
}


def _sharing(kind: KindName) -> Iterator[KindName]:
    """The kinds that share one set of names with a kind: mailboxes and aliases do."""
    yield kind
    if kind != "domainAlias":
        yield "alias" if kind == "mailbox" else "mailbox"


def _turn(track: Track) -> int:
    """The order in which names become free before they are used again: undo creations first, deletions last."""
    return 0 if not track.before_exists else 1 if track.after_exists else 2


def _named(track: Track) -> set[str]:
    """The fields that the rollback of an object may touch."""
    return {*track.before, *track.after}


def _value(kind: KindName, there: Resource, name: str) -> Value | Unset:
    value: Value | Unset = getattr(there, BY_NAME[kind].field(name).attribute)
    return value
