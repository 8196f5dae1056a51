"""Injected faults of the DNS server, as a client receives them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import pytest

from reconciler.sandbox.dns.server import DnsServer
from reconciler.sandbox.dns.zones import Zones

HOST = "127.0.0.1"


class Client:
    def __init__(self, server: DnsServer, port: int) -> None:
        self.server, self.port = server, port

    async def ask(
        self, name: str = "a.example.test", rtype: str = "A", *, tcp: bool = False, timeout: float = 5
    ) -> dns.message.Message:
        send = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
        return await send(dns.message.make_query(name, rtype), HOST, port=self.port, timeout=timeout)

    async def rcode(self, name: str = "a.example.test", rtype: str = "A", *, tcp: bool = False) -> str:
        return dns.rcode.to_text((await self.ask(name, rtype, tcp=tcp)).rcode())


@asynccontextmanager
async def serving() -> AsyncIterator[Client]:
    zones = Zones()
    zones.set_zone("example.test", "a A 192.0.2.1\na TXT x\nb A 192.0.2.2\n")
    server = DnsServer(zones)
    port = await server.start()
    try:
        yield Client(server, port)
    finally:
        await server.stop()


def run(work: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with serving() as client:
            await work(client)

    asyncio.run(main())


@pytest.mark.parametrize(("kind", "rcode"), [("servfail", "SERVFAIL"), ("refused", "REFUSED")])
@pytest.mark.parametrize("tcp", [False, True])
def test_error_codes_apply_until_they_are_removed(kind: str, rcode: str, tcp: bool) -> None:
    async def work(client: Client) -> None:
        assert await client.rcode(tcp=tcp) == "NOERROR"  # so that the answer is cached before the fault
        client.server.set_faults([{"kind": kind}])
        assert await client.rcode(tcp=tcp) == rcode
        assert await client.rcode(tcp=tcp) == rcode
        client.server.set_faults([])
        assert await client.rcode(tcp=tcp) == "NOERROR"

    run(work)


def test_a_fault_applies_only_to_its_names_and_types() -> None:
    async def work(client: Client) -> None:
        client.server.set_faults([{"kind": "servfail", "match": "A.Example.", "type": "txt"}])
        assert await client.rcode("a.example.test", "TXT") == "SERVFAIL"
        assert await client.rcode("A.EXAMPLE.test", "TXT") == "SERVFAIL"
        assert await client.rcode("a.example.test", "A") == "NOERROR"
        assert await client.rcode("b.example.test", "TXT") == "NOERROR"

    run(work)


def test_a_fault_applies_as_often_as_configured_and_then_the_next_one_applies() -> None:
    async def work(client: Client) -> None:
        client.server.set_faults([{"kind": "servfail", "times": 2}, {"kind": "refused", "times": 1}])
        assert [await client.rcode() for _ in range(4)] == ["SERVFAIL", "SERVFAIL", "REFUSED", "NOERROR"]

    run(work)


@pytest.mark.parametrize("tcp", [False, True])
def test_silence_logs_a_question_without_an_answer(tcp: bool) -> None:
    async def work(client: Client) -> None:
        client.server.set_faults([{"kind": "silence", "times": 1}])
        with pytest.raises(dns.exception.Timeout):
            await client.ask(tcp=tcp, timeout=0.3)
        assert client.server.queries() == [("a.example.test", "A")]
        assert await client.rcode(tcp=tcp) == "NOERROR"

    run(work)


def test_truncation_moves_the_client_to_tcp_which_does_not_count_as_a_use() -> None:
    async def work(client: Client) -> None:
        client.server.set_faults([{"kind": "truncate", "times": 1}])
        assert (await client.ask(tcp=True)).answer
        truncated = await client.ask()
        assert truncated.flags & dns.flags.TC
        assert not truncated.answer
        assert not (await client.ask()).flags & dns.flags.TC

    run(work)


@pytest.mark.parametrize("tcp", [False, True])
def test_a_delay_has_the_configured_length_and_does_not_delay_others(tcp: bool) -> None:
    async def work(client: Client) -> None:
        client.server.set_faults([{"kind": "delay", "seconds": 0.4, "match": "a.", "times": 1}])
        started = time.monotonic()
        slow = asyncio.create_task(client.ask("a.example.test", tcp=tcp))
        while not client.server.queries():
            await asyncio.sleep(0.005)
        assert (await client.ask("b.example.test", tcp=tcp)).answer
        assert not slow.done()
        assert (await slow).answer[0][0].to_text() == "192.0.2.1"
        assert time.monotonic() - started >= 0.4

    run(work)


def test_stop_does_not_wait_for_delayed_answers() -> None:
    async def work(client: Client) -> None:
        client.server.set_faults([{"kind": "delay", "seconds": 3600}])
        slow = [asyncio.create_task(client.ask(tcp=tcp, timeout=1)) for tcp in (False, True)]
        while len(client.server.queries()) < 2:
            await asyncio.sleep(0.005)
        await client.server.stop()  # the answers are due in an hour: the test's own time limit would end the wait
        results = await asyncio.gather(*slow, return_exceptions=True)
        assert isinstance(results[0], dns.exception.Timeout)
        assert isinstance(results[1], EOFError | ConnectionError)

    run(work)


@pytest.mark.parametrize("tcp", [False, True])
def test_garbage_cannot_be_decoded(tcp: bool) -> None:
    async def work(client: Client) -> None:
        client.server.set_faults([{"kind": "garbage", "times": 1}])
        with pytest.raises(dns.exception.FormError):
            await client.ask(tcp=tcp)
        assert await client.rcode(tcp=tcp) == "NOERROR"

    run(work)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"kind": "explode"}, "unknown kind 'explode'; use one of servfail"),
        ({}, "unknown kind None"),
        ({"kind": ["servfail"]}, "unknown kind"),
        ({"kind": "delay", "second": 1}, "unknown keys second"),
        ({"kind": "delay", "seconds": -1}, "seconds must be"),
        ({"kind": "delay", "seconds": float("nan")}, "seconds must be"),
        ({"kind": "delay", "seconds": "1"}, "seconds must be"),
        ({"kind": "silence", "times": 0}, "times must be"),
        ({"kind": "silence", "times": True}, "times must be"),
        ({"kind": "silence", "match": 1}, "match must be"),
        ({"kind": "silence", "type": "NOPE"}, "unknown type 'NOPE'"),
    ],
)
def test_an_invalid_fault_is_rejected_and_the_active_ones_remain(fault: dict[str, object], why: str) -> None:
    async def work(client: Client) -> None:
        client.server.set_faults([{"kind": "refused"}])
        with pytest.raises(ValueError, match=why):
            client.server.set_faults([{"kind": "servfail"}, fault])
        assert await client.rcode() == "REFUSED"

    run(work)
