"""Tokens over an hour, each with its own expiry; clocks that jump; requests that wait longer than a token is valid."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from client_world import BOSS_PASSWORD, DOMAIN, World
from odd_server import ANNA, run

from reconciler.core.ports import ReadScope
from reconciler.sandbox import SeedDomain
from reconciler.smartermail import Server
from reconciler.smartermail.auth import decode as auth
from reconciler.smartermail.transport import session
from reconciler.smartermail.transport.limiter import ConcurrencyLimit

SCOPE = ReadScope()
SECOND = "second.test"
LOGIN = "POST auth/authenticate-user"
REFRESH = "POST auth/refresh-token"
MANAGE = "POST settings/sysadmin/manage-domain/{domain}"


class Hours:
    """Advances the clocks of the sandbox and of the client by the same time."""

    def __init__(self, world: World, server: Server) -> None:
        self._world = world
        self._ahead = 0.0
        server._calls.tokens._login.clock = lambda: time.monotonic() + self._ahead

    def go(self, seconds: float) -> None:
        self._world.advance(seconds)
        self._ahead += seconds


@pytest.fixture
def two(make: Callable[..., World]) -> World:
    names = (DOMAIN, SECOND)
    return make(
        seed=tuple(SeedDomain(name=n, admin_username="boss", admin_password=BOSS_PASSWORD, dkim=False) for n in names)
    )


def entries(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.own("GET", "requests")["requests"]
    return found


@pytest.mark.parametrize("role", ["admin", "customer"])
def test_an_hour_of_reads_and_writes_refreshes_15_minute_tokens_four_times_without_a_rejection(
    role: str, two: World
) -> None:
    async def main() -> Server:
        async with two.connect() if role == "admin" else two.customer() as server:
            hours, writer = Hours(two, server), server.writer()
            for step in range(25):  # every 150 seconds, the last one after an hour
                name = f"a{step}"
                await writer.create_alias(DOMAIN, name, {"to": ("x@else.test",)})
                assert await writer.read_alias(DOMAIN, name) is not None
                if step % 6 == 0:
                    await asyncio.gather(*(writer.read_domain(DOMAIN, SCOPE) for _ in range(3)))
                hours.go(150)
        return server

    stats = asyncio.run(main()).stats
    assert (stats.logins, stats.by_endpoint[REFRESH], stats.retries) == (1, 4, 0)
    assert stats.by_endpoint[MANAGE] == (1 + 4 if role == "admin" else 0)
    assert {entry["status"] for entry in entries(two)} == {200}, "no request, and so no write, met a dead token"
    assert sum(entry["mutated"] for entry in entries(two) if "alias-put" in entry["path"]) == 25
    assert not two.own("GET", "ids")["failures"]


def test_the_token_of_a_domain_is_refreshed_at_its_own_expiry(two: World) -> None:
    async def work(server: Server) -> None:
        hours, reader = Hours(two, server), server.reader()

        async def refreshes(*domains: str) -> dict[str, int]:
            two.reset()
            await asyncio.gather(*(reader.read_domain_aliases(d) for d in domains for _ in range(5)))
            asked = Counter(two.requests())
            return {name: asked[name] for name in (LOGIN, REFRESH, MANAGE) if asked[name]}

        assert await refreshes(DOMAIN) == {LOGIN: 1, MANAGE: 1}  # minute 0
        hours.go(400)
        assert await refreshes(DOMAIN, SECOND) == {MANAGE: 1}  # the second domain's begins here
        hours.go(450)
        assert await refreshes(SECOND) == {}, "the account's own is due, but nothing needs it"
        assert await refreshes(DOMAIN, SECOND) == {REFRESH: 1, MANAGE: 1}
        hours.go(400)
        assert await refreshes(DOMAIN, SECOND) == {MANAGE: 1}, "the second domain's is due, the account's is not"

    two.run(work)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_jump_of_the_local_clock_by_an_hour_changes_nothing(
    hours: int, filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(hours=hours)

    async def work(server: Server) -> None:
        time_, writer = Hours(filled, server), server.writer()
        await writer.read_domain(DOMAIN, SCOPE)
        monkeypatch.setattr(auth, "datetime", Wrong)
        monkeypatch.setattr(session, "datetime", Wrong)
        for step in range(11):
            await writer.create_alias(DOMAIN, f"a{step}", {"to": ()})
            time_.go(200)
        assert (server.stats.logins, server.stats.by_endpoint[REFRESH]) == (1, 2)

    filled.run(work)
    assert {entry["status"] for entry in entries(filled)} == {200}


def test_a_pause_given_as_a_date_is_measured_with_the_servers_clock() -> None:
    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(hours=5)

    dates = {"date": "Mon, 30 Nov 2026 10:00:00 GMT", "retry-after": "Mon, 30 Nov 2026 10:00:40 GMT"}
    held: list[float] = []

    async def work(server: Server) -> None:
        await server.reader().read_domain(DOMAIN, SCOPE)

    answers = [httpx.Response(503, headers=dates), httpx.Response(200, json={"userData": [ANNA], "success": True})]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "datetime", Wrong)
        patch.setattr(ConcurrencyLimit, "pause", lambda _, seconds: held.append(seconds))
        run(work, list_users=answers)
    assert held == [40.0]


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_request_that_waits_longer_than_the_lifetime_of_its_token_gets_a_new_one(kind: str, filled: World) -> None:
    async def work(server: Server) -> None:
        hours, writer, limiter = Hours(filled, server), server.writer(), server._calls.session.limiter
        await writer.read_domain_aliases(DOMAIN)
        filled.reset()
        limiter.limit.pause(0.2)
        late = writer.create_alias(DOMAIN, "late", {"to": ()}) if kind == "write" else writer.read_alias(DOMAIN, "info")
        task = asyncio.create_task(late)
        while not limiter._waiting:
            await asyncio.sleep(0)
        hours.go(1000)
        await task

    filled.run(work)
    asked = filled.requests()[:-1]
    last = "POST settings/domain/alias-put" if kind == "write" else "GET settings/domain/alias/{name}"
    verified = ["GET settings/domain/data"] if kind == "write" else []
    assert asked == [REFRESH, MANAGE, *verified, last], "a write only with a token that was seen to be the domain's"
    assert {entry["status"] for entry in entries(filled)} == {200}
