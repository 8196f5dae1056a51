"""The DNS server on its sockets, with queries from dnspython and raw bytes."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.reversename
import dns.update
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.sandbox.dns import server as sandbox_dns
from reconciler.sandbox.dns import wire as dns_wire
from reconciler.sandbox.dns.server import DnsServer
from reconciler.sandbox.dns.zones import Zones

HOST = "127.0.0.1"
ZONE = """
$TTL 600
@         MX 10 mail
@         TXT "v=spf1 " "mx -all"
utf8      TXT "grüße 📬"
mail      A 192.0.2.2
mail      A 192.0.2.1
mail      A 192.0.2.3
Case      A 192.0.2.4
far       CNAME near.other.test.
lost      CNAME nobody.other.test.
away      CNAME host.elsewhere.
bare      CNAME mail
loop      CNAME pool
pool      CNAME loop
*.wild    TXT "any"
*.wild    MX 5 mail
taken.wild A 192.0.2.5
x.y.wild  A 192.0.2.6
*.cname   CNAME mail
a.b.c     A 192.0.2.7
both      CNAME mail
both      CNAME bare
both      TXT "next to"
xn--bcher-kva A 192.0.2.8
"""
OTHER = "near CNAME more\nmore CNAME mail.example.test.\n@ A 192.0.2.9\n"


class Served:
    """A running server with its own event loop and thread."""

    def __init__(self) -> None:
        self.zones = Zones()
        self.zones.set_zone("example.test", ZONE)
        self.zones.set_zone("other.test", OTHER)
        self.server = DnsServer(self.zones)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.port: int = self.run(self.server.start())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def close(self) -> None:
        self.run(self.server.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def ask(self, name: str, rtype: str, *, tcp: bool = False, **options: Any) -> dns.message.Message:
        """The answer without dnspython's own merging, which keeps only the last of several CNAMEs."""
        query = dns.message.make_query(name, rtype, **options)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, HOST, port=self.port, timeout=5, one_rr_per_rrset=True)

    def raw(self, wire: bytes) -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(5)
            udp.sendto(wire, (HOST, self.port))
            return udp.recv(65535)


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.close()


def lines(message: dns.message.Message) -> list[str]:
    return [line for rrset in message.answer for line in rrset.to_text().splitlines()]


def test_an_answer_comes_from_a_recursive_resolver_that_is_also_the_authority(served: Served) -> None:
    answer = served.ask("example.test", "MX")
    assert answer.rcode() == dns.rcode.NOERROR
    assert dns.flags.to_text(answer.flags) == "QR AA RD RA"
    assert lines(answer) == ["example.test. 600 IN MX 10 mail.example.test."]
    assert (answer.authority, answer.additional) == ([], [])


@pytest.mark.parametrize("tcp", [False, True])
def test_udp_and_tcp_give_the_same_answer_on_the_same_port(served: Served, tcp: bool) -> None:
    assert lines(served.ask("mail.example.test", "A", tcp=tcp)) == [
        "mail.example.test. 600 IN A 192.0.2.2",
        "mail.example.test. 600 IN A 192.0.2.1",
        "mail.example.test. 600 IN A 192.0.2.3",
    ]


def test_strings_of_a_txt_stay_separate_and_utf8_stays_bytes(served: Served) -> None:
    spf = served.ask("example.test", "TXT").answer[0][0]
    assert spf.strings == (b"v=spf1 ", b"mx -all")
    served.zones.add("added.example.test", "TXT", "grüße 📬")
    for name in ("utf8.example.test", "added.example.test"):
        assert served.ask(name, "TXT").answer[0][0].strings == ("grüße 📬".encode(),)


def test_a_question_keeps_its_case_and_any_case_is_answered(served: Served) -> None:
    answer = served.ask("cAsE.eXample.TEST", "A")
    assert str(answer.question[0].name) == "cAsE.eXample.TEST."
    assert lines(answer) == ["cAsE.eXample.TEST. 600 IN A 192.0.2.4"]


