"""The JSON objects of domains in answers (API reference sections 4.1 to 4.7)."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox import defaults
from reconciler.sandbox.model import Domain
from reconciler.sandbox.names import unicode_domain
from reconciler.sandbox.quirks import Quirks

_MEBIBYTE = 1024 * 1024


def user_count(domain: Domain, quirks: Quirks) -> int:
    """The number of users that count toward the limit. A quirk excludes the primary administrator."""
    return len(domain.users) - ("admin-not-counted" in quirks and domain.main_admin in domain.users)


def disk_usage(domain: Domain) -> int:
    """The size of all mailboxes in bytes."""
    return sum(user.size for user in domain.users.values())


def counts(domain: Domain, quirks: Quirks) -> dict[str, int]:
    """Counts with their limits, as in all domain objects."""
    return {
        "userCount": user_count(domain, quirks),
        "userLimit": domain.setting("maxUsers"),
        "aliasCount": len(domain.aliases),
        "aliasLimit": domain.setting("maxAliases"),
        "domainAliasCount": len(domain.domain_aliases),
        "domainAliasLimit": domain.setting("maxDomainAliases"),
        "listCount": len(domain.lists),
        "listLimit": domain.setting("maxLists"),
    }


def domain_row(domain: Domain, quirks: Quirks) -> dict[str, Any]:
    """A row of `settings/sysadmin/domains`."""
    size = disk_usage(domain)
    return {
        "name": domain.name,
        "path": domain.path,
        "hostname": domain.hostname,
        "isEnabled": domain.is_enabled,
        "status": "Enabled" if domain.is_enabled else "Disabled",
        **counts(domain, quirks),
        "size": size,
        "maxSize": domain.setting("maxSize"),
        "sizeMb": size // _MEBIBYTE,
        "fileStorageSize": 0,
        "fileStorageSizeMb": 0,
        "imgLink": "",
    }


def domain_data(domain: Domain, quirks: Quirks) -> dict[str, Any]:
    """`domainData`, equal for system and domain administrators."""
    size = disk_usage(domain)
    usage: dict[str, Any] = {"diskUsage": size, "size": size, "sizeMb": size // _MEBIBYTE}
    if "usage-as-size" in quirks:
        del usage["diskUsage"]
    if "usage-as-sizemb" in quirks:
        usage = {"sizeMb": size // _MEBIBYTE}
    data = {
        "name": domain.name,
        "idnName": unicode_domain(domain.name),
        "path": domain.path,
        "hostname": domain.hostname,
        "isEnabled": domain.is_enabled,
        **counts(domain, quirks),
        **usage,
        "maxSize": domain.setting("maxSize"),
        "mainDomainAdmin": domain.main_admin,
        "isSplitDomain": domain.setting("isSplitDomain"),
    }
    # Builds may lack this field (API reference section 4.7).
    if "no-domain-alias-count" in quirks:
        del data["domainAliasCount"]
    return data


_SWITCHES = ("enableActiveSyncAccountManagement", "enableMapiEwsAccountManagement", "enableMailForwarding")


def visible_settings(domain: Domain, quirks: Quirks) -> dict[str, Any]:
    """`domainSettings` in answers. Builds differ in its fields (section 4.4)."""
    left_out = _SWITCHES if "settings-without-switches" in quirks else ()
    return {name: value for name, value in domain_settings(domain).items() if name not in left_out}


def domain_settings(domain: Domain) -> dict[str, Any]:
    """`domainSettings` without DKIM."""
    return {
        **defaults.DOMAIN_SETTINGS,
        **domain.settings,
        "domainPath": domain.path,
        "hostname": domain.hostname,
        "mainDomainAdmin": domain.main_admin,
        "throttleSettings": {**defaults.THROTTLE, **domain.throttle},
    }
