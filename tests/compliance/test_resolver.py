"""The resolver against a real DNS server on loopback, by UDP and TCP, with and without faults."""

import asyncio
import socket
import time

import dns.resolver
import pytest

from reconciler.compliance.resolver.resolver import DnsResolver, open_resolver
from reconciler.core.errors import Unreachable
from reconciler.core.lookups import Address, Host, Mx, Srv, Txt
from reconciler.sandbox.dns.server import DnsServer
from reconciler.sandbox.dns.zones import Zones

ZONE = """
@ A 192.0.2.1
@ AAAA 2001:0db8:0:0::1
@ MX 20 b.example.com.
@ MX 10 A.Example.COM.
@ TXT "one " "two"
@ TXT "caf\\195\\169"
@ TXT "\\255"
alias CNAME other
other CNAME @
dangling CNAME nowhere.example.com.
empty A 192.0.2.2
null MX 0 .
_s._tcp SRV 1 2 443 host.example.com.
loop CNAME loop2
loop2 CNAME loop
"""


def serve(work, *, zone=ZONE, timeout=60.0, faults=(), **options):
    """Runs `work(resolver, server)` with a running server."""

    async def run():
        zones = Zones()
        zones.set_zone("example.com", zone)
        server = DnsServer(zones, port=0)
        port = await server.start()
        server.set_faults(list(faults))
        try:
            return await work(DnsResolver([("127.0.0.1", port)], timeout, **options), server)
        finally:
            await server.stop()

    return asyncio.run(run())


def ask(name, rtype, **options):
    return serve(lambda resolver, server: resolver.lookup(name, rtype), **options)


def test_every_type_becomes_a_value_in_canonical_form():
    async def work(resolver, server):
        return [(await resolver.lookup(n, t)).records for n, t in questions]

    questions = [("Example.com.", "A"), ("example.com", "AAAA"), ("example.com", "MX"), ("_s._tcp.example.com", "SRV")]
    assert serve(work) == [
        (Address("192.0.2.1"),),
        (Address("2001:db8::1"),),
        (Mx(10, "a.example.com"), Mx(20, "b.example.com")),
        (Srv(1, 2, 443, "host.example.com"),),
    ]
    assert ask("null.example.com", "MX").records == (Mx(0, ""),)
    assert ask("alias.example.com", "CNAME").records == (Host("other.example.com"),)


def test_strings_are_joined_without_a_space_and_any_bytes_are_decoded():
    answer = ask("example.com", "TXT")
    assert Txt(("one ", "two")) in answer.records
    assert set(answer.texts()) == {"one two", "café", "ÿ"}


def test_cnames_are_followed_and_recorded():
    answer = ask("alias.example.com", "A")
    assert answer.aliases == ("other.example.com", "example.com")
    assert answer.addresses() == ("192.0.2.1",)


@pytest.mark.parametrize(
    ("name", "rtype", "outcome"),
    [
        ("empty.example.com", "MX", "nodata"),
        ("missing.example.com", "A", "nxdomain"),
        ("dangling.example.com", "A", "nxdomain"),
        ("loop.example.com", "A", "temporary"),
        (f"{'x' * 64}.example.com", "A", "nxdomain"),
        ("é..example.com", "A", "nxdomain"),
    ],
)
def test_a_name_without_records_differs_from_a_nonexistent_name(name, rtype, outcome):
    answer = ask(name, rtype)
    assert (answer.outcome, answer.records) == (outcome, ())
    assert answer.text


@pytest.mark.parametrize(
    ("kind", "outcome", "text"),
    [
        ("servfail", "temporary", "answered SERVFAIL"),
        ("refused", "refused", "refused to answer (REFUSED)"),
        ("silence", "temporary", "did not answer within 0.6 s"),
        ("garbage", "temporary", "did not answer within 0.6 s"),
    ],
)
def test_a_failure_is_never_an_absence(kind, outcome, text):
    answer = ask(
        "example.com", "MX", timeout=0.6 if "0.6" in text else 60.0, faults=[{"kind": kind, "match": "example.com"}]
    )
    assert answer.outcome == outcome
    assert text in answer.text


def test_a_lost_datagram_is_sent_again():
    answer = ask("example.com", "MX", timeout=4.0, faults=[{"kind": "silence", "match": "example.com", "times": 1}])
    assert answer.outcome == "records"


def test_a_truncated_answer_is_fetched_by_tcp():
    answer = ask("example.com", "MX", faults=[{"kind": "truncate", "match": "example.com"}])
    assert len(answer.records) == 2
    zone = "@ TXT " + " ".join(f'"{"x" * 250}"' for _ in range(40))
    assert len(ask("example.com", "TXT", zone=zone).texts()[0]) == 10_000


def test_no_question_is_sent_twice_in_a_run_for_any_answer():
    async def work(resolver, server):
        for _ in range(2):
            for name in ("example.com", "missing.example.com", "EXAMPLE.com."):
                await asyncio.gather(*(resolver.lookup(name, "A") for _ in range(20)))
        server.set_faults([{"kind": "servfail", "match": "broken"}])
        await resolver.lookup("broken.example.com", "A")
        await resolver.lookup("broken.example.com", "A")
        return server.queries(), resolver.sent

    queries, sent = serve(work)
    assert sorted(queries) == [("broken.example.com", "A"), ("example.com", "A"), ("missing.example.com", "A")]
    assert sent == 3


def test_no_more_than_the_limit_is_in_flight():
    async def work(resolver, server):
        server.set_faults([{"kind": "delay", "match": "", "seconds": 0.1}])
        begin = time.perf_counter()
        await asyncio.gather(*(resolver.lookup(f"h{n}.example.com", "A") for n in range(12)))
        return time.perf_counter() - begin

    # Twelve questions with four at a time need three rounds. A busy machine can only make this longer.
    assert serve(work, in_flight=4, timeout=60.0) >= 0.3


def test_a_canceled_caller_does_not_cancel_the_answer_of_others():
    async def work(resolver, server):
        server.set_faults([{"kind": "delay", "match": "example.com", "seconds": 0.2}])
        first = asyncio.ensure_future(resolver.lookup("example.com", "A"))
        await asyncio.sleep(0.05)
        second = asyncio.ensure_future(resolver.lookup("example.com", "A"))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert serve(work).outcome == "records"


def test_if_the_first_server_is_silent_or_refuses_the_second_one_is_asked():
    async def work(resolver, server):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            both = DnsResolver([silent.getsockname(), resolver._servers[0].address], 2.0)
            return await both.lookup("example.com", "A")

    assert serve(work).outcome == "records"


def test_a_closed_port_is_temporary_and_the_text_names_the_server():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def work():
        return await DnsResolver([("127.0.0.1", port)], 1.0).lookup("example.com", "A")

    answer = asyncio.run(work())
    assert answer.outcome == "temporary"
    assert f"127.0.0.1:{port}" in answer.text


def test_without_a_system_resolver_the_error_has_a_hint(monkeypatch):
    def none_configured(*_):
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver, "Resolver", none_configured)
    with pytest.raises(Unreachable) as caught:
        open_resolver([], 5.0)
    assert "no DNS resolver" in caught.value.message
    assert "reconciler.yaml" in caught.value.hint


def test_a_resolver_given_by_a_host_name_is_refused():
    with pytest.raises(Unreachable):
        open_resolver([("dns.example.net", 53)], 5.0)