def test_cnames_are_followed_from_zone_to_zone(served: Served) -> None:
    answer = served.ask("far.example.test", "A")
    assert answer.rcode() == dns.rcode.NOERROR
    assert lines(answer)[:3] == [
        "far.example.test. 600 IN CNAME near.other.test.",
        "near.other.test. 300 IN CNAME more.other.test.",
        "more.other.test. 300 IN CNAME mail.example.test.",
    ]
    assert lines(answer)[3:] == [f"mail.example.test. 600 IN A 192.0.2.{last}" for last in (2, 1, 3)]
    assert lines(served.ask("far.example.test", "CNAME")) == lines(answer)[:1]


@pytest.mark.parametrize(
    ("name", "zone", "target"),
    [("lost", "other.test.", "nobody.other.test."), ("away", ".", "host.elsewhere.")],
)
def test_a_chain_that_ends_nowhere_is_nxdomain_with_the_chain(
    served: Served, name: str, zone: str, target: str
) -> None:
    answer = served.ask(f"{name}.example.test", "A")
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert lines(answer) == [f"{name}.example.test. 600 IN CNAME {target}"]
    assert str(answer.authority[0].name) == zone


def test_a_chain_whose_end_lacks_the_type_is_nodata(served: Served) -> None:
    answer = served.ask("bare.example.test", "AAAA")
    assert answer.rcode() == dns.rcode.NOERROR
    assert lines(answer) == ["bare.example.test. 600 IN CNAME mail.example.test."]
    assert answer.authority[0].rdtype == dns.rdatatype.SOA


def test_a_loop_of_cnames_is_servfail(served: Served) -> None:
    assert served.ask("loop.example.test", "A").rcode() == dns.rcode.SERVFAIL


def test_a_chain_of_16_cnames_is_followed_and_one_of_17_is_servfail(served: Served) -> None:
    served.zones.set_zone("c.test", "".join(f"c{n} CNAME c{n - 1}\n" for n in range(1, 18)) + "c0 A 192.0.2.1\n")
    assert len(lines(served.ask("c16.c.test", "A", use_edns=0))) == 17
    assert served.ask("c17.c.test", "A").rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize(
    ("name", "rtype", "rcode", "values"),
    [
        ("foo.wild.example.test", "TXT", "NOERROR", ['"any"']),
        ("foo.bar.wild.example.test", "TXT", "NOERROR", ['"any"']),
        ("foo.wild.example.test", "A", "NOERROR", []),  # the wildcard has no A
        ("taken.wild.example.test", "TXT", "NOERROR", []),  # exists: no wildcard
        ("below.taken.wild.example.test", "TXT", "NXDOMAIN", []),  # the closest encloser has no wildcard
        ("y.wild.example.test", "TXT", "NOERROR", []),  # an empty non-terminal exists
        ("z.y.wild.example.test", "TXT", "NXDOMAIN", []),
        ("*.wild.example.test", "TXT", "NOERROR", ['"any"']),
        ("wild.example.test", "TXT", "NOERROR", []),
        ("foo.cname.example.test", "A", "NOERROR", ["mail.example.test.", "192.0.2.2", "192.0.2.1", "192.0.2.3"]),
    ],
)
def test_wildcards_match_as_rfc_4592_says(served: Served, name: str, rtype: str, rcode: str, values: list[str]) -> None:
    answer = served.ask(name, rtype)
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert [rrset[0].to_text() for rrset in answer.answer] == values
    if values:
        assert str(answer.answer[0].name) == f"{name}."


@pytest.mark.parametrize(
    ("name", "rcode", "soa"),
    [
        ("b.c.example.test", "NOERROR", "example.test."),  # empty non-terminals
        ("c.example.test", "NOERROR", "example.test."),
        ("example.test", "NOERROR", "example.test."),
        ("d.c.example.test", "NXDOMAIN", "example.test."),
        ("no.example.test", "NXDOMAIN", "example.test."),
        ("no.such.domain", "NXDOMAIN", "."),  # in no zone
        ("test", "NOERROR", "."),  # in no zone, but zones are below it
        (".", "NOERROR", "."),
    ],
)
def test_a_negative_answer_is_nodata_or_nxdomain_with_the_soa(served: Served, name: str, rcode: str, soa: str) -> None:
    answer = served.ask(name, "AAAA")
    assert (dns.rcode.to_text(answer.rcode()), lines(answer)) == (rcode, [])
    assert [(str(rrset.name), rrset.rdtype) for rrset in answer.authority] == [(soa, dns.rdatatype.SOA)]


