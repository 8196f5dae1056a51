"""What a domain holds once the changes of a plan are made: names, seats, and where aliases and forwardings point."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from reconciler.core.model import CurrentDomain, KindName, Unset
from reconciler.core.plan import Change

Protocol = Literal["eas", "mapi"]


def names_after(changes: Iterable[Change], current: CurrentDomain, kind: KindName) -> set[str]:
    """The names of a kind afterwards, the host's own account among them."""
    names = set(current.section(kind))
    listed = [c for c in changes if c.kind == kind]
    names -= {c.name for c in listed if c.action in ("delete", "rename")}
    return names | {c.new_name or c.name for c in listed if c.action in ("create", "rename")}


def inside(changes: Iterable[Change], current: CurrentDomain, internal: frozenset[str]) -> frozenset[str]:
    """The domains that mail does not leave for: `internal`, and every name that this one will have."""
    return internal | {current.domain, *names_after(changes, current, "domainAlias")}


def activations_before(current: CurrentDomain, protocol: Protocol) -> set[str]:
    """Mailboxes that have a seat now, as far as that was read."""
    return {name for name, m in current.mailboxes.items() if getattr(m, protocol) is True}


def activations_after(changes: Iterable[Change], current: CurrentDomain, protocol: Protocol) -> set[str]:
    """Mailboxes that will have a seat."""
    listed = [c for c in changes if c.kind == "mailbox"]
    moved = {c.name: c.new_name for c in listed if c.action == "rename"}
    gone = {c.name for c in listed if c.action == "delete"}
    activated = {moved.get(name) or name for name in activations_before(current, protocol) - gone}
    for change in listed:
        for field in change.fields:
            if field.name == protocol:
                (activated.add if field.after is True else activated.discard)(change.name)
    return activated


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """An alias, or the forwarding of a mailbox, as it will be. `targets` are canonical addresses."""

    kind: KindName
    address: str
    targets: tuple[str, ...]


def pointers_after(changes: Iterable[Change], current: CurrentDomain) -> Iterator[Pointer]:
    """Every alias, and every forwarding that is known, as they will be, in order; those without targets left out."""
    listed = list(changes)
    for kind, attribute, field_name in (("alias", "targets", "to"), ("mailbox", "forward_to", "forwarding.to")):
        found: dict[str, tuple[str, ...]] = {}
        for name, resource in current.section(kind).items():  # type: ignore[arg-type]  # two of the kinds
            value = getattr(resource, attribute)
            found[name] = () if isinstance(value, Unset) else value
        mine = [c for c in listed if c.kind == kind]
        for change in mine:
            if change.action == "delete":
                found.pop(change.name, None)
        renamed = {c.new_name or c.name: found.pop(c.name, ()) for c in mine if c.action == "rename"}
        found |= renamed
        for change in mine:
            for field in change.fields:
                if field.name == field_name and isinstance(field.after, tuple):
                    found[change.name] = field.after
        for name in sorted(found):
            if found[name]:
                yield Pointer(kind=kind, address=f"{name}@{current.domain}", targets=found[name])  # type: ignore[arg-type]
