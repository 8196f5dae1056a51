"""Decodes a domain file into a DesiredDomain."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from reconciler.config.decode.reading import Reading, dns_overrides, secret_ref
from reconciler.config.document.builder import NodePath, shown
from reconciler.config.document.loader import Document
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.kinds import KINDS, Kind
from reconciler.core.model import (
    UNSET,
    Alias,
    DesiredDomain,
    DomainAlias,
    KindName,
    Mailbox,
    Removal,
    Renaming,
    Unset,
)
from reconciler.core.names import address, domain_name, local_part

_Named = TypeVar("_Named", Mailbox, Alias)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def decode_domain(
    document: Document, *, default_server: str = ""
) -> tuple[DesiredDomain | None, tuple[Diagnostic, ...]]:
    """The desired state of a schema-valid domain file, and diagnostics of its names.

    Invalid names are left out of the value, so that other checks can run on the rest. Never plan with the value if a
    diagnostic is an error: a resource may be missing from it. `default_server` is the server of a file that names none.
    The value is None if the domain itself has no valid name.
    """
    body: Mapping[str, Any] = document.value  # type: ignore[assignment]
    reading = Reading(document)
    domain = reading.name(body["domain"], domain_name, ("domain",))
    if domain is None:
        return None, tuple(reading.diagnostics)
    desired = DesiredDomain(
        domain=domain,
        server=body.get("server") or default_server,
        product=body.get("product"),
        mailboxes=_mailboxes(reading, body["mailboxes"] or {}, domain) if "mailboxes" in body else UNSET,
        aliases=_aliases(reading, body["aliases"] or {}, domain) if "aliases" in body else UNSET,
        domain_aliases=_domain_aliases(reading, body["domainAliases"] or ()) if "domainAliases" in body else UNSET,
        removed=_removed(reading, body.get("removed") or {}),
        renamed=_renamed(reading, body.get("renamed") or {}),
        dns=dns_overrides(reading, body.get("dns") or {}),
        origin=reading.span(("domain",)),
    )
    return desired, tuple(reading.diagnostics)


def _named(
    reading: Reading, section: str, rows: Mapping[str, Any], make: Callable[[str, Any, NodePath], _Named]
) -> dict[str, _Named]:
    """The resources of a section by canonical name. If two keys mean one name, the first counts."""
    found: dict[str, tuple[str, _Named]] = {}
    for key, body in rows.items():
        path: NodePath = (section, key)
        name = reading.name(key, local_part, path, key=True)
        if name is None:
            continue
        # The first one counts, so that the result does not depend on the order of dictionaries.
        if name in found:
            reading.clash(found[name][0], key, name, path, key=True)
            continue
        found[name] = key, make(name, body, path)
    # Sorted, because plans and digests must not depend on the order of keys in a file.
    return {name: found[name][1] for name in sorted(found)}


def _mailboxes(reading: Reading, rows: Mapping[str, Any], domain: str) -> dict[str, Mailbox]:
    return _named(
        reading, "mailboxes", rows, lambda name, body, path: _mailbox(reading, name, body or {}, path, domain)
    )


def _mailbox(reading: Reading, name: str, body: Mapping[str, Any], path: NodePath, domain: str) -> Mailbox:
    origin = reading.span(path, key=True)
    # The short way for `bob: {}`, which is the most frequent form in large domains.
    if not body:
        return Mailbox(name=name, origin=origin)
    forwarding = body.get("forwarding") or {}
    quota = reading.size(body["quota"], (*path, "quota")) if "quota" in body else None
    return Mailbox(
        name=name,
        display_name=body.get("displayName", UNSET),
        quota=UNSET if quota is None else quota,
        enabled=body.get("enabled", UNSET),
        forward_to=_targets(reading, forwarding.get("to"), (*path, "forwarding", "to"), domain),
        forward_keep_copy=forwarding.get("keepCopy", UNSET),
        eas=body.get("eas", UNSET),
        mapi=body.get("mapi", UNSET),
        password=secret_ref(body["password"]) if body.get("password") else UNSET,
        protect=bool(body.get("protect", False)),
        origin=origin,
    )


def _aliases(reading: Reading, rows: Mapping[str, Any], domain: str) -> dict[str, Alias]:
    return _named(reading, "aliases", rows, lambda name, body, path: _alias(reading, name, body, path, domain))


def _alias(reading: Reading, name: str, body: object, path: NodePath, domain: str) -> Alias:
    origin = reading.span(path, key=True)
    # The short form `info: [alice]` manages only the targets.
    if isinstance(body, list):
        return Alias(name=name, targets=_targets(reading, body, path, domain), origin=origin)
    fields: Mapping[str, Any] = body if isinstance(body, dict) else {}
    return Alias(
        name=name,
        targets=_targets(reading, fields.get("to"), (*path, "to"), domain),
        display_name=fields.get("displayName", UNSET),
        allow_sending=fields.get("allowSending", UNSET),
        hide_from_gal=fields.get("hideFromGal", UNSET),
        internal_only=fields.get("internalOnly", UNSET),
        origin=origin,
    )


def _targets(reading: Reading, texts: Sequence[str] | None, path: NodePath, domain: str) -> tuple[str, ...] | Unset:
    if texts is None:
        return UNSET
    return reading.names(texts, lambda text: address(text, domain), path)


def _domain_aliases(reading: Reading, texts: Sequence[str]) -> dict[str, DomainAlias]:
    found: dict[str, tuple[str, DomainAlias]] = {}
    for i, text in enumerate(texts):
        path: NodePath = ("domainAliases", i)
        name = reading.name(text, domain_name, path)
        if name is None:
            continue
        if name in found:
            reading.clash(found[name][0], text, name, path)
            continue
        found[name] = text, DomainAlias(name=name, origin=reading.span(path))
    return {name: found[name][1] for name in sorted(found)}


def _removed(reading: Reading, body: Mapping[str, Any]) -> tuple[Removal, ...]:
    found: dict[tuple[KindName, str], Removal] = {}
    for kind in KINDS:
        first: dict[str, str] = {}
        for key, options, path, is_key in _removal_rows(body.get(kind.section), ("removed", kind.section)):
            name = reading.name(key, _canonical(kind), path, key=is_key)
            if name is None:
                continue
            if name in first:
                reading.clash(first[name], key, name, path, key=is_key)
                continue
            first[name] = key
            purge = _day(reading, (options or {}).get("purgeAfter"), (*path, "purgeAfter"))
            origin = reading.span(path, key=is_key)
            found[kind.name, name] = Removal(kind=kind.name, name=name, purge_after=purge, origin=origin)
    return tuple(found[row] for row in sorted(found))


def _removal_rows(rows: object, path: NodePath) -> list[tuple[str, Mapping[str, Any] | None, NodePath, bool]]:
    """The rows of any of the three forms of removals: name, options, path, and whether the name is a key."""
    # `removed: {mailboxes: {carol: {}}}`; the list form below may mix names and mappings.
    if isinstance(rows, dict):
        return [(key, options, (*path, key), True) for key, options in rows.items()]
    found: list[tuple[str, Mapping[str, Any] | None, NodePath, bool]] = []
    for i, row in enumerate(rows if isinstance(rows, list) else ()):
        if isinstance(row, dict):
            found += [(key, options, (*path, i, key), True) for key, options in row.items()]
        else:
            found.append((row, None, (*path, i), False))
    return found


def _day(reading: Reading, text: str | None, path: NodePath) -> date | None:
    if text is None:
        return None
    try:
        # fromisoformat also accepts other forms, such as 20261231 and 2026-W53.
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    message = f"{shown(text)} is not a valid date"
    reading.diagnostics.append(error("SCH001", message, reading.span(path), hint="write it like 2026-12-31"))
    return None


def _renamed(reading: Reading, body: Mapping[str, Any]) -> tuple[Renaming, ...]:
    found: dict[tuple[KindName, str], Renaming] = {}
    for kind in KINDS:
        first: dict[str, str] = {}
        for key, text in (body.get(kind.section) or {}).items():
            path: NodePath = ("renamed", kind.section, key)
            old = reading.name(key, _canonical(kind), path, key=True)
            new = reading.name(text, _canonical(kind), path)
            # Both are decoded before the check, so that two invalid names give two diagnostics.
            if old is None or new is None:
                continue
            if old in first:
                reading.clash(first[old], key, old, path, key=True)
                continue
            first[old] = key
            found[kind.name, old] = Renaming(kind=kind.name, old=old, new=new, origin=reading.span(path, key=True))
    return tuple(found[row] for row in sorted(found))


def _canonical(kind: Kind) -> Callable[[str], str]:
    return domain_name if kind.name == "domainAlias" else local_part