def test_the_ttl_of_a_negative_answer_is_at_most_the_soa_minimum(served: Served) -> None:
    served.zones.set_zone("n.test", "@ 9999 SOA a. b. 1 2 3 4 77\n")
    assert served.ask("x.n.test", "A").authority[0].ttl == 77
    assert served.ask("n.test", "SOA").answer[0].ttl == 9999


def test_data_of_the_requested_type_has_priority_over_a_cname(served: Served) -> None:
    assert lines(served.ask("both.example.test", "TXT")) == ['both.example.test. 600 IN TXT "next to"']
    assert lines(served.ask("both.example.test", "CNAME")) == [
        "both.example.test. 600 IN CNAME mail.example.test.",
        "both.example.test. 600 IN CNAME bare.example.test.",
    ]
    assert lines(served.ask("both.example.test", "A"))[:2] == lines(served.ask("both.example.test", "CNAME"))
    assert lines(served.ask("both.example.test", "A"))[2:] == lines(served.ask("mail.example.test", "A"))
    assert served.zones.lookup("both.example.test", "A") == ["192.0.2.2", "192.0.2.1", "192.0.2.3"]


def test_reverse_zones_are_zones(served: Served) -> None:
    served.zones.set_zone("2.0.192.in-addr.arpa", "1 PTR mail.example.test.\n")
    served.zones.set_zone("8.b.d.0.1.0.0.2.ip6.arpa", f"1{'.0' * 23} PTR six.example.test.\n")
    for address, host in (("192.0.2.1", "mail"), ("2001:db8::1", "six")):
        answer = served.ask(dns.reversename.from_address(address).to_text(), "PTR")
        assert [str(rrset[0]) for rrset in answer.answer] == [f"{host}.example.test."]
    assert served.ask("2.2.0.192.in-addr.arpa", "PTR").rcode() == dns.rcode.NXDOMAIN


def test_an_a_label_is_a_label(served: Served) -> None:
    assert served.zones.lookup("bücher.example.test", "A") == ["192.0.2.8"]
    assert lines(served.ask("xn--bcher-kva.example.test", "A")) == ["xn--bcher-kva.example.test. 600 IN A 192.0.2.8"]


def test_a_root_zone_answers_for_everything_else(served: Served) -> None:
    served.zones.set_zone(".", "* A 192.0.2.99\n@ NS a.root.\n")
    assert lines(served.ask("any.where", "A")) == ["any.where. 300 IN A 192.0.2.99"]
    assert lines(served.ask(".", "NS")) == [". 300 IN NS a.root."]
    assert served.ask("no.example.test", "A").rcode() == dns.rcode.NXDOMAIN


def test_changes_are_seen_at_once(served: Served) -> None:
    def seen() -> list[str]:
        return [rrset[0].to_text() for rrset in served.ask("new.example.test", "A").answer]

    assert seen() == []
    served.zones.add("new.example.test", "A", "192.0.2.50")
    assert seen() == ["192.0.2.50"]
    served.zones.add("new.example.test", "A", "192.0.2.49")
    assert seen() == ["192.0.2.50", "192.0.2.49"]
    served.zones.remove("new.example.test", "A", "192.0.2.50")
    assert seen() == ["192.0.2.49"]
    served.zones.set_zone("example.test", "new A 192.0.2.48")
    assert seen() == ["192.0.2.48"]
    saved = served.zones.dump()
    served.zones.delete_zone("example.test")
    assert served.ask("new.example.test", "A").rcode() == dns.rcode.NXDOMAIN
    served.zones.load(saved)
    assert seen() == ["192.0.2.48"]


