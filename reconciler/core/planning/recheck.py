"""Which changes of a saved plan are settled before anything is written: as wanted already, or moved since. Pure."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from shlex import quote
from types import MappingProxyType

from reconciler.core.kinds import BY_NAME, Kind
from reconciler.core.model import CurrentDomain, KindName, Mailbox, Resource, Unset, Value
from reconciler.core.ownership import administers
from reconciler.core.plan import ACTIVATIONS, Change, Outcome, Plan, Result, canonical_json

# What a live object was when its change was planned, as salted digests; and whether it has moved since. Pure.


ADMINISTRATOR = "administrator"
"""Beside the managed fields of a mailbox: whether it administers its domain."""
GONE, APPEARED = "it is gone", "it appeared"
DIGEST_BYTES = 16
"""Digests are cut to 128 bits: enough against a second value that has the same one, and half the size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precondition:
    """What must still be so for a change to be made.

    Attributes:
        fields: name -> salted digest of each field of the live object that was read, by the names of
            `reconciler.core.kinds` and `administrator`; None where there must be no such object.
    """

    fields: Mapping[str, str] | None = None


def salted(salt: bytes, *what: object) -> str:
    """A digest of plain values (HMAC-SHA256, 32 hexadecimal digits), which tells nothing to who must guess."""
    message = canonical_json(what).encode("utf-8", "surrogatepass")
    return hmac.digest(salt, message, "sha256")[:DIGEST_BYTES].hex()


def precondition(change: Change, salt: bytes) -> Precondition:
    """The precondition of a planned change: the fields of the object it was planned against, absence for a creation."""
    if change.action == "create":
        return Precondition()
    assert change.current is not None, f"{change.key} was planned against nothing"
    read = _read(BY_NAME[change.kind], change.current)
    return Precondition(fields={name: _digest(salt, change, name, value) for name, value in read.items()})


def moved(expected: Precondition, change: Change, salt: bytes, current: Resource | None) -> tuple[str, ...]:
    """The fields of the live object that are no more as they were at planning; empty if the change may be made.

    A field that holds already what the change wants has not moved: what remains is what was reviewed. One that was
    read then and cannot be read now has.

    Args:
        current: the live object now (of a rename, under its old name), None if there is none.

    Returns:
        Names of fields, or one of GONE and APPEARED.
    """
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


def is_as_wanted(change: Change, current: Resource | None, renamed: Resource | None = None) -> bool:
    """Whether what a change wants is so already, its password aside, which cannot be read.

    Args:
        current: the live object under the change's name.
        renamed: of a rename, the live object under its new name.
    """
    match change.action:
        case "delete":
            return current is None
        case "rename":
            return current is None and renamed is not None
        case "create" | "update":
            return current is not None and not changed_fields(change, current)


def changed_fields(change: Change, current: Resource) -> tuple[str, ...]:
    """The fields of a change that are not as it wants them; one that was not read differs."""
    kind = BY_NAME[change.kind]
    wanted = {f.name: f.after for f in change.fields if f.after is not None}
    return tuple(name for name, value in wanted.items() if getattr(current, kind.field(name).attribute) != value)


def _read(kind: Kind, current: Resource) -> dict[str, Value]:
    """The fields that were read, by name."""
    there: dict[str, Value | Unset] = {spec.name: getattr(current, spec.attribute) for spec in kind.fields}
    if isinstance(current, Mailbox):
        there[ADMINISTRATOR] = administers(current)
    return {name: value for name, value in there.items() if not isinstance(value, Unset)}


def _digest(salt: bytes, change: Change, name: str, value: Value) -> str:
    """Of one field; the object's address is in it, so that equal values of two objects do not look equal."""
    return salted(salt, change.key, name, list(value) if isinstance(value, tuple) else value)


_OTHER: Mapping[KindName, KindName] = {"mailbox": "alias", "alias": "mailbox"}
"""Mailboxes and aliases of a domain share their names."""
_AGAIN = "plan again, and have the new plan reviewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHistory:
    """What is known of one server that cannot be read from it.

    Attributes:
        versions: address -> the highest version of its password known to have been set.
        asked: addresses whose password is to be set whatever is known.
        begun: (kind, address) of creations that an earlier run began and is not known to have finished.
    """

    versions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    asked: frozenset[str] = frozenset()
    begun: frozenset[tuple[str, str]] = frozenset()


def recheck(
    plan: Plan, expected: Mapping[str, Precondition], salt: bytes, current: CurrentDomain, known: ServerHistory
) -> dict[str, Outcome]:
    """The outcomes of those changes that are not to be made, by key; all others may be made as things are.

    Args:
        plan: as it was saved; its changes are in the order in which they need each other.
        expected: the precondition of each change, by key.
        current: the domain now, read at least as far as the preconditions and changes go.
    """
    return _Judge(plan, expected, salt, current, known).outcomes()


