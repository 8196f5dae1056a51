"""Rechecks a saved plan against the server: which changes are already in place, and which are stale. Pure.

A saved plan stores a precondition for each change: salted digests of the fields that the live object had when the
change was planned. A change is stale if a field has neither that value nor the planned one. The digests are salted
because plans are kept as CI artifacts: a reader of the file must not be able to guess forward targets or names.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from shlex import quote
from types import MappingProxyType

from reconciler.core.kinds import BY_NAME, Kind
from reconciler.core.model import CurrentDomain, KindName, Mailbox, Resource, Unset, Value
from reconciler.core.ownership import administers
from reconciler.core.plan import ACTIVATIONS, Change, Outcome, Plan, Result, canonical_json

ADMINISTRATOR = "administrator"
"""In addition to the managed fields of a mailbox: whether it administers its domain."""
GONE, APPEARED = "the object was deleted", "the object was created"
DIGEST_BYTES = 16
"""Digests are truncated to 128 bits: enough against collisions, at half the size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precondition:
    """The condition under which a change may still be applied.

    Attributes:
        fields: name -> salted digest of each field of the live object that was read, by the names of
            `reconciler.core.kinds` and `administrator`; None if the object must not exist.
    """

    fields: Mapping[str, str] | None = None


def salted(salt: bytes, *what: object) -> str:
    """A digest of plain values (HMAC-SHA256, 32 hexadecimal digits). Without the salt nobody can test guesses."""
    message = canonical_json(what).encode("utf-8", "surrogatepass")
    return hmac.digest(salt, message, "sha256")[:DIGEST_BYTES].hex()


def precondition(change: Change, salt: bytes) -> Precondition:
    """The precondition of a planned change: the fields of its live object, or its absence for a creation."""
    if change.action == "create":
        return Precondition()
    assert change.current is not None, f"{change.key} was planned against nothing"
    read = _read(BY_NAME[change.kind], change.current)
    return Precondition(fields={name: _digest(salt, change, name, value) for name, value in read.items()})


def stale_fields(expected: Precondition, change: Change, salt: bytes, current: Resource | None) -> tuple[str, ...]:
    """The fields of the live object that changed since the plan; empty if the change may be applied.

    A field that already has the planned value is not stale: the rest of the change is still what was reviewed. A field
    that was read then and cannot be read now is stale.

    Args:
        current: the live object now (of a rename, under its old name); None if it does not exist.

    Returns:
        Names of fields, or one of GONE and APPEARED.
    """
    # A creation with an existing object would overwrite the fields that somebody else set.
    if expected.fields is None:
        return () if current is None else (APPEARED,)
    if current is None:
        return (GONE,)
    read = _read(BY_NAME[change.kind], current)
    wanted = {f.name: f.after for f in change.fields if f.after is not None}
    return tuple(
        name
        for name, digest in expected.fields.items()
        if name not in read
        or not (_digest(salt, change, name, read[name]) == digest or (name in wanted and read[name] == wanted[name]))
    )


def is_in_place(change: Change, current: Resource | None, renamed: Resource | None = None) -> bool:
    """Whether a change is already in place, apart from its password, which servers do not return.

    Args:
        current: the live object under the change's name.
        renamed: for a rename, the live object under its new name.
    """
    match change.action:
        case "delete":
            return current is None
        case "rename":
            # Both names are checked: if the old one still exists, somebody created the new one separately.
            return current is None and renamed is not None
        case "create" | "update":
            return current is not None and not changed_fields(change, current)


def changed_fields(change: Change, current: Resource) -> tuple[str, ...]:
    """The fields of a change that do not have their planned value; a field that was not read counts as different."""
    kind = BY_NAME[change.kind]
    wanted = {f.name: f.after for f in change.fields if f.after is not None}
    return tuple(name for name, value in wanted.items() if getattr(current, kind.field(name).attribute) != value)


def _read(kind: Kind, current: Resource) -> dict[str, Value]:
    """The fields that were read, by name."""
    there: dict[str, Value | Unset] = {spec.name: getattr(current, spec.attribute) for spec in kind.fields}
    # A mailbox that became an administrator since the review must not be deleted, so this is part of the condition.
    if isinstance(current, Mailbox):
        there[ADMINISTRATOR] = administers(current)
    return {name: value for name, value in there.items() if not isinstance(value, Unset)}


