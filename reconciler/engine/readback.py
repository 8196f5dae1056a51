"""After a doubtful answer: what is there now?"""

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
    """What a read says of a write whose answer was doubtful."""

    AS_WANTED = "as wanted"
    NONE = "none"
    OTHER = "other"


async def effect_of(reader: Reader, change: Change) -> Effect:
    """Reads the object of a change, and only it.

    A password cannot be read: an update that sets one counts as without effect, so that it is set again, which
    changes nothing if it was set already.

    Raises:
        ReconcilerError: the read failed too; the change is then failed, with what is known.
    """
    if change.action == "rename":
        old = await _read(reader, change, change.name)
        new = await _read(reader, change, change.new_name or change.name)
        if old is None and new is not None:
            return Effect.AS_WANTED
        return Effect.NONE if new is None else Effect.OTHER
    there = await _read(reader, change, change.name)
    match change.action:
        case "delete":
            return Effect.AS_WANTED if there is None else Effect.NONE
        case "create":
            if there is None:
                return Effect.NONE
            return Effect.AS_WANTED if not _differing(change, there) else Effect.OTHER
        case "update":
            if there is None:
                return Effect.OTHER
            return Effect.NONE if change.password or _differing(change, there) else Effect.AS_WANTED


async def activations_are(reader: Reader, domain: str, protocol: str, activations: Mapping[str, bool]) -> bool:
    """Whether these mailboxes have a seat, or none, as wanted. Raises ReconcilerError: the read failed too."""
    seen = await reader.read_domain(domain, ReadScope(eas=protocol == "eas", mapi=protocol == "mapi"))
    there = seen.mailboxes
    return all(name in there and getattr(there[name], protocol) is on for name, on in activations.items())


async def looked_up(doubt: ReconcilerError, read: Awaitable[T]) -> T:
    """What a read says of a write whose effect is not known.

    Raises:
        ReconcilerError: the read failed too; of the read's kind, and it tells of the doubt.
    """
    try:
        return await read
    except ReconcilerError as e:
        hint = f"whether it took effect is not known: run `plan` to see{f'; {e.hint}' if e.hint else ''}"
        raise type(e)(f"{doubt.message}; reading it again failed too: {e.message}", hint=hint, span=e.span) from e


async def _read(reader: Reader, change: Change, name: str) -> Resource | None:
    match change.kind:
        case "mailbox":
            return await reader.read_mailbox(change.domain, name)
        case "alias":
            return await reader.read_alias(change.domain, name)
        case "domainAlias":
            return (await reader.read_domain_aliases(change.domain)).get(name)


def _differing(change: Change, there: Resource) -> list[str]:
    """The fields of a change, seats aside, that are not as wanted; one that was not read differs."""
    kind = BY_NAME[change.kind]
    differing = []
    for name, wanted in change.values(activations=False).items():
        value = getattr(there, kind.field(name).attribute)
        if isinstance(value, Unset) or value != wanted:
            differing.append(name)
    return differing
