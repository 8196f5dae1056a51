"""The server itself: version, license, monitoring, blocked addresses (API reference sections 2.10 and 3)."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.envelope import Reply, ok


def get_version(call: Call) -> Reply:
    """`GET settings/sysadmin/get-version`."""
    # The suffix has the place of the hash in real versions (API reference section 3).
    return ok(version=f"{call.service.config.version}+sandbox")


def _info(call: Call) -> dict[str, Any]:
    version = call.service.config.version
    count = len(call.store.domains)
    return {
        # The real names are uncertain, so that the answer has every name that clients expect (API reference section 3).
        "productVersion": version,
        "version": version,
        "productEdition": "Enterprise",
        "edition": "Enterprise",
        "totalDomains": count,
        "domainCount": count,
        "hostname": call.service.config.hostname,
    }


def system_info(call: Call) -> Reply:
    """`GET settings/sysadmin/system-info` and `sysadmin-info`."""
    return ok(**_info(call))


def server_settings(call: Call) -> Reply:
    """`GET settings/sysadmin/server-settings`."""
    return ok(serverSettings=_info(call), **_info(call))


def licensing_about(call: Call) -> Reply:
    """`GET licensing/about`."""
    version = call.service.config.version
    return ok(product="SmarterMail API sandbox", version=version, about=f"SmarterMail API sandbox {version}")


def licensing_info(_: Call) -> Reply:
    """`GET licensing/info`: edition 0 is Enterprise."""
    return ok(edition=0, isLicensed=True)


def notifications(_: Call) -> Reply:
    """`GET settings/sysadmin/license-notifications`: always empty."""
    return ok(notifications=[])


def services(_: Call) -> Reply:
    """`GET settings/sysadmin/services`: only the API."""
    return ok(services=[{"name": "api", "isRunning": True}])


def dashboard(call: Call) -> Reply:
    """`GET settings/sysadmin/dashboard-stats`."""
    domains = call.store.domains.values()
    return ok(
        domains=len(domains),
        users=sum(len(domain.users) for domain in domains),
        aliases=sum(len(domain.aliases) for domain in domains),
        blockedIps=len(call.service.ids.blocked()),
    )


def blocked_ips(call: Call) -> Reply:
    """`GET/POST settings/sysadmin/blocked-ips`."""
    rows = call.service.ids.blocked()
    return ok(blockedIps=rows, results=rows, totalCount=len(rows))


def blocked_ips_count(call: Call) -> Reply:
    """`GET settings/sysadmin/blocked-ips-count`."""
    count = len(call.service.ids.blocked())
    return ok(count=count, totalCount=count)


def unblock_ips(call: Call) -> Reply:
    """`POST settings/sysadmin/unblock-ips`: `input`, `ips` or a bare array of addresses."""
    return ok(count=call.service.ids.forgive(call.body.inputs("input", "ips", "ipAddresses")))


def ip_access(_: Call) -> Reply:
    """`GET/POST settings/sysadmin/ip-access`: always empty: no address is permanently allowed or denied."""
    return ok(results=[], totalCount=0)


ROUTES = (
    Route("GET", "settings/sysadmin/get-version", "SA", get_version),
    Route("GET", "settings/sysadmin/system-info", "SA", system_info),
    Route("GET", "settings/sysadmin/sysadmin-info", "SA", system_info),
    Route("GET", "settings/sysadmin/server-settings", "SA", server_settings),
    Route("GET", "licensing/about", "SA", licensing_about),
    Route("GET", "licensing/info", "SA", licensing_info),
    Route("GET", "settings/sysadmin/license-notifications", "SA", notifications),
    Route("GET", "settings/sysadmin/services", "SA", services),
    Route("GET", "settings/sysadmin/dashboard-stats", "SA", dashboard),
    Route("GET POST", "settings/sysadmin/blocked-ips", "SA", blocked_ips),
    Route("GET POST", "settings/sysadmin/blocked-ips-count", "SA", blocked_ips_count),
    Route("POST", "settings/sysadmin/unblock-ips", "SA", unblock_ips, is_write=True),
    Route("GET POST", "settings/sysadmin/ip-access", "SA", ip_access),
)