def _digest(salt: bytes, change: Change, name: str, value: Value) -> str:
    """The digest of one field. It includes the address, so that equal values of two objects have different digests."""
    return salted(salt, change.key, name, list(value) if isinstance(value, tuple) else value)


_OTHER: Mapping[KindName, KindName] = {"mailbox": "alias", "alias": "mailbox"}
"""A name of a domain belongs to one mailbox or one alias."""
_AGAIN = "plan again, and have the new plan reviewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHistory:
    """Facts about one server that it does not return itself.

    Attributes:
        versions: address -> the highest version of its password that is known to have been set.
        asked: addresses whose password is set regardless of its version.
        begun: (kind, address) of creations that an earlier run began and is not known to have finished.
    """

    versions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    asked: frozenset[str] = frozenset()
    begun: frozenset[tuple[str, str]] = frozenset()


def recheck(
    plan: Plan, expected: Mapping[str, Precondition], salt: bytes, current: CurrentDomain, known: ServerHistory
) -> dict[str, Outcome]:
    """The outcomes of the changes that must not be applied, by key: already in place, or refused. All others may be.

    Args:
        plan: as it was saved, with its changes in order.
        expected: the precondition of each change, by key.
        current: the domain now, with at least the fields of the preconditions and changes.
    """
    return _Judge(plan, expected, salt, current, known).outcomes()


def refreshed(plan: Plan, current: CurrentDomain, known: ServerHistory) -> Plan:
    """The plan with the current live objects in its changes.

    An earlier run may have created a mailbox and then stopped before the activations (EAS, MAPI), which come last. If
    only these differ, the creation becomes an update of them. The password was set with the creation.
    """
    # The journal records the live object before each write, so it must be the current one and not that of the plan.
    old_names = _renamed_from(plan)
    changes = (_with_live(c, _live(c, current, old_names)) for c in plan.changes)
    return replace(plan, changes=tuple(_activations_only(c, current) if _is_begun(c, known) else c for c in changes))


def done(change: Change, current: CurrentDomain) -> bool:
    """Whether a change is already in place in a domain, apart from its password."""
    section = current.section(change.kind)
    return is_in_place(change, section.get(change.name), section.get(change.new_name or change.name))


def _with_live(change: Change, resource: Resource | None) -> Change:
    if resource is None or change.action == "create":
        return change
    if not isinstance(resource, Mailbox):
        return replace(change, current=resource)
    facts = resource.facts
    return replace(change, current=resource, usage_bytes=facts.usage_bytes, last_login=facts.last_login)


def _is_begun(change: Change, known: ServerHistory) -> bool:
    return change.action == "create" and (change.kind, change.address) in known.begun


def _activations_only(change: Change, current: CurrentDomain) -> Change:
    """The remaining activations of a creation; the unchanged creation if its object differs in more than these."""
    there = current.section(change.kind).get(change.name)
    left = () if there is None else changed_fields(change, there)
    # Another difference means that somebody changed the object. The unchanged creation is then refused as stale.
    if there is None or not left or set(left) - ACTIVATIONS:
        return change
    kind = BY_NAME[change.kind]
    before = {name: getattr(there, kind.field(name).attribute) for name in left}
    fields = tuple(replace(f, before=_known(before[f.name])) for f in change.fields if f.name in before)
    return _with_live(replace(change, action="update", fields=fields), there)


def _known(value: Value | Unset) -> Value | None:
    return None if isinstance(value, Unset) else value


OldNames = Mapping[tuple[KindName, str], str]


def _live(change: Change, current: CurrentDomain, old_names: OldNames) -> Resource | None:
    """The object of a change. Until the plan's rename of it is applied, it still has its old name."""
    section = current.section(change.kind)
    old = old_names.get((change.kind, change.name)) if change.action == "update" else None
    name = old if old is not None and old in section and change.name not in section else change.name
    return section.get(name)