@pytest.mark.parametrize(
    ("payload", "size", "fits"),
    [
        (None, 400, True),
        (None, 600, False),
        (1232, 600, True),
        (1232, 1300, False),
        (4096, 1300, False),
        (100, 400, True),
    ],
)
def test_a_too_large_udp_answer_is_truncated_and_tcp_returns_it(
    served: Served, payload: int | None, size: int, fits: bool
) -> None:
    text = "x" * size
    served.zones.add("long.example.test", "TXT", text)
    options: dict[str, Any] = {"use_edns": False} if payload is None else {"use_edns": 0, "payload": payload}
    answer = served.ask("long.example.test", "TXT", **options)
    assert bool(answer.flags & dns.flags.TC) is not fits
    assert bool(answer.answer) is fits
    over_tcp = served.ask("long.example.test", "TXT", tcp=True, **options)
    assert not over_tcp.flags & dns.flags.TC
    assert b"".join(over_tcp.answer[0][0].strings) == text.encode()


@pytest.mark.parametrize("edns", [False, True])
def test_the_limit_is_exact(served: Served, edns: bool) -> None:
    """512 bytes without EDNS and 1232 with it are sent, one byte more is not."""
    limit = 1232 if edns else 512
    sizes = {}
    for size in range(limit - 80, limit):
        served.zones.remove("e.example.test", "TXT")
        served.zones.add("e.example.test", "TXT", "x" * size)
        query = dns.message.make_query("e.example.test", "TXT", use_edns=0 if edns else False, payload=4096)
        wire = served.raw(query.to_wire())
        sizes[size] = (len(wire), bool(wire[2] & 0x02))
    whole = [length for length, truncated in sizes.values() if not truncated]
    assert max(whole) == limit
    assert any(truncated for _, truncated in sizes.values())


def test_edns_is_answered_with_edns_and_only_then(served: Served) -> None:
    with_edns = served.ask("example.test", "MX", use_edns=0, payload=4096, want_dnssec=True)
    assert (with_edns.edns, with_edns.payload, with_edns.ednsflags & dns.flags.DO) == (0, 1232, dns.flags.DO)
    assert served.ask("example.test", "MX", use_edns=False).edns == -1
    assert served.ask("example.test", "MX", use_edns=1).rcode() == dns.rcode.BADVERS


def test_an_answer_with_thousands_of_records_goes_over_tcp_and_one_beyond_64_kib_is_servfail(served: Served) -> None:
    served.zones.set_zone("big.test", "".join(f"@ A 10.0.{n // 256}.{n % 256}\n" for n in range(4000)))
    served.zones.set_zone("alias.test", "@ CNAME big.test.\n")
    assert served.ask("big.test", "A").flags & dns.flags.TC
    for name in ("big.test", "alias.test"):
        addresses = [rrset[0].to_text() for rrset in served.ask(name, "A", tcp=True).answer if rrset.rdtype == 1]
        assert addresses == [f"10.0.{n // 256}.{n % 256}" for n in range(4000)]
    served.zones.set_zone("big.test", "".join(f"@ A 10.0.{n // 256}.{n % 256}\n" for n in range(4200)))
    assert served.ask("big.test", "A", tcp=True).rcode() == dns.rcode.SERVFAIL


def test_a_name_beyond_the_range_of_pointers_is_correct(served: Served) -> None:
    cnames = "".join(f"@ CNAME t{n:04}{'x' * 50}.far.test.\n" for n in range(500))
    served.zones.set_zone("far.test", cnames + f"t0000{'x' * 50} CNAME end\nend A 192.0.2.1\nend A 192.0.2.2\n")
    answer = served.ask("far.test", "A", tcp=True)
    assert len(answer.answer) == 503
    assert lines(answer)[-3:] == [
        f"t0000{'x' * 50}.far.test. 300 IN CNAME end.far.test.",
        "end.far.test. 300 IN A 192.0.2.1",
        "end.far.test. 300 IN A 192.0.2.2",
    ]


@pytest.mark.parametrize("rtype", ["ANY", "AXFR", "MAILB", "TKEY"])
@pytest.mark.parametrize("tcp", [False, True])
def test_types_that_resolvers_refuse_are_refused(served: Served, rtype: str, tcp: bool) -> None:
    assert served.ask("example.test", rtype, tcp=tcp).rcode() == dns.rcode.REFUSED


