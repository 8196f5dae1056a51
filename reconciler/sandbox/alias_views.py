"""The JSON objects of aliases in answers (API reference sections 5.1 B, 6.1, 6.2)."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox import defaults
from reconciler.sandbox.clock import NEVER
from reconciler.sandbox.model import Alias, Domain
from reconciler.sandbox.quirks import Quirks

_NEWER_FIELDS = ("isEnabled", "description")


def shown_targets(domain: Domain, alias: Alias, quirks: Quirks) -> list[str]:
    """The targets; quirks shorten or reorder them."""
    targets = list(alias.targets)
    if "bare-targets" in quirks:
        targets = [target.removesuffix(f"@{domain.name}") for target in targets]
    if "reordered-targets" in quirks:
        targets.sort(reverse=True)
    return targets


def _flags(alias: Alias, quirks: Quirks) -> dict[str, Any]:
    flags = {name: alias.value(name) for name in defaults.ALIAS_FLAGS}
    if "alias-object-old" in quirks:
        for name in _NEWER_FIELDS:
            del flags[name]
    return flags


def alias_object(domain: Domain, alias: Alias, quirks: Quirks) -> dict[str, Any]:
    """The complete alias, as `GET alias/{name}` returns it."""
    return {
        "name": alias.name,
        "aliasTargetList": shown_targets(domain, alias, quirks),
        **_flags(alias, quirks),
    }


def grid_row(domain: Domain, alias: Alias, quirks: Quirks) -> dict[str, Any]:
    """A row of `GET aliases`."""
    targets: list[str] | None = shown_targets(domain, alias, quirks)
    if "alias-rows-null-targets" in quirks:
        targets = None
    row: dict[str, Any] = {"name": alias.name}
    row["aliasTargetList" if "alias-rows-old-key" in quirks else "targets"] = targets
    if "alias-rows-with-flags" in quirks:
        row |= _flags(alias, quirks)
    return row


def search_row(domain: Domain, alias: Alias, quirks: Quirks) -> dict[str, Any]:
    """A row of account-list-search for an alias, with its name in `userName`."""
    row: dict[str, Any] = {
        "userName": alias.name,
        "displayName": alias.value("displayName"),
        "emailAddress": domain.address(alias.name),
        "accountType": 4,
        "isEnabled": alias.value("isEnabled"),
        "status": "Enabled" if alias.value("isEnabled") else "Disabled",
        "lastLogin": NEVER,
        "totalMailboxSize": 0,
        "authType": 0,
    }
    if "alias-rows-without-targets" not in quirks:
        row["aliasTargetList"] = shown_targets(domain, alias, quirks)
        row |= _flags(alias, quirks)
    return row
