"""What a live object was when its change was planned, as salted digests; and whether it has moved since. Pure."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.kinds import BY_NAME, Kind
from reconciler.core.model import Mailbox, Resource, Unset, Value
from reconciler.core.ownership import administers
from reconciler.core.plan import Change, canonical_json

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
