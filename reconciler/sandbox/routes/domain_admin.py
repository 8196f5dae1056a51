"""The domain endpoints for domain administrators (API reference section 4.7)."""

from __future__ import annotations

from datetime import datetime

from reconciler.sandbox.binder import BindError
from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.defaults import DOMAIN_ADMIN_WRITABLE
from reconciler.sandbox.domain_views import counts, disk_usage, domain_data, visible_settings
from reconciler.sandbox.domains import change_settings
from reconciler.sandbox.envelope import Reply, ok
from reconciler.sandbox.routes.activation import activated_users
from reconciler.sandbox.routes.dkim import domain_keys

_PERMISSIONS = (
    "enableActiveSyncAccountManagement",
    "enableMapiEwsAccountManagement",
    "enableMailForwarding",
    "enableSmtpAccounts",
    "enableXmpp",
    "enableDisposableAddresses",
    "enableFileStorage",
    "showDomainAliasMenu",
    "showListMenu",
    "showSpamMenu",
    "allowUserSizeChanging",
    "enableDkimSigningDomainAdmin",
)


def get_data(call: Call) -> Reply:
    """`GET settings/domain/data`."""
    return ok(domainData=domain_data(call.domain, call.quirks))


def get_settings(call: Call) -> Reply:
    """`GET settings/domain/domain`, with DKIM."""
    return ok(
        domainSettings={
            **visible_settings(call.domain, call.quirks),
            "domainKeysSettings": domain_keys(call, call.domain),
        }
    )


def post_settings(call: Call) -> Reply:
    """`POST settings/domain/domain`: clients send the complete object; its limits and feature flags are ignored."""
    wanted = call.fields.fields("domainSettings") or call.fields
    change_settings(call.service, call.domain, wanted, only=DOMAIN_ADMIN_WRITABLE)
    return ok()


def list_counts(call: Call) -> Reply:
    """`GET settings/domain/account-list-counts`: counts with their limits (the real names are unknown)."""
    domain = call.domain
    return ok(
        **counts(domain, call.quirks),
        domainAdminCount=sum(user.is_domain_admin for user in domain.users.values()),
        groupCount=0,
        activeSyncCount=len(activated_users(domain, "eas")),
        activeSyncLimit=domain.setting("maxActiveSyncAccounts"),
        mapiEwsCount=len(activated_users(domain, "mapi")),
        mapiEwsLimit=domain.setting("maxMapiEwsAccounts"),
    )


def permissions(call: Call) -> Reply:
    """`GET settings/domain/permissions`."""
    return ok(permissions={name: call.domain.setting(name) for name in _PERMISSIONS})


def forward_blacklist(call: Call) -> Reply:
    """`GET settings/domain/forward-blacklist`."""
    return ok(forwardBlacklist=list(call.domain.forward_blacklist))


def export_users(call: Call) -> Reply:
    """`GET settings/domain/export-users`: a download without envelope (section 1.2)."""
    lines = ["userName,fullName,maxMailboxSize"]
    lines += [f"{user.name},{_quoted(user.full_name)},{user.quota}" for user in call.domain.users.values()]
    return Reply(
        200,
        ("\r\n".join(lines) + "\r\n").encode(),
        {"content-disposition": 'attachment; filename="users.csv"'},
        "text/csv; charset=utf-8",
    )


def user_stats(call: Call) -> Reply:
    """`POST report/user-stats/{from}/{to}`: the size of one user. Traffic is zero: no mail is transported."""
    _dates(call)
    user = call.user(call.fields.text("email"))
    return ok(emailAddress=call.domain.address(user.name), bytesSize=user.size, bytesReceived=0, bytesSent=0)


def domain_stats(call: Call) -> Reply:
    """`GET report/domain-stats/{from}/{to}/{domain}`: the size of a domain. Traffic is zero."""
    _dates(call)
    domain = call.store.domain(call.param("domain"))
    return ok(domain=domain.name, bytesReceived=0, bytesSent=0, bytesSize=disk_usage(domain))


def _dates(call: Call) -> None:
    for name in ("from", "to"):
        # The documented form is `M-d-yyyy` (API reference section 4.7).
        for shape in ("%m-%d-%Y", "%Y-%m-%d"):
            try:
                datetime.strptime(call.param(name), shape)  # noqa: DTZ007 - only the format is checked
                break
            except ValueError:
                continue
        else:
            raise BindError(name)


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


ROUTES = (
    Route("GET", "settings/domain/data", "DA", get_data),
    Route("GET", "settings/domain/domain", "DA", get_settings),
    Route("POST", "settings/domain/domain", "DA", post_settings, is_write=True),
    Route("GET", "settings/domain/account-list-counts", "DA", list_counts),
    Route("GET", "settings/domain/permissions", "DA", permissions),
    Route("GET", "settings/domain/forward-blacklist", "DA", forward_blacklist),
    Route("GET POST", "settings/domain/export-users", "DA", export_users),
    Route("POST", "report/user-stats/{from}/{to}", "DA", user_stats),
    Route("GET", "report/domain-stats/{from}/{to}/{domain}", "SA", domain_stats),
)
