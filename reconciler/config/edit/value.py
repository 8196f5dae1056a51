"""Edits of a domain file, and their effect on its value: the value that the edited text must have."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.errors import CannotEdit
from reconciler.core.kinds import BY_NAME
from reconciler.core.model import UNSET, Alias, DesiredDomain, DomainAlias, KindName, Mailbox, Resource, Unset, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class SetField:
    """Sets a field of a declared mailbox or alias; `field` as in `reconciler.core.kinds`."""

    kind: KindName
    name: str
    field: str
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class DropField:
    """Removes a field, so that it is not managed. A missing field is not an error."""

    kind: KindName
    name: str
    field: str


@dataclass(frozen=True, slots=True)
class AddResource:
    """Declares a resource at the end of its section, and creates a missing section."""

    resource: Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class DropResource:
    """Removes a declaration with its fields. The section stays, even if it is then empty."""

    kind: KindName
    name: str


@dataclass(frozen=True, slots=True)
class AddSection:
    """Creates an empty section, unless the file has it."""

    kind: KindName


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRemoval:
    """Removes an entry of `removed`."""

    kind: KindName
    name: str


@dataclass(frozen=True, slots=True)
class EditNote:
    """Adds a comment at the top about a setting that the file leaves out, unless the file has that comment."""

    text: str


Edit = SetField | DropField | AddResource | DropResource | AddSection | DropRemoval | EditNote

_SECTIONS: Mapping[KindName, str] = {"mailbox": "mailboxes", "alias": "aliases", "domainAlias": "domain_aliases"}
_KINDS: Mapping[type, KindName] = {Mailbox: "mailbox", Alias: "alias", DomainAlias: "domainAlias"}


def edited(desired: DesiredDomain, edits: Iterable[Edit]) -> DesiredDomain:
    """The value after the edits, in order. New resources follow the existing ones.

    Raises:
        CannotEdit: an edit names a missing resource, or adds an existing one.
    """
    for edit in edits:
        match edit:
            case SetField(kind=kind, name=name, field=field, value=value):
                # Targets are compared as sorted tuples everywhere.
                canonical = tuple(sorted(value)) if isinstance(value, tuple) else value
                desired = _with_field(desired, kind, name, field, canonical)
            case DropField(kind=kind, name=name, field=field):
                desired = _with_field(desired, kind, name, field, UNSET)
            case AddResource(resource=resource):
                kind = _KINDS[type(resource)]
                rows = _rows(desired, kind)
                if resource.name in rows:
                    raise _fault(desired, f"{BY_NAME[kind].title} {resource.name} is already declared")
                desired = _with_rows(desired, kind, {**rows, resource.name: resource})
            case DropResource(kind=kind, name=name):
                _declared(desired, kind, name)
                rows = _rows(desired, kind)
                # The section stays declared: without it, the kind would no longer be managed.
                desired = _with_rows(desired, kind, {n: r for n, r in rows.items() if n != name})
            case AddSection(kind=kind):
                desired = _with_rows(desired, kind, _rows(desired, kind))
            case DropRemoval(kind=kind, name=name):
                left = tuple(r for r in desired.removed if (r.kind, r.name) != (kind, name))
                # The caller must have read another version of the file.
                if left == desired.removed:
                    raise _fault(desired, f"{BY_NAME[kind].title} {name} is not under `removed`")
                desired = replace(desired, removed=left)
            case EditNote():
                pass
    return desired


def _with_field(desired: DesiredDomain, kind: KindName, name: str, field: str, value: Value | Unset) -> DesiredDomain:
    changed: dict[str, Any] = {BY_NAME[kind].field(field).attribute: value}
    resource = replace(_declared(desired, kind, name), **changed)
    return _with_rows(desired, kind, {**_rows(desired, kind), name: resource})


def _declared(desired: DesiredDomain, kind: KindName, name: str) -> Resource:
    resource = _rows(desired, kind).get(name)
    if resource is None:
        raise _fault(desired, f"{BY_NAME[kind].title} {name} is not declared")
    return resource


def _rows(desired: DesiredDomain, kind: KindName) -> Mapping[str, Resource]:
    rows = desired.section(kind)
    return {} if isinstance(rows, Unset) else rows


def _with_rows(desired: DesiredDomain, kind: KindName, rows: Mapping[str, Resource]) -> DesiredDomain:
    changed: dict[str, Any] = {_SECTIONS[kind]: rows}
    return replace(desired, **changed)


def _fault(desired: DesiredDomain, text: str) -> CannotEdit:
    return CannotEdit(f"{desired.origin}: {text}", span=desired.origin, hint="nothing was written")
