"""A server with canned answers, for answers that no real server sends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import respx
from client_world import DOMAIN, settings
from respx.models import clone_response

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
    "settings/sysadmin/get-version": {"version": "100.0.9742.26305", "success": True},
    f"settings/sysadmin/manage-domain/{DOMAIN}": {"impersonateAccessToken": "t0ken-of-domain", "success": True},
    "settings/domain/data": {"domainData": {"name": DOMAIN, "userCount": 1, "aliasCount": 1}, "success": True},
    "settings/domain/domain": {"domainSettings": {"mainDomainAdmin": "anna"}, "success": True},
    "settings/domain/list-users": {"userData": [ANNA], "success": True},
    "settings/domain/aliases": {"gridInfo": [{"name": "sales", "targets": ["anna"]}], "success": True},
    "settings/domain/domain-aliases": {"domainAliasData": None, "success": True},
    "settings/domain/alias-put": {"success": True},
}


def run(work: Callable[[Server], Awaitable[Any]], url: str = URL, **answers: Any) -> Any:
    """The result of `work` at a server with the answers of GOOD, except for these.

    `list_users=...` is an endpoint of the domain, a name with a slash one below `settings`; a list of responses is
    given one after the other.
    """
    odd = {
        "settings/" + (name if "/" in name else "domain/" + name.replace("_", "-")): answer
        for name, answer in answers.items()
    }

    answers = {**GOOD, **odd}

    def give(request: httpx.Request) -> httpx.Response:
        path = str(request.url).removeprefix(f"{url}/api/v1/")
        answer = answers[path]  # a missing one is a mistake in the test
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise type(answer)(*answer.args)  # a new one each time: raised twice, it would be its own cause
        if not isinstance(answer, httpx.Response):
            answer = httpx.Response(200, json=answer)
        return clone_response(answer, request)

    async def main() -> Any:
        with respx.mock() as router:
            router.route().mock(side_effect=give)
            async with connect(settings(url), username="admin", password=Secret("p4ss-of-admin")) as server:
                return await work(server)

    return asyncio.run(main())
