"""Comparing one desired resource with the current one: only managed fields, canonical values, `==`."""

from reconciler.core.kinds import Kind
from reconciler.core.model import Resource, Unset, Value
from reconciler.core.plan import FieldChange


def field_changes(kind: Kind, desired: Resource, current: Resource) -> tuple[tuple[FieldChange, ...], tuple[str, ...]]:
    """The managed fields that differ, and the names of managed fields that were not read.

    A field that is UNSET on the desired side is not managed: neither compared nor written. One that is managed and
    UNSET on the current side could not be read; nothing may be concluded from that.
    """
    changes: list[FieldChange] = []
    unread: list[str] = []
    for spec in kind.fields:
        after: Value | Unset = getattr(desired, spec.attribute)
        if isinstance(after, Unset):
            continue
        before: Value | Unset = getattr(current, spec.attribute)
        if isinstance(before, Unset):
            unread.append(spec.name)
        elif before != after:
            changes.append(FieldChange(name=spec.name, before=before, after=after))
    return tuple(changes), tuple(unread)


def creation_fields(kind: Kind, desired: Resource) -> tuple[FieldChange, ...]:
    """Every managed field of a resource that does not exist yet."""
    return tuple(
        FieldChange(name=spec.name, after=after)
        for spec in kind.fields
        if not isinstance(after := getattr(desired, spec.attribute), Unset)
    )
