"""All faults of the sandbox, as of networks, proxies and busy servers: no write is lost, repeated or invented."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import httpx
import pytest
import stamina
from client_world import BOSS_PASSWORD, DOMAIN, PASSWORD, SECRET, World, settings
from sampling import sampled

from reconciler.core.errors import (
    AmbiguousWrite,
    IncompleteRead,
    ReconcilerError,
    RefusedCredentials,
    UnexpectedAnswer,
    Unreachable,
)
from reconciler.core.model import CurrentDomain
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret
from reconciler.sandbox import FAULTS
from reconciler.smartermail import Server, connect

CANARY = "Canary-Passw0rd"
SCOPE = ReadScope(forwarding=frozenset({"anna", "ben"}), alias_flags=frozenset({"sales"}), eas=True, mapi=True)

PASSING = {
    "429",
    "500",
    "502",
    "503",
    "500-after",
    "502-after",
    "503-after",
    "drop-before",
    "drop-after",
    "drop-mid-body",
}
"""Faults after which a read is retried."""

LASTING: dict[str, type[ReconcilerError] | None] = {
    **dict.fromkeys(PASSING, Unreachable),
    "latency": None,
    "busy": None,
    "latency-after": None,
    "500": UnexpectedAnswer,
    "500-after": UnexpectedAnswer,
    "html": UnexpectedAnswer,
    "html-after": UnexpectedAnswer,
    "truncated-json": UnexpectedAnswer,
    "expired-token": RefusedCredentials,
    "empty-list": IncompleteRead,
    "cut-list": IncompleteRead,
}
"""The exception of a read that meets the fault in all attempts."""

WRITES: dict[str, tuple[type[ReconcilerError] | None, int, int]] = {
    "latency": (None, 1, 1),
    "busy": (None, 1, 1),
    "latency-after": (None, 1, 1),
    "429": (None, 2, 1),
    "500": (AmbiguousWrite, 1, 0),
    "502": (AmbiguousWrite, 1, 0),
    "503": (AmbiguousWrite, 1, 0),
    "500-after": (AmbiguousWrite, 1, 1),
    "502-after": (AmbiguousWrite, 1, 1),
    "503-after": (AmbiguousWrite, 1, 1),
    "drop-before": (AmbiguousWrite, 1, 0),
    "drop-after": (AmbiguousWrite, 1, 1),
    "drop-mid-body": (AmbiguousWrite, 1, 1),
    "html": (AmbiguousWrite, 1, 0),
    "html-after": (AmbiguousWrite, 1, 1),
    "truncated-json": (AmbiguousWrite, 1, 1),
    "expired-token": (AmbiguousWrite, 1, 0),
    "empty-list": (None, 1, 1),
    "cut-list": (None, 1, 1),
}
"""The exception of a write that meets the fault once, how often it is sent, and how often it took effect."""


def test_the_tables_contain_every_fault_of_the_sandbox() -> None:
    assert LASTING.keys() == FAULTS.keys()
    assert WRITES.keys() == FAULTS.keys()


async def read(server: Server) -> CurrentDomain:
    return replace(await server.reader().read_domain(DOMAIN, SCOPE), requests=0)


def param(name: str) -> dict[str, float]:
    return {"param": 20.0} if name.startswith("latency") else {}


READS = ("settings/domain/aliases", "settings/domain/list-users", "settings/domain/data", "auth")
STRIKES = [(path, name) for path in READS for name in FAULTS]
"""19 faults at 4 paths: every third pair, thus each fault at least once and each path with at least six faults."""


@pytest.mark.parametrize(
    ("path", "name"),
    [pytest.param(*pair, marks=() if number % 5 == 0 else pytest.mark.long) for number, pair in enumerate(STRIKES)],
)
def test_a_single_fault_during_a_read_changes_nothing_or_stops_the_read(name: str, path: str, filled: World) -> None:
    clean = filled.run(read)
    filled.fault(name, path=path, times=1, **param(name))

    async def work(server: Server) -> None:
        try:
            assert await read(server) == clean
        except ReconcilerError as e:
            assert name not in PASSING, e.message
            assert path in e.message or "login" in e.message or DOMAIN in e.message
        else:
            assert server.stats.retries == (name in PASSING)
        filled.heal()
        if path != "auth":
            assert await read(server) == clean, "one failure does not spoil what follows"

    filled.run(work)


@pytest.mark.parametrize("name", sampled(FAULTS, 2))
def test_a_permanent_fault_ends_a_read_with_an_exception_of_the_core(name: str, filled: World) -> None:
    clean = filled.run(read)
    filled.fault(name, path="settings/domain/(aliases|list-users)", times=-1, **param(name))

    async def work(server: Server) -> None:
        wanted = LASTING[name]
        if wanted is None:
            assert await read(server) == clean
            return
        with pytest.raises(wanted) as caught:
            await read(server)
        assert type(caught.value) is wanted
        assert server.stats.writes == 0

    filled.run(work)


@pytest.mark.parametrize("name", FAULTS)
def test_a_write_after_a_fault_is_sent_again_only_if_the_server_did_nothing(name: str, filled: World) -> None:
    wanted, sent, effects = WRITES[name]

    async def work(server: Server) -> None:
        writer = server.writer()
        await writer.read_domain_aliases(DOMAIN)
        filled.fault(name, path="settings/domain/alias-put", times=1, **param(name))
        if wanted is None:
            await writer.create_alias(DOMAIN, "new", {"to": ("x@else.test",)})
        else:
            with pytest.raises(wanted) as caught:
                await writer.create_alias(DOMAIN, "new", {"to": ("x@else.test",)})
            assert type(caught.value) is wanted
            assert caught.value.hint
        found = await writer.read_alias(DOMAIN, "new")
        assert (found is not None) == (effects == 1), "a read afterwards tells what happened"

    filled.run(work)
    entries = filled.own("GET", "requests")["requests"]
    assert sum(e["path"].startswith("settings/domain/alias-put") for e in entries) == sent
    assert filled.effects().get(f"alias new@{DOMAIN}", {}).get("create", 0) == effects


def test_empty_lists_with_higher_counts_stop_every_kind_of_read(filled: World) -> None:
    for path, what in (
        ("list-users", "mailboxes"),
        ("domain/aliases", "aliases"),
        ("domain-aliases", "domain aliases"),
    ):
        filled.heal()
        filled.fault("empty-list", path=path, times=-1)
        with pytest.raises(IncompleteRead, match=rf"0 {what}, but the server counts [123]"):
            filled.run(read)

    async def one(server: Server) -> None:
        reader = server.reader()
        filled.heal()
        filled.fault("empty-list", path="list-users|aliases", times=-1)
        with pytest.raises(IncompleteRead):
            await reader.read_mailbox(DOMAIN, "nobody")
        with pytest.raises(IncompleteRead):
            await reader.read_alias(DOMAIN, "nothing")
        with pytest.raises(IncompleteRead):
            await reader.read_domain_aliases(DOMAIN)

    filled.run(one)


def test_a_timeout_stops_a_read_and_makes_a_write_ambiguous(filled: World) -> None:
    async def work(server: Server) -> None:
        writer = server.writer()
        await writer.read_domain_aliases(DOMAIN)
        filled.fault("latency", param=1500, path="alias", times=-1)
        with pytest.raises(AmbiguousWrite, match="no answer came"):
            await writer.create_alias(DOMAIN, "late", {"to": ()})
        with pytest.raises(Unreachable, match="no answer"):
            await writer.read_alias(DOMAIN, "late")
        assert server.stats.by_endpoint["GET settings/domain/alias/{name}"] == 4
        filled.heal()

    filled.run(work, timeout=0.3)


def test_a_requested_pause_is_never_shortened(filled: World) -> None:
    filled.fault("429", param=0.6, path="settings/domain/aliases", times=1)

    async def work(server: Server) -> float:
        with stamina.set_testing(False):
            started = time.perf_counter()
            await read(server)
            return time.perf_counter() - started

    assert filled.run(work) >= 0.6


def test_a_port_without_a_server_is_unreachable() -> None:
    async def work() -> None:
        async with connect(settings("http://127.0.0.1:1"), username="admin", password=Secret(PASSWORD)) as server:
            for _ in range(3):
                with pytest.raises(Unreachable, match="no connection") as caught:
                    await server.reader().read_domain(DOMAIN, ReadScope())
                assert not isinstance(caught.value, httpx.HTTPError)
            assert server.stats.requests == 4, "tried four times, then known to be away"

    asyncio.run(work())


def test_a_connection_that_fails_before_sending_is_not_ambiguous(filled: World) -> None:
    async def work(server: Server) -> None:
        writer = server.writer()
        await writer.read_domain_aliases(DOMAIN)
        filled.box.stop()
        await asyncio.sleep(0.1)
        with pytest.raises((Unreachable, AmbiguousWrite)):  # an idle connection may be closed during the first request
            await writer.create_alias(DOMAIN, "x", {"to": ()})
        with pytest.raises(Unreachable, match="no connection"):
            await writer.create_alias(DOMAIN, "x", {"to": ()})

    filled.run(work)


def test_hundreds_of_requests_at_once_never_exceed_the_limit_and_all_come_back(filled: World) -> None:
    filled.fault("latency", param=15, path="get-user", times=-1)

    async def work(server: Server) -> None:
        reader = server.reader()
        busy = most = 0
        send = server._calls.session._complete_answer

        async def watched(*args: object) -> object:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            try:
                return await send(*args)
            finally:
                busy -= 1

        server._calls.session._complete_answer = watched
        found = await asyncio.gather(*(reader.read_mailbox(DOMAIN, "anna") for _ in range(100)))
        assert all(m is not None and m.display_name == "Anna A" for m in found)
        assert most <= 12
        assert server.stats.retries == 0
        assert len(server._calls.session._clients) == 2

    filled.run(work, max_concurrency=12)


@pytest.mark.parametrize("kind", ["admin", "customer"])
def test_no_fault_leaks_a_secret_into_a_message_or_a_log(
    kind: str, filled: World, caplog: pytest.LogCaptureFixture
) -> None:
    import logging
    import traceback

    caplog.set_level(logging.DEBUG)
    texts: list[str] = []

    async def work(name: str) -> None:
        server = filled.connect() if kind == "admin" else filled.customer()
        async with server:
            try:
                await server.writer().create_mailbox(DOMAIN, f"x{name}", {}, Secret(CANARY))
                await server.writer().update_mailbox(DOMAIN, "anna", {"quota": 5}, Secret(CANARY))
                await read(server)
            except ReconcilerError as e:
                texts.extend([*traceback.format_exception(e), e.message, e.hint, repr(e.args)])
            tokens = server._calls.tokens
            texts.append(repr((tokens, tokens._own, tokens._domains, server)))

    for name in FAULTS:
        filled.heal()
        filled.fault(name, times=2, skip=2, **param(name))
        asyncio.run(work(name.replace("-", "")))
    seen = "\n".join([*texts, caplog.text])
    for secret in (CANARY, PASSWORD, BOSS_PASSWORD, SECRET, "eyJ", "Bearer "):
        assert secret not in seen
    assert "POST settings/domain/user-put" in caplog.text