def _renamed_from(plan: Plan) -> OldNames:
    """(kind, new name) -> old name."""
    return {(c.kind, c.new_name or c.name): c.name for c in plan.changes if c.action == "rename"}


class _Judge:
    """Judges the changes of one plan in order, during one call of `recheck`."""

    def __init__(
        self,
        plan: Plan,
        expected: Mapping[str, Precondition],
        salt: bytes,
        current: CurrentDomain,
        known: ServerHistory,
    ) -> None:
        self.plan, self.expected, self.salt, self.current, self.known = plan, expected, salt, current, known
        self.old_names = _renamed_from(plan)
        self.found: dict[str, Outcome] = {}
        self.freed: set[tuple[KindName, str]] = set()

    def outcomes(self) -> dict[str, Outcome]:
        """The outcomes that `recheck` returns."""
        for change in self.plan.changes:
            # In place comes first: a change that somebody made by hand is done, whatever else changed.
            outcome = self._in_place(change) or self._refused(change)
            if outcome is not None:
                self.found[change.key] = outcome
            # Only changes that will be applied free a name; the plan's order puts them before its next use.
            elif change.action in ("delete", "rename"):
                self.freed.add((change.kind, change.name))
        return self.found

    def _in_place(self, change: Change) -> Outcome | None:
        if not done(change, self.current):
            return None
        if change.password is None or self._has_password(change):
            return Outcome(change=change, result=Result.SKIPPED)
        # All other fields are in place, so the update only sets the password, which its reviewer approved.
        if change.action == "update":
            return None
        # Setting the planned password could replace one that the user has chosen since the mailbox was created.
        text = "the mailbox exists with every field as planned; whether it has the planned password is unknown"
        hint = f"to set it, run `apply --set-password {quote(change.address)}` with the password in its file"
        return Outcome(change=change, result=Result.SKIPPED, detail=text, hint=hint)

    def _has_password(self, change: Change) -> bool:
        """Whether the password of a change is known to be set already, also under the mailbox's old name."""
        assert change.password is not None, "called only for changes with a password"
        # `--set-password` exists for passwords that were changed on the server, which no version shows.
        if change.address in self.known.asked:
            return False
        old = self.old_names.get((change.kind, change.name))
        addresses = (change.address, *([f"{old}@{change.domain}"] if old else []))
        version = next((v for a in addresses if (v := self.known.versions.get(a)) is not None), None)
        return version is not None and version >= change.password.version

    def _refused(self, change: Change) -> Outcome | None:
        why = self._why_not(change)
        return Outcome(change=change, result=Result.REFUSED, detail=why, hint=_AGAIN) if why else None

    def _why_not(self, change: Change) -> str:
        """Why a change cannot be applied to the current state; empty if it can."""
        expected = self.expected[change.key]
        # `refreshed` turns the rest of a creation into an update. Its precondition is still that of the creation, and
        # its object has just been compared with the plan.
        is_rest = expected.fields is None and change.action == "update"
        live = _live(change, self.current, self.old_names)
        fields = () if is_rest else stale_fields(expected, change, self.salt, live)
        if fields:
            return _words(fields)
        # A change without its dependency could use a name that is not free, or refer to a target that does not exist.
        blocker = next((k for k in change.depends_on if self._is_refused(k)), None)
        return f"it depends on {blocker}, which was refused" if blocker else self._taken(change)

    def _taken(self, change: Change) -> str:
        """Why a new name is not available; empty if no object has it, or if an earlier change of the plan frees it."""
        if change.action not in ("create", "rename"):
            return ""
        name = change.new_name or change.name
        kinds = [k for k in (change.kind, _OTHER.get(change.kind)) if k is not None]
        for kind in kinds:
            if name in self.current.section(kind) and (kind, name) not in self.freed:
                return f"{BY_NAME[kind].title} {name}@{change.domain} has the name now"
        return ""

    def _is_refused(self, key: str) -> bool:
        outcome = self.found.get(key)
        return outcome is not None and outcome.result is Result.REFUSED


def _words(fields: tuple[str, ...]) -> str:
    if fields[0] in (GONE, APPEARED):
        return f"{fields[0]} since the plan"
    return f"changed since the plan: {', '.join(fields)}"
