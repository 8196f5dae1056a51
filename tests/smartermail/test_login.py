"""One login per run, refreshed sessions, and no second attempt with a rejected password."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from client_world import BOSS_PASSWORD, DOMAIN, SECRET, World, fill

from reconciler.core.errors import AmbiguousWrite, ReconcilerError, RefusedCredentials, Unreachable
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret
from reconciler.sandbox import Thresholds
from reconciler.smartermail import Server

SCOPE = ReadScope()


def refusal(world: World, many: int = 200, **how: str) -> RefusedCredentials:
    """The error of a rejected login, which is the same for all requests and callers."""

    async def work() -> RefusedCredentials:
        async with world.connect(**how) as server:
            reader = server.reader()
            calls = [reader.read_domain(f"d{n}.test", SCOPE) for n in range(many)]
            found = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(e, RefusedCredentials) for e in found)
            with pytest.raises(RefusedCredentials) as later:
                await server.writer().delete_alias(DOMAIN, "sales")
            assert {str(e) for e in found} == {str(later.value)}
            assert server.stats.requests <= 2, "one login, and the logout of an issued session"
            assert server.stats.by_endpoint["POST auth/authenticate-user"] == 1
            return later.value

    return asyncio.run(work())


@pytest.mark.parametrize("quirk", [None, "bad-login-200", "bad-login-400", "bad-login-403", "bad-login-empty"])
def test_a_wrong_password_is_tried_once_for_every_form_of_rejection(
    quirk: str | None, make: Callable[..., World]
) -> None:
    world = make(quirks=frozenset({quirk} - {None}))
    error = refusal(world, 500 if quirk is None else 50, password="wr0ng-Passw0rd")
    assert "user name or the password is wrong" in error.message
    assert "wr0ng-Passw0rd" not in error.message + error.hint
    assert sum(world.own("GET", "ids")["failures"].values()) == 1
    assert world.requests() == ["POST auth/authenticate-user"]


STATES = {
    "second factor": ({"twoFactor": True}, "second factor"),
    "second factor by mail": ({"twoFactor": "email"}, "second factor"),
    "second factor to be set up": ({"twoFactor": "SYSADMIN_NOT_SETUP"}, "second factor"),
    "app password only": ({"appPasswordOnly": True}, "app password"),
    "expired": ({"passwordExpired": True}, "expired"),
    "change needed": ({"changePassword": True}, "must be changed"),
    "disabled": ({"disabled": True}, "disabled"),
}


@pytest.mark.parametrize("state", STATES)
def test_an_account_that_cannot_log_in_unattended_has_its_own_message(state: str, world: World) -> None:
    change, text = STATES[state]
    world.own("POST", "account", {"email": "admin", **change})
    error = refusal(world)
    assert text in error.message
    assert error.hint


@pytest.mark.parametrize("quirk", ["two-factor-old", "two-factor-success-false", "two-factor-no-success"])
def test_a_step_token_is_not_a_login(quirk: str, make: Callable[..., World]) -> None:
    world = make(quirks=frozenset({quirk}))
    world.own("POST", "account", {"email": "admin", "twoFactor": True})
    assert "second factor" in refusal(world).message


def test_a_blocked_address_and_a_wrong_password_have_different_messages(make: Callable[..., World]) -> None:
    world = make(ids=Thresholds(delay_after=100, block_after=2))
    for _ in range(2):
        refusal(world, password="wrong")
    error = refusal(world)
    assert "from this IP address" in error.message
    assert "wrong" not in error.message


def test_an_account_with_the_wrong_role_is_rejected_before_any_read(filled: World) -> None:
    boss = f"boss@{DOMAIN}"
    assert "not a system administrator" in refusal(filled, username=boss, password=BOSS_PASSWORD).message
    assert "does not administer its domain" in (
        refusal(filled, username=f"anna@{DOMAIN}", password=SECRET, role="customer").message
    )
    assert "is a system administrator" in refusal(filled, role="customer").message
    assert set(filled.requests()) == {"POST auth/authenticate-user", "POST auth/logout-user"}


def test_two_clients_of_one_account_do_not_end_each_others_sessions(filled: World) -> None:
    async def work() -> None:
        async with filled.connect() as one, filled.connect() as two:
            for _ in range(3):
                for server in (one, two):
                    await server.reader().read_domain(DOMAIN, SCOPE)
            assert one.stats.logins == two.stats.logins == 1
            assert one.stats.retries == two.stats.retries == 0

    asyncio.run(work())


@pytest.mark.parametrize("role", ["admin", "customer"])
def test_a_session_that_ended_on_the_server_is_refreshed_once_for_all_readers(role: str, filled: World) -> None:
    async def work() -> None:
        async with filled.connect() if role == "admin" else filled.customer() as server:
            reader = server.reader()
            await reader.read_domain(DOMAIN, SCOPE)
            for _ in range(3):
                filled.advance(1000)
                await asyncio.gather(*(reader.read_domain(DOMAIN, SCOPE) for _ in range(20)))
            assert server.stats.logins == 1
            assert server.stats.by_endpoint["POST auth/refresh-token"] == 3
            if role == "admin":
                assert server.stats.by_endpoint["POST settings/sysadmin/manage-domain/{domain}"] == 4 + 3

    asyncio.run(work())
    assert not filled.own("GET", "ids")["failures"], "no refresh token was used twice"


def test_a_token_is_refreshed_before_it_expires_so_that_no_request_is_rejected(make: Callable[..., World]) -> None:
    world = make(access_token_seconds=1.5)

    async def work(server: Server) -> None:
        writer = server.writer()
        await fill(server)
        for number in range(24):
            await writer.create_alias(DOMAIN, f"n{number}", {"to": ("x@else.test",)})
            await asyncio.sleep(0.1)
        await writer.read_domain(DOMAIN, SCOPE)

    world.run(work)
    statuses = [r["status"] for r in world.own("GET", "requests")["requests"]]
    assert set(statuses) == {200}
    assert world.requests().count("POST settings/sysadmin/manage-domain/{domain}") >= 2
    assert world.requests().count("POST auth/authenticate-user") == 1


def test_a_write_with_an_ended_session_is_ambiguous_and_not_sent_again(filled: World) -> None:
    async def work(server: Server) -> None:
        writer = server.writer()
        await writer.read_domain(DOMAIN, SCOPE)
        filled.advance(1000)
        with pytest.raises(AmbiguousWrite, match="401"):
            await writer.create_alias(DOMAIN, "new", {"to": ()})
        assert await writer.read_alias(DOMAIN, "new") is None
        await writer.create_alias(DOMAIN, "new", {"to": ()})

    filled.run(work)


def test_a_rejected_refresh_ends_the_run_without_a_second_attempt(filled: World) -> None:
    async def work(server: Server) -> None:
        reader = server.reader()
        await reader.read_domain(DOMAIN, SCOPE)
        filled.advance(70 * 86400)
        for many in (500, 20, 20):
            found = await asyncio.gather(
                *(reader.read_alias(DOMAIN, "sales") for _ in range(many)), return_exceptions=True
            )
            assert all(isinstance(e, RefusedCredentials) for e in found)
            assert "could not be refreshed" in str(found[0])
        assert server.stats.by_endpoint["POST auth/refresh-token"] == 1
        assert server.stats.logins == 1

    filled.run(work)
    assert sum(filled.own("GET", "ids")["failures"].values()) == 1
    refused = [r["path"] for r in filled.own("GET", "requests")["requests"] if r["status"] == 401]
    assert len(refused) <= 8 + 3, "those in flight, manage-domain, refresh, logout: waiting requests were not sent"


def test_a_refresh_without_an_answer_is_not_sent_again_because_its_token_may_be_used(filled: World) -> None:
    async def work(server: Server) -> None:
        reader = server.reader()
        await reader.read_domain(DOMAIN, SCOPE)
        filled.advance(1000)
        filled.fault("drop-after", path="auth/refresh", times=1)
        for _ in range(2):
            with pytest.raises(Unreachable, match="could not be refreshed"):
                await reader.read_domain(DOMAIN, SCOPE)
        assert server.stats.by_endpoint["POST auth/refresh-token"] == 1

    filled.run(work)


def test_a_cancelled_caller_does_not_cancel_the_login_of_the_others(filled: World) -> None:
    filled.fault("latency", param=200, path="auth/authenticate", times=-1)

    async def work(server: Server) -> None:
        reader = server.reader()
        first = asyncio.create_task(reader.read_domain(DOMAIN, SCOPE))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(reader.read_domain(DOMAIN, SCOPE))
        await asyncio.sleep(0.05)
        first.cancel()
        assert (await second).domain == DOMAIN
        assert server.stats.logins == 1

    filled.run(work)


def test_closing_logs_out_only_after_a_login(filled: World) -> None:
    async def nothing(server: Server) -> None:
        return None

    filled.run(nothing)
    assert filled.requests() == []
    filled.run(lambda s: s.reader().read_domain(DOMAIN, SCOPE))
    assert filled.requests()[-1] == "POST auth/logout-user"
    filled.reset()
    filled.fault("drop-before", path="auth/logout", times=-1)
    filled.run(lambda s: s.reader().read_domain(DOMAIN, SCOPE))
    assert filled.requests()[-1] == "POST auth/logout-user"


def test_an_address_without_the_api_has_its_own_message(world: World) -> None:
    world.url += "/../elsewhere?x="

    async def work(server: Server) -> None:
        with pytest.raises(ReconcilerError) as caught:
            await server.list_domains()
        assert not isinstance(caught.value, RefusedCredentials)
        assert "no SmarterMail API" in caught.value.message or "not JSON" in caught.value.message

    world.run(work)


def test_a_password_is_changed_only_if_one_is_given(filled: World) -> None:
    filled.run(lambda s: s.writer().update_mailbox(DOMAIN, "anna", {"displayName": "A"}, Secret("N3w-password")))
    assert filled.own("POST", "check-password", {"email": f"anna@{DOMAIN}", "password": "N3w-password"})["ok"]
    assert filled.own("POST", "check-password", {"email": f"ben@{DOMAIN}", "password": SECRET})["ok"]
    filled.run(lambda s: s.writer().update_mailbox(DOMAIN, "anna", {"displayName": "B"}, None))
    assert filled.own("POST", "check-password", {"email": f"anna@{DOMAIN}", "password": "N3w-password"})["ok"]