def test_other_classes_are_refused(served: Served) -> None:
    assert served.ask("version.bind", "TXT", rdclass="CH").rcode() == dns.rcode.REFUSED


def test_other_opcodes_are_not_implemented(served: Served) -> None:
    update = dns.update.UpdateMessage("example.test")
    update.add("x", 300, "A", "192.0.2.1")
    answer = dns.query.udp(update, HOST, port=served.port, timeout=5)
    assert (answer.rcode(), answer.opcode()) == (dns.rcode.NOTIMP, dns.opcode.UPDATE)
    assert served.zones.lookup("x.example.test", "A") == []


@pytest.mark.parametrize(
    "wire",
    [
        b"\x12\x34garbage of more than twelve bytes"[:2] + b"\x01\x00" + b"\xff" * 20,
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00",  # a question announced, none there
        b"\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00",  # no question
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01",  # a name that points at itself
        b"\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00" + b"\x01a\x00\x00\x01\x00\x01" * 2,  # two questions
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01junk",
        b"\x12\x34\x01",
    ],
)
def test_invalid_bytes_are_a_format_error_with_their_id(served: Served, wire: bytes) -> None:
    answer = dns.message.from_wire(served.raw(wire))
    assert (answer.id, answer.rcode()) == (0x1234, dns.rcode.FORMERR)
    assert served.server.queries() == []


def test_an_answer_sent_to_the_server_is_not_answered(served: Served) -> None:
    query = dns.message.make_query("example.test", "MX")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.sendto(dns.message.make_response(query).to_wire(), (HOST, served.port))
        udp.sendto(b"\x00", (HOST, served.port))
        udp.sendto(query.to_wire(), (HOST, served.port))
        assert dns.message.from_wire(udp.recv(65535)).answer  # the first that comes is the query's
        assert len(served.server.queries()) == 1


