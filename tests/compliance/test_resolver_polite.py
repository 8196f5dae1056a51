"""The limits of the resolver: concurrency, retries, and waiting for silent servers. Real UDP sockets."""

import asyncio
import socket
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from reconciler.compliance.resolver.resolver import AUTHORITY_IN_FLIGHT, DnsResolver
from reconciler.core.lookups import Answer


class Responder(asyncio.DatagramProtocol):
    """A UDP name server from one function: (query, address) to datagrams. It counts unanswered questions."""

    def __init__(self, respond, delay=0.0):
        self.respond = respond
        self.delay = delay
        self.queries = []
        self.addresses = set()
        self.unanswered = 0
        self.most = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        query = dns.message.from_wire(data)
        self.queries.append(query)
        self.addresses.add(address)
        self.unanswered += 1
        self.most = max(self.most, self.unanswered)
        asyncio.get_running_loop().call_later(self.delay, self._answer, query, address)

    def _answer(self, query, address):
        self.unanswered -= 1
        for wire in self.respond(query, len(self.queries)):
            self.transport.sendto(wire, address)


def reply(query, *, rcode=0, records=True, flags=dns.flags.RA | dns.flags.AA):
    """dnspython's default reply, with an address."""
    message = dns.message.make_response(query)
    message.flags |= flags
    message.set_rcode(rcode)
    if records:
        message.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.1"))
    return message


def good(query, _):
    return [reply(query).to_wire()]


def served(work, respond=good, delay=0.0, **options):
    """Runs `work(resolver, responder)`."""

    async def run():
        loop = asyncio.get_running_loop()
        transport, responder = await loop.create_datagram_endpoint(
            lambda: Responder(respond, delay), local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]
        options.setdefault("timeout", 30.0)  # a busy machine is no lost datagram
        timeout = options.pop("timeout")
        before = options.pop("before", [])
        try:
            resolver = DnsResolver([*before, ("127.0.0.1", port)], timeout, authority_port=port, **options)
            return await work(resolver, responder)
        finally:
            transport.close()

    return asyncio.run(run())


