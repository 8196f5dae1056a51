"""The difference of two values of a domain file, in terms of the keys and items that the file writes."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.config.emit import Tree, body, name_text, section_text
from reconciler.config.emit import field as emit_field
from reconciler.core.kinds import KINDS, Kind
from reconciler.core.model import DesiredDomain, Resource, Unset
from reconciler.core.names import address, domain_name, local_part

TOP = (
    *("apiVersion", "kind", "domain", "product", "server"),
    *("mailboxes", "aliases", "domainAliases", "removed", "renamed", "dns"),
)
"""The order of top-level keys; a new key is inserted by it."""


@dataclass(slots=True)
class ListPatch:
    """Indices of items to remove from a list, and texts to add at its end."""

    drop: set[int] = field(default_factory=set)
    add: list[str] = field(default_factory=list)


@dataclass(slots=True)
class MapPatch:
    """The changes of a mapping, by keys as the file spells them.

    Attributes:
        values: key -> a new text for its value, or the changes inside the value.
        drop: keys to remove, with their values.
        add: new keys (as YAML) with their values, in order.
        order: known keys in their usual order; a new key follows the last existing key before it. Empty: at the end.
    """

    values: "dict[str, str | MapPatch | ListPatch]" = field(default_factory=dict)
    drop: set[str] = field(default_factory=set)
    add: dict[str, Tree] = field(default_factory=dict)
    order: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.values or self.drop or self.add)


def short_forms(document: Mapping[str, Any], before: DesiredDomain, after: DesiredDomain) -> frozenset[str]:
    """The keys of aliases in short form (only targets) that get another field."""
    if isinstance(before.aliases, Unset) or isinstance(after.aliases, Unset):
        return frozenset()
    keys = _by_name(document["aliases"] or {}, local_part)
    grown = {n for n, a in after.aliases.items() if n in before.aliases and isinstance(body(a, after.domain), Mapping)}
    return frozenset(keys[n] for n in grown if isinstance(document["aliases"][keys[n]], list))


def patch_of(document: Mapping[str, Any], before: DesiredDomain, after: DesiredDomain) -> MapPatch:
    """The changes from a document with the value `before` to one with the value `after`."""
    top = MapPatch(order=TOP)
    for kind in KINDS:
        old, new = before.section(kind.name), after.section(kind.name)
        # Edits never remove a section: it would no longer be managed.
        if isinstance(new, Unset):
            continue
        if isinstance(old, Unset):
            top.add[kind.section] = section_text(kind.name, new, after.domain)
        elif old != new:
            # The section may be null in the file, which means the same as empty.
            written = document[kind.section]
            top.values[kind.section] = (
                _items(written or (), domain_name, new, [name_text(kind.name, n) for n in new if n not in old])
                if kind.name == "domainAlias"
                else _resources(kind, written or {}, old, new, after.domain)
            )
    removed = _removed(document.get("removed") or {}, before, after)
    if removed is None:
        top.drop.add("removed")
    elif removed:
        top.values["removed"] = removed
    return top


def _by_name(keys: Mapping[str, Any], canonical: Callable[[str], str]) -> dict[str, str]:
    return {canonical(key): key for key in keys}


def _resources(
    kind: Kind,
    written: Mapping[str, Any],
    old: Mapping[str, Resource],
    new: Mapping[str, Resource],
    domain: str,
) -> MapPatch:
    patch, keys = MapPatch(), _by_name(written, local_part)
    # The file may spell a name in upper case, so its own key is used.
    patch.drop = {keys[name] for name in old if name not in new}
    for name, resource in new.items():
        if name not in old:
            patch.add[name_text(kind.name, name)] = body(resource, domain)
        elif resource != old[name]:
            key = keys[name]
            patch.values[key] = _fields(kind, written[key], old[name], resource, domain)
    return patch


def _fields(kind: Kind, written: object, old: Resource, new: Resource, domain: str) -> MapPatch | ListPatch:
    patch = MapPatch()
    nested: dict[str, MapPatch] = {}
    rows: Mapping[str, Any] = written if isinstance(written, dict) else {}
    for spec in kind.fields:
        was, value = getattr(old, spec.attribute), getattr(new, spec.attribute)
        if was == value:
            continue
        if isinstance(written, list):  # an alias in short form, with other targets
            return _targets(written, value, domain)
        # Nested fields are collected, so that a mapping that becomes empty can be removed entirely.
        outer, _, inner = spec.name.partition(".")
        if not inner:
            _field(patch, rows, outer, None if isinstance(value, Unset) else value, spec.name, domain)
        elif isinstance(rows.get(outer), dict):
            one = nested.setdefault(outer, MapPatch())
            _field(one, rows[outer], inner, None if isinstance(value, Unset) else value, spec.name, domain)
        else:
            group = patch.add.setdefault(outer, {})
            assert isinstance(group, dict)
            group[inner] = emit_field(value, spec.name, domain)
    for outer, one in nested.items():
        # An empty `forwarding: {}` would be noise: without fields it manages nothing.
        if one.drop == rows[outer].keys() and not one.add:
            patch.drop.add(outer)
        else:
            patch.values[outer] = one
    return patch


def _field(patch: MapPatch, rows: Mapping[str, Any], key: str, value: Any, name: str, domain: str) -> None:
    """Adds the change of one field to the patch of its mapping; None removes the field."""
    if value is None:
        patch.drop.add(key)
        return
    tree = emit_field(value, name, domain)
    if key not in rows:
        patch.add[key] = tree
    elif isinstance(tree, str):
        patch.values[key] = tree
    else:
        patch.values[key] = _targets(rows[key], value, domain)


def _targets(written: Sequence[str], desired: tuple[str, ...], domain: str) -> ListPatch:
    existing = {address(text, domain) for text in written}
    texts = emit_field(tuple(t for t in desired if t not in existing), "to", domain)
    assert not isinstance(texts, str)
    return _items(written, lambda text: address(text, domain), desired, list(texts))


def _items(written: Sequence[str], canonical: Callable[[str], str], new: Container[str], add: list[str]) -> ListPatch:
    """Removes unwanted items and adds new ones at the end, so that the others keep their order."""
    return ListPatch(drop={i for i, text in enumerate(written) if canonical(text) not in new}, add=add)


def _removed(written: Mapping[str, Any], before: DesiredDomain, after: DesiredDomain) -> MapPatch | None:
    """The changes under `removed`; None if nothing is left of it."""
    patch = MapPatch()
    dropped = {(r.kind, r.name) for r in before.removed} - {(r.kind, r.name) for r in after.removed}
    for kind in KINDS:
        rows = written.get(kind.section)
        names = {name for k, name in dropped if k == kind.name}
        if not names:
            continue
        one = _removals(rows, names, domain_name if kind.name == "domainAlias" else local_part)
        if len(one.drop) == len(rows or ()):
            patch.drop.add(kind.section)
        else:
            patch.values[kind.section] = one
    return None if patch.drop and patch.drop == written.keys() else patch


def _removals(rows: Any, names: set[str], canonical: Callable[[str], str]) -> MapPatch | ListPatch:
    # The three forms of `removed` are those of `decode.domain._removal_rows`.
    if isinstance(rows, dict):
        return MapPatch(drop={key for key in rows if canonical(key) in names})
    keys = [next(iter(row)) if isinstance(row, dict) else row for row in rows]
    return ListPatch(drop={i for i, key in enumerate(keys) if canonical(key) in names})
