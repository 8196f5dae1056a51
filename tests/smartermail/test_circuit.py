"""An unreachable server gets few requests, all of them fail with the same message, and other servers are not affected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from client_world import BOSS_PASSWORD, DOMAIN, PASSWORD, World, settings

from reconciler.core.errors import AmbiguousWrite, ReconcilerError, UnexpectedAnswer, Unreachable
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret
from reconciler.sandbox import SeedDomain
from reconciler.smartermail import Server, connect
from reconciler.smartermail.transport.circuit import IN_A_ROW, LONGEST_REST, REST, Circuit

SCOPE = ReadScope()


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(time: Time) -> Circuit:
    circuit = Circuit("mail1", time)
    for _ in range(IN_A_ROW):
        circuit.check()
        circuit.unanswered("mail1: GET x: no answer")
    return circuit


def is_refused(circuit: Circuit) -> bool:
    try:
        circuit.check()
    except Unreachable:
        return True
    return False


def test_the_circuit_breaker_opens_after_three_unanswered_requests_in_a_row() -> None:
    circuit = opened(Time())
    with pytest.raises(Unreachable) as caught:
        circuit.check()
    assert caught.value.message == (
        "mail1: skipped; circuit breaker open for 30 s (3 requests in a row got no response); "
        "last error: mail1: GET x: no answer"
    )
    assert caught.value.hint.endswith("nothing was sent")


def test_an_answer_in_between_keeps_the_circuit_breaker_closed() -> None:
    circuit = Circuit("mail1", Time())
    for _ in range(20):
        circuit.unanswered("x")
        circuit.unanswered("x")
        circuit.answered()
    circuit.check()


def test_after_the_pause_one_probe_decides_and_other_requests_fail_without_waiting() -> None:
    time = Time()
    circuit = opened(time)
    time.now += REST - 0.1
    assert not circuit.is_due and is_refused(circuit)
    time.now += 0.1
    assert circuit.is_due and is_refused(circuit)
    circuit.begin_probe()
    assert not circuit.is_due and is_refused(circuit)
    circuit.end_probe(is_reachable=False)
    assert not circuit.is_due and is_refused(circuit)
    time.now += REST
    circuit.begin_probe()
    circuit.end_probe(is_reachable=True)
    assert not circuit.is_open and not is_refused(circuit)


def test_a_server_can_request_a_longer_pause_up_to_the_maximum() -> None:
    time = Time()
    for asked, kept in ((5, REST), (600, 600), (1e8, LONGEST_REST)):
        circuit = Circuit("mail1", time)
        circuit.trip("the server requested a pause", Unreachable("busy"), asked)
        time.now += kept - 1
        assert not circuit.is_due
        time.now += 1
        assert circuit.is_due


class Dead:
    """A server that accepts connections, counts them and closes them immediately."""

    def __init__(self) -> None:
        self.connections = 0

    async def __aenter__(self) -> Dead:
        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            writer.close()

        self._server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


def test_an_unreachable_server_gets_four_attempts_for_all_its_domains_and_another_server_is_not_affected(
    make: Callable[..., World],
) -> None:
    names = [f"d{number}.test" for number in range(6)]
    seed = tuple(SeedDomain(name=n, admin_username="boss", admin_password=BOSS_PASSWORD, dkim=False) for n in names)
    world = make(seed=seed)

    async def main() -> tuple[int, list[Any], list[Any], set[str]]:
        async with Dead() as dead, world.connect() as alive:
            away = connect(settings(dead.url), username="admin", password=Secret(PASSWORD))
            async with away:
                fleet = [away.reader().read_domain(f"x{number}.test", SCOPE) for number in range(500)]
                first, found = await asyncio.gather(
                    asyncio.gather(*fleet, return_exceptions=True),
                    asyncio.gather(*(alive.reader().read_domain(name, SCOPE) for name in names)),
                )
                later = await asyncio.gather(
                    *(away.reader().read_domain(f"y{number}.test", SCOPE) for number in range(50)),
                    return_exceptions=True,
                )
                return dead.connections, first, found, {str(e) for e in later}

    connections, first, found, later = asyncio.run(main())
    assert connections == 4
    assert all(type(e) is Unreachable for e in first)
    assert [current.domain for current in found] == names
    (text,) = later
    assert text.startswith("mail1: skipped; circuit breaker open for 30 s (the login failed); last error: ")


def calls_of(world: World, path: str) -> int:
    return sum(path in line for line in world.requests())


def test_a_server_that_fails_during_a_run_costs_at_most_the_retry_budget(filled: World) -> None:
    async def work(server: Server) -> None:
        reader = server.reader()
        await reader.read_mailbox(DOMAIN, "anna")
        filled.reset()
        filled.fault("drop-before", times=-1)
        found = await asyncio.gather(*(reader.read_mailbox(DOMAIN, "anna") for _ in range(500)), return_exceptions=True)
        assert all(type(e) is Unreachable for e in found)
        assert sum("circuit breaker open" in str(e) for e in found) > 450
        filled.heal()

    filled.run(work)
    # 8 in flight, then 5, 3, 2, 1 of the 500 are tried before three of them have used all their attempts.
    assert calls_of(filled, "settings") < 60, "500 domains times four tries would be 2000"


def test_a_probe_without_a_token_detects_that_the_server_answers_again_and_the_run_continues(filled: World) -> None:
    async def work(server: Server) -> None:
        time = Time()
        server._calls.session.circuit._clock = time
        reader = server.reader()
        await reader.read_mailbox(DOMAIN, "anna")
        filled.fault("503", times=-1)
        for _ in range(IN_A_ROW):
            with pytest.raises(Unreachable, match="503"):
                await reader.read_alias(DOMAIN, "sales")
        filled.reset()
        for healed in (False, True):
            time.now += REST
            if healed:
                filled.heal()
            filled.fault("latency", param=50, path="domain/data", times=1)
            work = [reader.read_alias(DOMAIN, "sales") for _ in range(50)]
            found = await asyncio.gather(*work, return_exceptions=True)
            refused = [e for e in found if isinstance(e, Unreachable)]
            assert len(refused) == (49 if healed else 50), "only who sent the probe goes on, if it is answered"
            assert len({str(e) for e in refused}) == 1
            assert calls_of(filled, "domain/data") == 1 + healed
        assert await reader.read_alias(DOMAIN, "sales") is not None
        assert server.stats.logins == 1

    filled.run(work)
    first, second, *others = filled.own("GET", "requests")["requests"]
    assert (first["status"], second["status"], second["token"]) == (503, 401, "-")
    assert {entry["status"] for entry in others} == {200}


def test_an_open_circuit_breaker_stops_writes_before_they_are_sent_and_ambiguous_writes_stay_ambiguous(
    filled: World,
) -> None:
    async def work(server: Server) -> None:
        writer = server.writer()
        await writer.read_domain_aliases(DOMAIN)
        filled.reset()
        filled.fault("drop-after", path="alias-put", times=-1)
        for number in range(IN_A_ROW):
            with pytest.raises(AmbiguousWrite, match="no answer came"):
                await writer.create_alias(DOMAIN, f"a{number}", {"to": ()})
        for _ in range(5):
            with pytest.raises(Unreachable, match="circuit breaker open"):
                await writer.create_alias(DOMAIN, "late", {"to": ()})
            with pytest.raises(Unreachable, match="circuit breaker open"):
                await writer.read_alias(DOMAIN, "a0")

    filled.run(work)
    assert calls_of(filled, "settings") == IN_A_ROW, "what the circuit refuses was never sent"
    assert "alias late@example.test" not in filled.effects()


def test_a_login_at_the_wrong_address_is_not_repeated_for_every_domain(world: World) -> None:
    world.url += "/../elsewhere?x="

    async def work(server: Server) -> None:
        for _ in range(5):
            with pytest.raises(UnexpectedAnswer):
                await server.reader().read_domain(DOMAIN, SCOPE)
        assert server.stats.logins == 1

    world.run(work)


def test_a_too_long_requested_pause_opens_the_circuit_breaker_after_one_request(filled: World) -> None:
    async def work(server: Server) -> None:
        reader = server.reader()
        await reader.read_mailbox(DOMAIN, "anna")
        filled.fault("503", param=3600, path="domain/alias/", times=-1)
        filled.reset()
        for _ in range(5):
            with pytest.raises(ReconcilerError, match="requests a pause of 3600 s"):
                await reader.read_alias(DOMAIN, "sales")
        assert calls_of(filled, "alias") == 1
        assert not server._calls.session.circuit.is_due

    filled.run(work)