def refreshed(plan: Plan, current: CurrentDomain, known: ServerHistory) -> Plan:
    """The plan with the live objects, as they are now, in its changes.

    Of a creation that an earlier run began, and whose object is there as planned but for its seats, the seats remain,
    as an update: the password went with the object.
    """
    old_names = _renamed_from(plan)
    changes = (_with_live(c, _live(c, current, old_names)) for c in plan.changes)
    return replace(plan, changes=tuple(_activations_only(c, current) if _is_begun(c, known) else c for c in changes))


def done(change: Change, current: CurrentDomain) -> bool:
    """Whether a change is as wanted in a domain, its password aside."""
    section = current.section(change.kind)
    return is_as_wanted(change, section.get(change.name), section.get(change.new_name or change.name))


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
    """A creation as the rest of it; as it is, if its object is not there or differs in more than its seats."""
    there = current.section(change.kind).get(change.name)
    left = () if there is None else changed_fields(change, there)
    if there is None or not left or set(left) - ACTIVATIONS:
        return change
    kind = BY_NAME[change.kind]
    before = {name: getattr(there, kind.field(name).attribute) for name in left}
    fields = tuple(replace(f, before=_told(before[f.name])) for f in change.fields if f.name in before)
    return _with_live(replace(change, action="update", fields=fields), there)


def _told(value: Value | Unset) -> Value | None:
    return None if isinstance(value, Unset) else value


OldNames = Mapping[tuple[KindName, str], str]


def _live(change: Change, current: CurrentDomain, old_names: OldNames) -> Resource | None:
    """The object of a change; while a rename of the same plan is still to be made, under its old name."""
    section = current.section(change.kind)
    old = old_names.get((change.kind, change.name)) if change.action == "update" else None
    name = old if old is not None and old in section and change.name not in section else change.name
    return section.get(name)


def _renamed_from(plan: Plan) -> OldNames:
    """(kind, new name) -> old name."""
    return {(c.kind, c.new_name or c.name): c.name for c in plan.changes if c.action == "rename"}


class _Judge:
    """Goes through one plan in order; lives for one call of `settled`."""

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
        """See `settled`."""
        for change in self.plan.changes:
            outcome = self._as_wanted(change) or self._refused(change)
            if outcome is not None:
                self.found[change.key] = outcome
            elif change.action in ("delete", "rename"):
                self.freed.add((change.kind, change.name))
        return self.found

    def _as_wanted(self, change: Change) -> Outcome | None:
        if not done(change, self.current):
            return None
        if change.password is None or self._has_password(change):
            return Outcome(change=change, result=Result.SKIPPED)
        if change.action == "update":
            return None
        text = "it is there with every field as planned; nothing tells whether it has the planned password"
        hint = f"to set it, run `apply --set-password {quote(change.address)}` with the password in its file"
        return Outcome(change=change, result=Result.SKIPPED, detail=text, hint=hint)

    def _has_password(self, change: Change) -> bool:
        """Whether the password of a change is known to have been set already, also under a name it had before."""
        assert change.password is not None, "asked only where there is one"
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
        """Why a change cannot be made as things are now; empty if it can."""
        expected = self.expected[change.key]
        # What `refreshed` has left of a creation was planned against nothing, and is seen to be as planned so far.
        is_rest = expected.fields is None and change.action == "update"
        live = _live(change, self.current, self.old_names)
        fields = () if is_rest else moved(expected, change, self.salt, live)
        if fields:
            return _words(fields)
        blocker = next((k for k in change.depends_on if self._is_refused(k)), None)
        return f"it depends on {blocker}, which moved" if blocker else self._taken(change)

    def _taken(self, change: Change) -> str:
        """Who has the name that a change needs, where nothing in the plan gives it up."""
        if change.action not in ("create", "rename"):
            return ""
        name = change.new_name or change.name
        kinds = [k for k in (change.kind, _OTHER.get(change.kind)) if k is not None]
        for kind in kinds:
            if name in self.current.section(kind) and (kind, name) not in self.freed:
                return f"{BY_NAME[kind].title} {name}@{change.domain} appeared and has the name that it needs"
        return ""

    def _is_refused(self, key: str) -> bool:
        outcome = self.found.get(key)
        return outcome is not None and outcome.result is Result.REFUSED


def _words(fields: tuple[str, ...]) -> str:
    since = "since the plan was made"
    if fields[0] in (GONE, APPEARED):
        return f"{fields[0]} {since}"
    return f"{', '.join(fields)} moved {since}"
