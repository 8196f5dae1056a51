"""Direct queries to authoritative servers, and the AD bit, with a server that sends prepared answers."""

import asyncio

import dns.flags
import dns.message
import dns.rrset
import pytest

from reconciler.compliance.resolver.resolver import DnsResolver
from reconciler.core.lookups import Host, Soa, Tlsa


class Server(asyncio.DatagramProtocol):
    """Answers every question with the lines for its type and these flags; records the questions."""

    def __init__(self, flags, lines):
        self.asked = []
        self._flags, self._lines = flags, lines

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, address):
        query = dns.message.from_wire(data)
        self.asked.append(query)
        reply = dns.message.make_response(query)
        reply.flags |= self._flags
        question = query.question[0]
        for rtype, value in self._lines:
            if rtype == dns.rdatatype.to_text(question.rdtype):
                reply.answer.append(dns.rrset.from_text(question.name, 77, "IN", rtype, value))
        self._transport.sendto(reply.to_wire(), address)


def ask(rtype, *lines, flags=0, direct=False, name="example.com"):
    async def main():
        loop = asyncio.get_running_loop()
        transport, server = await loop.create_datagram_endpoint(
            lambda: Server(flags, lines), local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]
        try:
            resolver = DnsResolver([("127.0.0.1", port)], 1.0, authority_port=port)
            if direct:
                await resolver.lookup_at("127.0.0.1", name, rtype)
                return await resolver.lookup_at("127.0.0.1", name, rtype), server.asked
            return await resolver.lookup(name, rtype), server.asked
        finally:
            transport.close()

    return asyncio.run(main())


def test_an_authoritative_server_is_asked_once_and_without_recursion():
    answer, asked = ask("SOA", ("SOA", "ns1.Example.org. h.example.org. 7 1 2 3 4"), flags=dns.flags.AA, direct=True)
    assert (answer.outcome, answer.records, answer.ttl) == ("records", (Soa(7, "ns1.example.org"),), 77)
    assert len(asked) == 1
    assert not asked[0].flags & (dns.flags.RD | dns.flags.AD)


@pytest.mark.parametrize("lines", [(), (("SOA", "ns1.example.org. h.example.org. 7 1 2 3 4"),)])
def test_a_server_that_answers_without_authority_is_lame_and_its_answer_does_not_count(lines):
    answer, _ = ask("SOA", *lines, flags=dns.flags.RA, direct=True)
    assert (answer.outcome, answer.records) == ("temporary", ())
    assert "lame" in answer.text


@pytest.mark.parametrize(("flags", "secure"), [(dns.flags.AD, True), (0, False)])
def test_the_ad_bit_is_requested_and_recorded(flags, secure):
    answer, asked = ask("MX", ("MX", "10 a.example.com."), flags=flags | dns.flags.RA)
    assert answer.authenticated is secure
    assert asked[0].flags & dns.flags.AD
    assert asked[0].flags & dns.flags.RD


def test_the_other_types_become_values():
    flags = dns.flags.RA
    assert ask("NS", ("NS", "NS1.example.org."), flags=flags)[0].records == (Host("ns1.example.org"),)
    assert ask("PTR", ("PTR", "A.example.org."), flags=flags)[0].records == (Host("a.example.org"),)
    assert ask("TLSA", ("TLSA", "3 1 0 ABCD"), flags=flags)[0].records == (Tlsa(3, 1, 0, "abcd"),)


def test_the_root_can_be_looked_up():
    answer, asked = ask("SOA", ("SOA", "a.root. h.root. 1 1 2 3 4"), flags=dns.flags.AD | dns.flags.RA, name="")
    assert (answer.name, answer.authenticated) == ("", True)
    assert asked[0].question[0].name == dns.name.root


def test_answers_are_equal_for_any_remaining_ttl():
    one, _ = ask("MX", ("MX", "10 a.example.com."), flags=dns.flags.RA)
    from dataclasses import replace

    assert replace(one, ttl=1) == one
