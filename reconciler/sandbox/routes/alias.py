"""Aliases (API reference section 6), and the bulk deletion of all kinds of accounts."""

from __future__ import annotations

import re
from typing import Any

from reconciler.sandbox import defaults
from reconciler.sandbox.accounts import check_limit, delete_user, why_undeletable
from reconciler.sandbox.alias_views import alias_object, grid_row
from reconciler.sandbox.binder import Fields
from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.domains import bound
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.model import Alias, Domain
from reconciler.sandbox.names import bare_name, local_part
from reconciler.sandbox.routes.search import in_server_order
from reconciler.sandbox.store import NAME_IN_USE

NO_ALIAS = "Alias does not exist."
_TARGET = re.compile(r"[^\s@,;<>]+(@[^\s@,;<>]+)?")


def list_aliases(call: Call) -> Reply:
    """`GET settings/domain/aliases[/{search}]`: aliases whose name or a target contains the text."""
    domain = call.domain
    wanted = call.params.get("search", "").strip().lower()
    rows: Any = [
        grid_row(domain, alias, call.quirks)
        for alias in domain.aliases.values()
        if any(wanted in text for text in _searched(domain, alias, full="@" in wanted))
    ]
    rows = in_server_order(rows, call.quirks)
    if not rows and "empty-lists-arrays" not in call.quirks:
        rows = "" if "gridinfo-empty-string" in call.quirks else None
    return ok(gridInfo=rows)


def get_alias(call: Call) -> Reply:
    """`GET settings/domain/alias/{name}` (section 6.2)."""
    return ok(alias=alias_object(call.domain, _alias(call, call.param("name")), call.quirks))


def put_alias(call: Call) -> Reply:
    """`POST settings/domain/alias-put`."""
    domain = call.domain
    wanted = _wanted(call)
    name = local_part(wanted.text("name") or "", domain.name)
    targets = _targets(wanted)
    flags = bound(wanted, defaults.ALIAS_FLAGS)
    if domain.is_taken(name):
        raise Refusal(NAME_IN_USE)
    check_limit(domain, "maxAliases", len(domain.aliases))
    domain.aliases[name] = Alias(name, targets or [], flags)
    call.store.touch(domain, "aliases", name)
    call.store.note("create", "alias", domain.address(name))
    return ok()


def post_alias(call: Call) -> Reply:
    """`POST settings/domain/alias`: replaces the targets. Omitted flags keep their values; a quirk resets them."""
    domain = call.domain
    wanted = _wanted(call)
    old = call.fields.text("oldName") or wanted.text("oldName") or wanted.text("name") or ""
    alias = _alias(call, old)
    name = local_part(wanted.text("name") or alias.name, domain.name)
    if name != alias.name and domain.is_taken(name):
        raise Refusal(NAME_IN_USE)
    targets = _targets(wanted)
    if targets is None:
        targets = alias.targets
    # A complete new object is built first, so that a binding error changes nothing.
    kept = {} if "alias-update-resets-flags" in call.quirks else alias.flags
    after = Alias(name, targets, {**kept, **bound(wanted, defaults.ALIAS_FLAGS)})
    is_same = alias_object(domain, after, call.quirks) == alias_object(domain, alias, call.quirks)
    if name != alias.name:
        del domain.aliases[alias.name]
        call.store.touch(domain, "aliases", alias.name)
        call.store.note("rename", "alias", domain.address(alias.name))
    domain.aliases[name] = after
    call.store.touch(domain, "aliases", name)
    call.store.note("noop" if is_same else "update", "alias", domain.address(name))
    return ok()


def delete_alias(call: Call) -> Reply:
    """`POST settings/domain/alias-delete/{name}`."""
    _remove(call, call.domain, _alias(call, call.param("name")))
    return ok()


def delete_accounts(call: Call) -> Reply:
    """`POST settings/domain/account-list-delete`: deletes users, aliases and lists by name (section 5.7)."""
    domain = call.domain
    problems = []
    for given in call.body.inputs("input"):
        name = bare_name(given, domain.name)
        if name in domain.users:
            reason = why_undeletable(call, domain, name)
            if reason:
                problems.append(f"{given}: {reason}")
            else:
                delete_user(call, domain, name)
        elif name in domain.aliases:
            _remove(call, domain, domain.aliases[name])
        elif name in domain.lists:
            del domain.lists[name]
            call.store.touch(domain, "lists", name)
            call.store.note("delete", "list", domain.address(name))
        else:
            problems.append(f"{given}: account does not exist")
    if problems:
        raise Refusal("; ".join(problems))
    return ok()


def set_catch_all(call: Call) -> Reply:
    """`POST settings/domain/set-catch-all[/{alias}]`: sets or removes the catch-all (section 4.7)."""
    domain = call.domain
    name = _alias(call, call.params["alias"]).name if call.params.get("alias") else ""
    is_same = domain.setting("catchAll") == name
    domain.settings["catchAll"] = name
    call.store.touch(domain)
    call.store.note("noop" if is_same else "update", "domain", domain.name)
    return ok()


def _searched(domain: Domain, alias: Alias, *, full: bool) -> list[str]:
    """The searched texts: name and targets; with `full`, bare names as addresses in the domain."""
    names = [alias.name, *alias.targets]
    return [name if "@" in name else domain.address(name) for name in names] if full else names


def _remove(call: Call, domain: Domain, alias: Alias) -> None:
    del domain.aliases[alias.name]
    call.store.touch(domain, "aliases", alias.name)
    call.store.note("delete", "alias", domain.address(alias.name))
    # A deleted alias cannot remain the catch-all.
    if domain.setting("catchAll") == alias.name:
        domain.settings["catchAll"] = ""
        call.store.touch(domain)


def _alias(call: Call, name: str) -> Alias:
    found = call.domain.aliases.get(bare_name(name, call.domain.name))
    if found is None:
        raise Refusal(NO_ALIAS)
    return found


def _wanted(call: Call) -> Fields:
    wanted = call.fields.fields("alias")
    if wanted is None:
        raise Refusal("Invalid input parameters", status=400)
    return wanted


def _targets(wanted: Fields) -> list[str] | None:
    """The targets in lower case without duplicates; None if the list is absent."""
    given = wanted.texts("aliasTargetList")
    if given is None:
        given = wanted.texts("targets")
    if given is None:
        return None
    targets = list(dict.fromkeys(target.lower() for target in given))
    if not all(_TARGET.fullmatch(target) for target in targets):
        raise Refusal("Invalid input parameters", status=400)
    return targets


ROUTES = (
    Route("GET", "settings/domain/aliases", "DA", list_aliases),
    Route("GET", "settings/domain/aliases/{search}", "DA", list_aliases),
    Route("GET", "settings/domain/list-aliases", "DA", list_aliases),
    Route("GET", "settings/domain/alias/{name}", "DA", get_alias),
    Route("POST", "settings/domain/alias-put", "DA", put_alias, is_write=True),
    Route("POST", "settings/domain/alias", "DA", post_alias, is_write=True),
    Route("POST", "settings/domain/alias-delete/{name}", "DA", delete_alias, is_write=True),
    Route("POST", "settings/domain/account-list-delete", "DA", delete_accounts, is_write=True),
    Route("POST", "settings/domain/set-catch-all", "DA", set_catch_all, is_write=True),
    Route("POST", "settings/domain/set-catch-all/{alias}", "DA", set_catch_all, is_write=True),
)
