"""A server of single canned answers, for those that no real one gives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import respx
from client_world import DOMAIN, settings

from reconciler.core.secret import Secret
from reconciler.smartermail import Server, connect

URL = "https://mail1.example.net/webmail"
USER = {"userName": "anna", "emailAddress": f"anna@{DOMAIN}", "fullName": "Anna", "maxMailboxSize": 0}
FLAGS = {"securityFlags": {"isDisabled": False, "isDomainAdmin": False}, "isPrimaryDomainAdmin": False}
ANNA = {**USER, **FLAGS}
GOOD: dict[str, Any] = {
    "auth/authenticate-user": {
        "accessToken": "t0ken-of-admin",
        "refreshToken": "r3fresh-of-admin",
        "isAdmin": True,
        "success": True,
    },
    "auth/logout-user": {"success": True},
    f"settings/sysadmin/manage-domain/{DOMAIN}": {"impersonateAccessToken": "t0ken-of-domain", "success": True},
    "settings/domain/data": {"domainData": {"name": DOMAIN, "userCount": 1, "aliasCount": 1}, "success": True},
    "settings/domain/domain": {"domainSettings": {"mainDomainAdmin": "anna"}, "success": True},
    "settings/domain/list-users": {"userData": [ANNA], "success": True},
    "settings/domain/aliases": {"gridInfo": [{"name": "sales", "targets": ["anna"]}], "success": True},
    "settings/domain/domain-aliases": {"domainAliasData": None, "success": True},
    "settings/domain/alias-put": {"success": True},
}


def run(work: Callable[[Server], Awaitable[Any]], url: str = URL, **answers: Any) -> Any:
    """What `work` gives against a server that answers as GOOD says, but for these.

    `list_users=...` is an endpoint of the domain, a name with a slash one below `settings`.
    """
    odd = {
        "settings/" + (name if "/" in name else "domain/" + name.replace("_", "-")): answer
        for name, answer in answers.items()
    }

    async def main() -> Any:
        with respx.mock(assert_all_called=False) as router:
            for path, answer in {**GOOD, **odd}.items():
                given = answer if isinstance(answer, httpx.Response | Exception) else httpx.Response(200, json=answer)
                effect = {"side_effect": given} if isinstance(given, Exception) else {"return_value": given}
                router.route(url=f"{url}/api/v1/{path}").mock(**effect)
            async with connect(settings(url), username="admin", password=Secret("p4ss-of-admin")) as server:
                return await work(server)

    return asyncio.run(main())
