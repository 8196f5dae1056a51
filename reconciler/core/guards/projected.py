"""The state of a domain after a plan: names, EAS and MAPI accounts, and the targets of aliases and forwards."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from reconciler.core.model import CurrentDomain, KindName, Unset
from reconciler.core.plan import Change

Protocol = Literal["eas", "mapi"]


def names_after(changes: Iterable[Change], current: CurrentDomain, kind: KindName) -> set[str]:
    """The names of a kind after the changes, including the host's own account."""
    names = set(current.section(kind))
    listed = [c for c in changes if c.kind == kind]
    names -= {c.name for c in listed if c.action in ("delete", "rename")}
    return names | {c.new_name or c.name for c in listed if c.action in ("create", "rename")}


def inside(changes: Iterable[Change], current: CurrentDomain, internal: frozenset[str]) -> frozenset[str]:
    """The internal domains after the changes: `internal`, this domain, and its domain aliases."""
    return internal | {current.domain, *names_after(changes, current, "domainAlias")}


def activations_before(current: CurrentDomain, protocol: Protocol) -> set[str]:
    """The mailboxes with an activation of the protocol now, as far as it was read."""
    return {name for name, m in current.mailboxes.items() if getattr(m, protocol) is True}


def activations_after(changes: Iterable[Change], current: CurrentDomain, protocol: Protocol) -> set[str]:
    """The mailboxes with an activation of the protocol after the changes."""
    listed = [c for c in changes if c.kind == "mailbox"]
    # Updates of a renamed mailbox have its new name, so renames are applied first.
    new_names = {c.name: c.new_name for c in listed if c.action == "rename"}
    deleted = {c.name for c in listed if c.action == "delete"}
    activated = {new_names.get(name) or name for name in activations_before(current, protocol) - deleted}
    for change in listed:
        for field in change.fields:
            if field.name == protocol:
                (activated.add if field.after is True else activated.discard)(change.name)
    return activated


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An alias, or the forward of a mailbox, after the plan. `targets` are canonical addresses."""

    kind: KindName
    address: str
    targets: tuple[str, ...]


def references_after(changes: Iterable[Change], current: CurrentDomain) -> Iterator[Reference]:
    """Every alias and every forward that was read, with their targets after the changes; sorted, without empty ones."""
    listed = list(changes)
    for kind, attribute, field_name in (("alias", "targets", "to"), ("mailbox", "forward_to", "forwarding.to")):
        found: dict[str, tuple[str, ...]] = {}
        for name, resource in current.section(kind).items():  # type: ignore[arg-type]  # two of the kinds
            value = getattr(resource, attribute)
            # A forward that was not read cannot be judged. Callers that must not miss one read all of them first.
            found[name] = () if isinstance(value, Unset) else value
        mine = [c for c in listed if c.kind == kind]
        for change in mine:
            if change.action == "delete":
                found.pop(change.name, None)
        # All old names are taken out before the first new one is added, because a rename may reuse an old name.
        renamed = {c.new_name or c.name: found.pop(c.name, ()) for c in mine if c.action == "rename"}
        found |= renamed
        for change in mine:
            for field in change.fields:
                if field.name == field_name and isinstance(field.after, tuple):
                    found[change.name] = field.after
        for name in sorted(found):
            if found[name]:
                yield Reference(kind=kind, address=f"{name}@{current.domain}", targets=found[name])  # type: ignore[arg-type]
