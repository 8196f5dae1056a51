"""Reads the object of a write with an unknown effect, to find out whether the write took effect."""

from collections.abc import Awaitable, Mapping
from enum import Enum
from typing import TypeVar

from reconciler.core.errors import ReconcilerError
from reconciler.core.kinds import BY_NAME
from reconciler.core.model import Resource, Unset
from reconciler.core.plan import Change
from reconciler.core.ports import Reader, ReadScope

T = TypeVar("T")


class Effect(Enum):
    """The effect of an ambiguous write according to a read: the planned state, no effect, or another state."""

    IN_PLACE = "in place"
    NONE = "none"
    OTHER = "other"


async def effect_of(reader: Reader, change: Change) -> Effect:
    """Reads only the object of a change, and compares it with the change.

    Servers do not return passwords. An update that sets one counts as without effect, so that the password is set
    again; that does no harm if it was set already.

    Raises:
        ReconcilerError: the read failed too.
    """
    if change.action == "rename":
        old = await _read(reader, change, change.name)
        new = await _read(reader, change, change.new_name or change.name)
        if old is None and new is not None:
            return Effect.IN_PLACE
        return Effect.NONE if new is None else Effect.OTHER
    there = await _read(reader, change, change.name)
    match change.action:
        case "delete":
            return Effect.IN_PLACE if there is None else Effect.NONE
        case "create":
            if there is None:
                return Effect.NONE
            return Effect.IN_PLACE if not _differing(change, there) else Effect.OTHER
        case "update":
            if there is None:
                return Effect.OTHER
            return Effect.NONE if change.password or _differing(change, there) else Effect.IN_PLACE


async def activations_are(reader: Reader, domain: str, protocol: str, activations: Mapping[str, bool]) -> bool:
    """Whether these mailboxes have the planned activations. Raises ReconcilerError if the read fails too."""
    # There is no request for the activation of one mailbox, so this reads the list of the domain.
    seen = await reader.read_domain(domain, ReadScope(eas=protocol == "eas", mapi=protocol == "mapi"))
    there = seen.mailboxes
    return all(name in there and getattr(there[name], protocol) is on for name, on in activations.items())


async def read_back(ambiguous: ReconcilerError, read: Awaitable[T]) -> T:
    """The result of the read after an ambiguous write.

    Raises:
        ReconcilerError: the read failed too. The type is that of the read's error, because that is the newer fact about
            the server; the message contains both faults.
    """
    try:
        return await read
    except ReconcilerError as e:
        hint = f"run `plan` to see whether the write took effect{f'; {e.hint}' if e.hint else ''}"
        raise type(e)(f"{ambiguous.message}; reading back failed too: {e.message}", hint=hint, span=e.span) from e


async def _read(reader: Reader, change: Change, name: str) -> Resource | None:
    match change.kind:
        case "mailbox":
            return await reader.read_mailbox(change.domain, name)
        case "alias":
            return await reader.read_alias(change.domain, name)
        case "domainAlias":
            return (await reader.read_domain_aliases(change.domain)).get(name)


def _differing(change: Change, there: Resource) -> list[str]:
    """The fields without the planned value, apart from activations. A field that was not read counts as different."""
    kind = BY_NAME[change.kind]
    differing = []
    for name, wanted in change.values(activations=False).items():
        value = getattr(there, kind.field(name).attribute)
        if isinstance(value, Unset) or value != wanted:
            differing.append(name)
    return differing