@pytest.fixture
def silent_socket():
    """A socket that answers nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.setblocking(False)
        yield bound


@pytest.fixture
def silent(silent_socket):
    """Its address."""
    return silent_socket.getsockname()


def names_asked(bound):
    """The names in the questions that a socket has received."""
    found = set()
    while True:
        try:
            found.add(dns.message.from_wire(bound.recv(1500)).question[0].name.to_text(omit_final_dot=True))
        except BlockingIOError:
            return found


def names(count):
    return [f"h{number}.example" for number in range(count)]


def test_the_concurrency_limit_of_a_server_is_never_exceeded():
    async def work(resolver, responder):
        answers = await asyncio.gather(*(resolver.lookup(name, "A") for name in names(100)))
        return answers, responder

    answers, responder = served(work, delay=0.01, in_flight=7)
    assert {answer.outcome for answer in answers} == {"records"}
    assert responder.most == 7
    assert len(responder.queries) == 100


def test_an_authoritative_server_gets_few_questions_at_a_time():
    async def work(resolver, responder):
        await asyncio.gather(*(resolver.lookup_at("127.0.0.1", name, "A") for name in names(20)))
        return responder.most

    assert served(work, delay=0.01) == AUTHORITY_IN_FLIGHT


def test_a_silent_authoritative_server_does_not_delay_other_questions(silent):
    async def work(resolver, responder):
        resolver._authority_port = silent[1]
        waiting = asyncio.ensure_future(resolver.lookup_at("127.0.0.1", "example", "A"))
        await asyncio.gather(*(resolver.lookup(name, "A") for name in names(200)))
        done = waiting.done()
        waiting.cancel()
        return done

    assert served(work) is False


def test_a_silent_recursive_server_is_asked_the_first_questions_and_none_of_the_rest(silent, silent_socket):
    async def work(resolver, responder):
        first = await asyncio.gather(*(resolver.lookup(name, "A") for name in names(10)))
        more = await asyncio.gather(*(resolver.lookup(f"x.{name}", "A") for name in names(100)))
        return [*first, *more]

    answers = served(work, timeout=60.0, before=[silent])
    assert {answer.outcome for answer in answers} == {"records"}
    assert names_asked(silent_socket) == set(names(10))


def test_a_silent_server_is_asked_three_times_and_longer_each_time():
    async def work(resolver, responder):
        begin = time.perf_counter()
        answer = await resolver.lookup("a.example", "A")
        return answer, time.perf_counter() - begin, [q.id for q in responder.queries], resolver

    answer, taken, ids, resolver = served(work, lambda query, count: [], timeout=2.8)
    assert answer.outcome == "temporary"
    assert "did not answer within 2.8 s" in answer.text
    assert (len(ids), resolver.attempts, resolver.sent) == (3, 3, 1)
    assert taken > 2.79


def test_the_third_attempt_recovers_from_lost_datagrams():
    async def work(resolver, responder):
        return await resolver.lookup("a.example", "A"), len(responder.queries)

    answer, asked = served(work, lambda query, count: good(query, count) if count > 2 else [], timeout=3.5)
    assert (answer.outcome, asked) == ("records", 3)


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_server_that_answers_with_a_failure_is_not_asked_again(rcode):
    async def work(resolver, responder):
        return await resolver.lookup("a.example", "A"), len(responder.queries)

    answer, asked = served(work, lambda query, _: [reply(query, rcode=rcode, records=False).to_wire()])
    assert answer.unknown
    assert asked == 1


@pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.NOTIMP])
def test_a_server_without_edns_is_asked_without_it_from_then_on(rcode):
    def old(query, _):
        if query.edns >= 0:
            message = reply(query, rcode=rcode, records=False)
            message.use_edns(False)
            return [message.to_wire()]
        return good(query, _)

    async def work(resolver, responder):
        answers = [await resolver.lookup(name, "A") for name in names(3)]
        return answers, [query.edns >= 0 for query in responder.queries]

    answers, edns = served(work, old)
    assert {answer.outcome for answer in answers} == {"records"}
    assert edns == [True, False, False, False]


def forged(query, kind):
    """A datagram that is not the answer."""
    wire = bytearray(reply(query).to_wire())
    match kind:
        case "question":
            wire[13] ^= 2
        case "id":
            wire[0] ^= 0xFF
        case "query":
            wire[2] &= 0x7F
        case "opcode":
            wire[2] |= 5 << 3
        case "cut":
            del wire[-9:]
    return bytes(wire) if kind != "garbage" else wire[:2] + b"\x81\x80garbage"


@pytest.mark.parametrize("kind", ["id", "question", "query", "opcode", "cut", "garbage"])
def test_datagrams_that_are_not_the_answer_are_ignored(kind):
    async def work(resolver, responder):
        return await resolver.lookup("a.example", "A")

    answer = served(work, lambda query, _: [forged(query, kind), reply(query).to_wire(), reply(query).to_wire()])
    assert answer.addresses() == ("192.0.2.1",)


def test_ids_and_source_ports_differ_from_question_to_question():
    async def work(resolver, responder):
        await asyncio.gather(*(resolver.lookup(name, "A") for name in names(600)))
        return responder

    responder = served(work)
    assert len({query.id for query in responder.queries}) > 500
    # A port is replaced after some hundred questions, so the run uses more ports than are open at a time.
    assert len(responder.addresses) >= 8


def test_no_port_stays_open_without_pending_questions():
    async def work(resolver, responder):
        await asyncio.gather(*(resolver.lookup(name, "A") for name in names(50)))
        waiting = asyncio.ensure_future(resolver.lookup("last.example", "A"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0.1)
        return [port for server in resolver._servers for port in server._sockets._ports]

    assert set(served(work)) == {None}


def test_if_the_event_loop_cannot_watch_sockets_dnspython_asks(monkeypatch):
    async def work(resolver, responder):
        loop = asyncio.get_running_loop()
        original, calls = loop.add_reader, []

        def refuse(opened, callback, *args):
            if getattr(callback, "__name__", "") == "readable":
                calls.append(opened)
                raise NotImplementedError
            return original(opened, callback, *args)

        monkeypatch.setattr(loop, "add_reader", refuse)
        return await resolver.lookup("a.example", "A"), calls

    answer, calls = served(work)
    assert isinstance(answer, Answer)
    assert answer.addresses() == ("192.0.2.1",)
    assert calls