@given(st.binary(max_size=80), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_answered_or_rejected_as_a_format_error(tail: bytes, header: bool) -> None:
    wire = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + tail if header else tail
    try:
        query = dns_wire.parse(wire)
    except dns_wire.NotAQuery as refusal:
        if refusal.reply is not None:
            assert dns.message.from_wire(refusal.reply).rcode() in (dns.rcode.FORMERR, dns.rcode.NOTIMP)
    else:
        assert dns.message.from_wire(dns_wire.error(query, dns.rcode.REFUSED)).id == query.id


def test_many_queries_use_one_connection_also_in_one_segment(served: Served) -> None:
    queries = [dns.message.make_query(f"{host}.example.test", "A") for host in ("mail", "case", "no", "mail")]
    frames = b"".join(struct.pack("!H", len(query.to_wire())) + query.to_wire() for query in queries)
    with socket.create_connection((HOST, served.port), timeout=5) as tcp:
        tcp.sendall(frames[:7])
        time.sleep(0.05)
        tcp.sendall(frames[7:])
        stream = tcp.makefile("rb")
        answers = [dns.message.from_wire(stream.read(struct.unpack("!H", stream.read(2))[0])) for _ in queries]
        stream.close()
    assert [answer.id for answer in answers] == [query.id for query in queries]
    assert [answer.rcode().name for answer in answers] == ["NOERROR", "NOERROR", "NXDOMAIN", "NOERROR"]


@pytest.mark.parametrize("sent", [b"", b"\x00", b"\x00\x20half"])
def test_an_idle_connection_is_closed(served: Served, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(sandbox_dns, "IDLE_SECONDS", 0.2)
    with socket.create_connection((HOST, served.port), timeout=60) as tcp:
        tcp.sendall(sent)
        assert tcp.recv(1) == b""
    assert served.ask("mail.example.test", "A", tcp=True).rcode() == dns.rcode.NOERROR


def test_connections_above_the_limit_are_closed_and_the_others_stay(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_dns, "MAX_CONNECTIONS", 1)
    query = dns.message.make_query("mail.example.test", "A")
    with socket.create_connection((HOST, served.port), timeout=5) as first:
        assert dns.query.tcp(query, HOST, port=served.port, timeout=5, sock=first).answer
        with pytest.raises((OSError, EOFError)):
            dns.query.tcp(query, HOST, port=served.port, timeout=5)
        assert dns.query.tcp(query, HOST, port=served.port, timeout=5, sock=first).answer


def test_the_questions_are_logged_in_order_and_can_be_cleared(served: Served) -> None:
    served.ask("EXAMPLE.test", "MX")
    served.ask("no.where", "TXT", tcp=True)
    served.ask(".", "ANY")
    served.ask("EXAMPLE.test", "MX")
    mx = ("example.test", "MX")
    assert served.server.queries() == [mx, ("no.where", "TXT"), (".", "ANY"), mx]
    served.server.reset_queries()
    assert served.server.queries() == []


def test_stop_closes_connections_and_frees_the_port_for_another_start(served: Served) -> None:
    with socket.create_connection((HOST, served.port), timeout=5) as tcp:
        assert dns.query.tcp(dns.message.make_query("example.test", "MX"), HOST, port=served.port, timeout=5, sock=tcp)
        served.run(served.server.stop())
        with pytest.raises((ConnectionError, EOFError)):
            dns.query.tcp(dns.message.make_query("example.test", "MX"), HOST, port=served.port, timeout=5, sock=tcp)
    served.run(served.server.stop())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, served.port), timeout=5)
    again = DnsServer(served.zones, port=served.port)
    assert served.run(again.start()) == served.port
    assert lines(served.ask("example.test", "MX"))
    served.run(again.stop())
    served.port = served.run(served.server.start())
    assert lines(served.ask("example.test", "MX"))
    with pytest.raises(RuntimeError, match="already runs"):
        served.run(served.server.start())


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_in_use_is_reported_with_its_number(served: Served, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind((HOST, 0))
        port = other.getsockname()[1]
        if kind == socket.SOCK_STREAM:
            other.listen()
        with pytest.raises(OSError, match=f"DNS on 127.0.0.1, port {port}: .*choose another port"):
            served.run(DnsServer(served.zones, port=port).start())


def test_dnspythons_resolver_accepts_the_answers(served: Served) -> None:
    async def work() -> None:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port, resolver.lifetime = [HOST], served.port, 5
        answer = await resolver.resolve("far.example.test.", "A")
        assert [rdata.to_text() for rdata in answer] == ["192.0.2.2", "192.0.2.1", "192.0.2.3"]
        assert str(answer.canonical_name) == "mail.example.test."
        served.zones.add("long.example.test", "TXT", "y" * 3000)
        assert sum(len(s) for s in (await resolver.resolve("long.example.test.", "TXT"))[0].strings) == 3000
        with pytest.raises(dns.resolver.NoAnswer):
            await resolver.resolve("c.example.test.", "A")
        with pytest.raises(dns.resolver.NXDOMAIN):
            await resolver.resolve("no.example.test.", "A")
        with pytest.raises(dns.resolver.NXDOMAIN):
            await resolver.resolve("no.where.", "A")
        with pytest.raises(dns.resolver.NoNameservers):
            await resolver.resolve("loop.example.test.", "A")

    asyncio.run(work())


def test_two_thousand_different_names_are_answered_while_the_zone_changes(served: Served) -> None:
    """Every name once, so that no kept answer helps; the zone changes in between."""
    count = 2000
    served.zones.set_zone("many.test", "".join(f"h{n} A 10.1.{n // 256}.{n % 256}\n" for n in range(count)))
    wires = [dns.message.make_query(f"h{n}.many.test", "A", id=n).to_wire() for n in range(count)]
    answers: dict[int, bytes] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(60)
        udp.connect((HOST, served.port))
        for n, wire in enumerate(wires):
            udp.send(wire)
            if n >= 20:
                answer = udp.recv(1500)
                answers[int.from_bytes(answer[:2], "big")] = answer
            if n % 100 == 0:
                served.zones.add("busy.example.test", "A", f"192.0.2.{n // 100}")
        for _ in range(20):
            answer = udp.recv(1500)
            answers[int.from_bytes(answer[:2], "big")] = answer
    assert len(answers) == count
    assert all(
        dns.message.from_wire(answers[n]).answer[0][0].to_text() == f"10.1.{n // 256}.{n % 256}"
        for n in range(0, count, 97)
    )
