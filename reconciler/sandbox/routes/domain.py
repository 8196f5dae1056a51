"""The domain endpoints for system administrators (API reference sections 4.1 to 4.6)."""

from __future__ import annotations

from reconciler.sandbox import defaults
from reconciler.sandbox.accounts import check_new_password
from reconciler.sandbox.binder import Fields
from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.domain_views import domain_data, domain_row, visible_settings
from reconciler.sandbox.domains import (
    DEFAULT_ADMIN,
    bind_settings,
    change_settings,
    create_domain,
    delete_domain,
    rename_domain,
)
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.model import Domain
from reconciler.sandbox.routes.search import in_server_order
from reconciler.sandbox.store import NO_DOMAIN


def list_domains(call: Call) -> Reply:
    """`GET settings/sysadmin/domains`: counts and limits of all domains (section 4.1)."""
    rows = [domain_row(domain, call.quirks) for domain in call.store.domains.values()]
    return ok(data=in_server_order(rows, call.quirks))


def domain_names(call: Call) -> Reply:
    """`GET settings/sysadmin/domain-names` (section 4.2)."""
    return ok(data=in_server_order(list(call.store.domains), call.quirks))


def get_domain(call: Call) -> Reply:
    """`GET settings/sysadmin/domain/{domain}`: 404 for an unknown domain (section 4.3)."""
    return ok(domainData=domain_data(_domain_or_404(call), call.quirks))


def get_settings(call: Call) -> Reply:
    """`GET settings/sysadmin/domain-settings/{domain}` (section 4.4)."""
    return ok(domainSettings=visible_settings(call.store.domain(call.param("domain")), call.quirks))


def post_settings(call: Call) -> Reply:
    """`POST settings/sysadmin/domain-settings/{domain}`: a partial merge (section 4.5)."""
    domain = call.store.domain(call.param("domain"))
    was_enabled = domain.is_enabled
    change_settings(call.service, domain, call.fields.fields("domainSettings") or call.fields)
    # Sessions in a suspended domain must end immediately.
    if was_enabled and not domain.is_enabled:
        for name in domain.users:
            call.service.tokens.revoke_user(domain.address(name))
    return ok()


def put_domain(call: Call) -> Reply:
    """`POST settings/sysadmin/domain-put`: creates a domain and its primary administrator (section 4.6)."""
    data = call.fields.fields("domainData")
    if data is None:
        raise Refusal("Invalid input parameters", status=400)
    password = call.fields.text("adminPassword") or ""
    admin = call.fields.text("adminUsername") or data.text("mainDomainAdmin") or DEFAULT_ADMIN
    check_new_password(None, admin, password)
    wanted = {name: data.value(name) for name in (*defaults.DOMAIN_SETTINGS, *defaults.LIMIT_NAMES) if name in data}
    # In this body, domainAliasCount is a limit, not a count (section 4.6).
    if data.number("domainAliasCount"):
        wanted["maxDomainAliases"] = data.number("domainAliasCount")
    create_domain(
        call.service,
        name=data.text("name") or "",
        admin=admin,
        password=password,
        hostname=data.text("hostname") or "",
        path=data.text("path") or "",
        settings=bind_settings(Fields(wanted)),
    )
    return ok()


def remove_domain(call: Call) -> Reply:
    """`POST settings/sysadmin/domain-delete/{domain}[/{deleteFiles}]`: 404 for an unknown domain."""
    if "deleteFiles" in call.params:
        call.flag_param("deleteFiles")
    delete_domain(call.service, _domain_or_404(call))
    return ok()


def rename(call: Call) -> Reply:
    """`POST settings/sysadmin/rename-domain`."""
    domain = call.store.domain(call.fields.text("oldDomainName") or "")
    rename_domain(call.service, domain, call.fields.text("newDomainName") or "")
    return ok()


def reload_domain(call: Call) -> Reply:
    """`POST settings/sysadmin/reload-domain/{domain}`: only checks that the domain exists."""
    call.store.domain(call.param("domain"))
    return ok()


def export_domains(call: Call) -> Reply:
    """`POST settings/sysadmin/export-domains-list`: a CSV download."""
    lines = ["name,hostname,users,aliases"]
    lines += [
        f"{domain.name},{domain.hostname},{len(domain.users)},{len(domain.aliases)}"
        for domain in call.store.domains.values()
    ]
    return Reply(
        200,
        ("\r\n".join(lines) + "\r\n").encode(),
        {"content-disposition": 'attachment; filename="domains.csv"'},
        "text/csv; charset=utf-8",
    )


def _domain_or_404(call: Call) -> Domain:
    found = call.store.find(call.param("domain"))
    if found is None:
        raise Refusal(NO_DOMAIN, status=404)
    return found


ROUTES = (
    Route("GET", "settings/sysadmin/domains", "SA", list_domains),
    Route("GET", "settings/sysadmin/domain-names", "SA", domain_names),
    Route("GET", "settings/sysadmin/domain/{domain}", "SA", get_domain),
    Route("GET", "settings/sysadmin/domain-settings/{domain}", "SA", get_settings),
    Route("POST", "settings/sysadmin/domain-settings/{domain}", "SA", post_settings, is_write=True),
    Route("POST", "settings/sysadmin/domain-put", "SA", put_domain, is_write=True),
    Route("POST", "settings/sysadmin/domain-delete/{domain}", "SA", remove_domain, is_write=True),
    Route("POST", "settings/sysadmin/domain-delete/{domain}/{deleteFiles}", "SA", remove_domain, is_write=True),
    Route("POST", "settings/sysadmin/rename-domain", "SA", rename, is_write=True),
    Route("POST", "settings/sysadmin/reload-domain/{domain}", "SA", reload_domain),
    Route("POST GET", "settings/sysadmin/export-domains-list", "SA", export_domains),
)
