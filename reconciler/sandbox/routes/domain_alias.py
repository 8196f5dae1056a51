"""Domain aliases and the MX rule (API reference section 7)."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.accounts import check_limit
from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.domains import DOMAIN_IN_USE
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.model import Domain
from reconciler.sandbox.names import domain_name, unicode_domain
from reconciler.sandbox.routes.search import in_server_order

MX_MISMATCH = "MX record does not match"
NO_DOMAIN_ALIAS = "Domain alias does not exist."


def list_domain_aliases(call: Call) -> Reply:
    """`GET settings/domain/domain-aliases`; null instead of an empty list."""
    rows: list[dict[str, Any]] | None = in_server_order(
        [
            {"name": name, "aliasIdn": unicode_name, "domainName": call.domain.name, "img": "", "url": ""}
            for name, unicode_name in call.domain.domain_aliases.items()
        ],
        call.quirks,
    )
    # An empty list is null on build 9088 (API reference section 1.4).
    if not rows and "empty-lists-arrays" not in call.quirks:
        rows = None
    return ok(domainAliasData=rows)


def put_domain_alias(call: Call) -> Reply:
    """`POST settings/domain/domain-alias-put/{name}[/{checkMx}]`."""
    domain = call.domain
    _check_menu(call)
    name = domain_name(call.param("name"))
    _check_free(call, name)
    check_limit(domain, "maxDomainAliases", len(domain.domain_aliases))
    check_mx(call, name, wanted=call.flag_param("checkMx") if "checkMx" in call.params else True)
    _add(call, domain, name)
    call.store.note("create", "domainAlias", name)
    return ok()


def delete_domain_alias(call: Call) -> Reply:
    """`POST settings/domain/domain-alias-delete/{name}`."""
    _check_menu(call)
    _drop(call, call.domain, _existing(call, call.param("name")))
    return ok()


def delete_domain_aliases(call: Call) -> Reply:
    """`POST settings/domain/domain-aliases-delete`: deletes the existing ones and reports the others."""
    _check_menu(call)
    problems = []
    for given in call.body.inputs("input"):
        try:
            name = _existing(call, given)
        except Refusal as refusal:
            problems.append(f"{given}: {refusal.message}")
            continue
        _drop(call, call.domain, name)
    if problems:
        raise Refusal("; ".join(problems))
    return ok()


def rename_domain_alias(call: Call) -> Reply:
    """`POST settings/domain/domain-alias/{old}/{new}/{verifyMx}`."""
    domain = call.domain
    _check_menu(call)
    old, new = _existing(call, call.param("old")), domain_name(call.param("new"))
    if new != old:
        _check_free(call, new)
    check_mx(call, new, wanted=call.flag_param("verifyMx"))
    del domain.domain_aliases[old]
    call.store.alias_owner.pop(old, None)
    _add(call, domain, new)
    call.store.note("rename", "domainAlias", old)
    return ok()


def verify_domain_alias(call: Call) -> Reply:
    """`POST settings/domain/domain-alias-verify/{name}`: checks the MX record again."""
    if not mx_matches(call, _existing(call, call.param("name"))):
        raise Refusal(MX_MISMATCH)
    return ok()


def check_mx(call: Call, name: str, *, wanted: bool) -> None:
    """The MX rule: always for a domain administrator; a system administrator can skip it."""
    # A token of manage-domain skips the check; for the header, no source has tested it (API reference section 7), so
    # that a quirk decides.
    may_skip = call.is_elevated and not (call.from_header and "header-mx-checked" in call.quirks)
    if (wanted or not may_skip) and not mx_matches(call, name):
        raise Refusal(MX_MISMATCH)


def mx_matches(call: Call, name: str) -> bool:
    """Whether an MX record of `name` in the sandbox's DNS is this server or the host name of the domain."""
    own = {call.service.config.hostname.lower(), call.domain.hostname.lower()}
    hosts = {value.split()[-1].rstrip(".").lower() for value in call.service.zones.lookup(name, "MX")}
    return bool(hosts & own)


def _check_menu(call: Call) -> None:
    # The switch of the menu is the switch of the feature (API reference section 7).
    if not call.domain.setting("showDomainAliasMenu") and not call.is_elevated:
        raise Refusal("Access denied", status=403)


def _check_free(call: Call, name: str) -> None:
    if name in call.store.domains or name in call.store.alias_owner:
        raise Refusal(DOMAIN_IN_USE)


def _existing(call: Call, given: str) -> str:
    name = domain_name(given)
    if name not in call.domain.domain_aliases:
        raise Refusal(NO_DOMAIN_ALIAS)
    return name


def _add(call: Call, domain: Domain, name: str) -> None:
    domain.domain_aliases[name] = unicode_domain(name)
    call.store.alias_owner[name] = domain.name
    call.store.touch(domain)


def _drop(call: Call, domain: Domain, name: str) -> None:
    del domain.domain_aliases[name]
    call.store.alias_owner.pop(name, None)
    call.store.touch(domain)
    call.store.note("delete", "domainAlias", name)


ROUTES = (
    Route("GET", "settings/domain/domain-aliases", "DA", list_domain_aliases),
    Route("POST", "settings/domain/domain-alias-put/{name}", "DA", put_domain_alias, is_write=True),
    Route("POST", "settings/domain/domain-alias-put/{name}/{checkMx}", "DA", put_domain_alias, is_write=True),
    Route("POST", "settings/domain/domain-alias-delete/{name}", "DA", delete_domain_alias, is_write=True),
    Route("POST", "settings/domain/domain-aliases-delete", "DA", delete_domain_aliases, is_write=True),
    Route("POST", "settings/domain/domain-alias/{old}/{new}/{verifyMx}", "DA", rename_domain_alias, is_write=True),
    Route("POST", "settings/domain/domain-alias-verify/{name}", "DA", verify_domain_alias),
)
