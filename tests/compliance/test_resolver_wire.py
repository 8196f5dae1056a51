"""The reader of plain answers: for any bytes, it gives the result of dnspython or leaves the message to it."""

import contextlib
import random
import struct

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.compliance.resolver import wire as resolver_wire
from reconciler.compliance.resolver.messages import make_query, read_message, read_reply
from reconciler.compliance.resolver.wire import HEADER, TYPES, LeftToDnspython
from reconciler.core.lookups import Address, Answer, Host, Mx, Srv, Txt

PLAIN = ["example.com.", "www.example.com.", "EXAMPLE.com.", "com.", ".", "other.example."]
ODD = ["a\\.b.example.com.", "\\200.x."]
QUESTIONS = ["example.com", "www.example.com", "_s._tcp.example.com", "com"]

_names = st.sampled_from(PLAIN * 6 + ODD)
_texts = st.lists(
    st.binary(max_size=12).map(lambda raw: '"' + "".join(f"\\{b:03d}" for b in raw) + '"'), min_size=1, max_size=3
)
_data = st.one_of(
    st.tuples(st.just("A"), st.sampled_from(["192.0.2.1", "192.0.2.2"])),
    st.tuples(st.just("AAAA"), st.sampled_from(["2001:db8::1", "::ffff:192.0.2.1", "::192.0.2.1", "::"])),
    st.tuples(st.sampled_from(["CNAME", "NS", "PTR"]), _names),
    st.tuples(st.just("MX"), st.builds("{} {}".format, st.integers(0, 2), _names)),
    st.tuples(st.just("SRV"), st.builds("1 2 {} {}".format, st.integers(0, 2), _names)),
    st.tuples(st.just("TXT"), _texts.map(" ".join)),
    st.tuples(st.just("SOA"), st.builds("{0} {0} 1 2 3 4 {1}".format, _names, st.integers(0, 900))),
    st.tuples(st.just("HINFO"), st.just("a b")),
)
_records = st.lists(st.tuples(_names, st.sampled_from([0, 60, 3600, 2**31 - 1]), _data), max_size=4)


@st.composite
def messages(draw):
    """A question and a reply to it: its name, its type, dnspython's message."""
    name, rtype = draw(st.sampled_from(QUESTIONS)), draw(st.sampled_from(sorted(TYPES)))
    reply = dns.message.make_response(dns.message.make_query(f"{name}.", rtype, use_edns=0, payload=1232, id=1))
    for flag in (dns.flags.AA, dns.flags.RA, dns.flags.AD):
        reply.flags |= flag if draw(st.booleans()) else 0
    reply.set_rcode(draw(st.sampled_from([0] * 8 + [3, 3, 2, 5, 1, 16])))
    for section in (reply.answer, reply.authority, reply.additional):
        for owner, ttl, (kind, value) in draw(_records):
            # Half of the records have the type of the question or are aliases, so that there is a chain to follow.
            owner = f"{name}." if draw(st.booleans()) else owner
            rdata = dns.rdata.from_text("IN", kind, value)
            rrset = reply.find_rrset(section, dns.name.from_text(owner), rdata.rdclass, rdata.rdtype, create=True)
            rrset.add(rdata, ttl)
    return name, rtype, reply


def fast(name, rtype, wire):
    asked = resolver_wire.question(name, rtype)
    assert resolver_wire.repeats(wire, asked)
    return resolver_wire.read(wire, name, rtype, asked)


def slow(name, rtype, wire):
    return read_message(make_query(name, rtype, recursive=True), "server", dns.message.from_wire(wire))


@settings(max_examples=200, deadline=None)
@given(message=messages())
def test_dnspython_reads_plain_messages_the_same_way(message):
    name, rtype, reply = message
    wire = reply.to_wire()
    try:
        ours = fast(name, rtype, wire)
    except LeftToDnspython:
        return
    theirs = slow(name, rtype, wire)
    assert (ours, ours.ttl) == (theirs, theirs.ttl)


@settings(max_examples=200, deadline=None)
@given(message=messages(), seed=st.integers(0, 2**32))
def test_damaged_messages_never_raise_and_are_never_read_differently_from_dnspython(message, seed):
    name, rtype, reply = message
    chance = random.Random(seed)
    damaged = bytearray(reply.to_wire())
    start = HEADER + len(resolver_wire.question(name, rtype))
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(start, len(damaged)) if len(damaged) > start else 3
        damaged[place] = chance.choice([0, 1, 0xC0, 0xFF, chance.randrange(256)])
    wire = bytes(damaged[: chance.choice([len(damaged), chance.randint(start, len(damaged))])])
    read_reply(make_query(name, rtype, recursive=True), "server", wire)
    try:
        ours = fast(name, rtype, wire)
    except LeftToDnspython:
        return
    try:
        theirs = slow(name, rtype, wire)
    except dns.exception.DNSException:
        return  # It looks into the data of records that nobody asked for, too.
    assert (ours, ours.ttl) == (theirs, theirs.ttl)


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=80), rtype=st.sampled_from(sorted(TYPES)))
@example(raw=b"", rtype="A")
def test_any_bytes_after_the_question_are_an_answer_or_left_to_dnspython(raw, rtype):
    asked = resolver_wire.question("example.com", rtype)
    for counts in ((1, 0, 0), (0, 1, 0), (1, 1, 1), (60, 0, 0)):
        wire = struct.pack("!HHHHHH", 1, 0x8180, 1, *counts) + asked + raw
        with contextlib.suppress(LeftToDnspython):
            assert isinstance(resolver_wire.read(wire, "example.com", rtype, asked), Answer)
        read_reply(make_query("example.com", rtype, recursive=True), "server", wire)


def wire_of(name, rtype, *rrs, authority=(), rcode=0, flags=dns.flags.RA, question=None):
    """A reply with records like `("example.com.", 60, "A", "192.0.2.1")`."""
    reply = dns.message.make_response(dns.message.make_query(question or f"{name}.", rtype, use_edns=0, id=1))
    reply.flags |= flags
    reply.set_rcode(rcode)
    for section, rows in ((reply.answer, rrs), (reply.authority, authority)):
        for owner, ttl, kind, *values in rows:
            section.append(dns.rrset.from_text(owner, ttl, "IN", kind, *values))
    return reply.to_wire()


@pytest.mark.parametrize(
    ("rtype", "values", "expected"),
    [
        ("A", ("192.0.2.2", "192.0.2.1"), (Address("192.0.2.1"), Address("192.0.2.2"))),
        ("AAAA", ("2001:db8:0::1",), (Address("2001:db8::1"),)),
        ("MX", ("10 Mail.example.com.", "0 ."), (Mx(0, ""), Mx(10, "mail.example.com"))),
        ("SRV", ("1 2 443 mail.example.net.",), (Srv(1, 2, 443, "mail.example.net"),)),
        ("TXT", ('"one " "two"', '"caf\\195\\169"', '"\\255"'), (Txt(("café",)), Txt(("one ", "two")), Txt(("ÿ",)))),
        ("PTR", ("mail.example.com.",), (Host("mail.example.com"),)),
        ("CNAME", ("mail.example.com.",), (Host("mail.example.com"),)),
    ],
)
def test_plain_answers_of_every_kind_are_read_without_dnspython(rtype, values, expected):
    answer = fast("example.com", rtype, wire_of("example.com", rtype, ("example.com.", 60, rtype, *values)))
    assert (answer.outcome, answer.records, answer.ttl) == ("records", tuple(sorted(expected)), 60)


def test_aliases_are_followed_and_the_lowest_ttl_counts():
    wire = wire_of(
        "a.example.com",
        "A",
        ("a.example.com.", 300, "CNAME", "b.example.net."),
        ("b.example.net.", 30, "CNAME", "c.example.net."),
        ("c.example.net.", 600, "A", "192.0.2.1"),
    )
    answer = fast("a.example.com", "A", wire)
    assert answer.aliases == ("b.example.net", "c.example.net")
    assert (answer.addresses(), answer.ttl) == (("192.0.2.1",), 30)


@pytest.mark.parametrize(("rcode", "outcome"), [(0, "nodata"), (3, "nxdomain")])
def test_the_ttl_of_an_absence_comes_from_the_soa(rcode, outcome):
    soa = ("example.com.", 3600, "SOA", "ns. host. 1 2 3 4 60")
    answer = fast("x.example.com", "A", wire_of("x.example.com", "A", authority=[soa], rcode=rcode))
    assert (answer.outcome, answer.ttl) == (outcome, 60)
    assert fast("x.example.com", "A", wire_of("x.example.com", "A", rcode=3)).ttl is None


def test_records_of_other_names_in_the_answer_are_ignored():
    wire = wire_of("example.com", "A", ("evil.example.", 60, "A", "192.0.2.66"))
    answer = fast("example.com", "A", wire)
    assert (answer.outcome, answer.records) == ("nodata", ())
    assert slow("example.com", "A", wire) == answer


def test_the_question_may_be_repeated_in_another_case():
    wire = wire_of("example.com", "A", ("EXAMPLE.com.", 60, "A", "192.0.2.1"), question="eXaMpLe.CoM.")
    assert fast("example.com", "A", wire).addresses() == ("192.0.2.1",)


_ASKED = resolver_wire.question("example.com", "A")
_HEAD = struct.pack("!HHHHHH", 1, 0x8180, 1, 1, 0, 0) + _ASKED
_HERE = len(_HEAD)


@pytest.mark.parametrize(
    "tail",
    [
        bytes([0xC0, _HERE]) + b"\0\1\0\1\0\0\0\x3c\0\4abcd",  # a name that points at itself
        bytes([1, 97, 0xC0, _HERE]) + b"\0\1\0\1\0\0\0\x3c\0\4abcd",  # a loop of a label and a pointer
        bytes([0xC0, 2]) + b"\0\1\0\1\0\0\0\x3c\0\4abcd",  # into the header
        b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\5abcd",  # data shorter than it says
        b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\3abc",  # an address of three bytes
        b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4abcdjunk",  # something after the end
        b"\xc0\x0c\0\1\0\3\0\0\0\x3c\0\4abcd",  # of another class
        b"\xc0\x0c\0\1\0\1\xff\0\0\0\0\4abcd",  # a TTL with the highest bit
        b"",  # fewer records than counted
        b"\xc0",
        b"\x40" * 20,  # a kind of label that does not exist
    ],
)
def test_inconsistent_messages_are_left_to_dnspython(tail):
    with pytest.raises(LeftToDnspython):
        resolver_wire.read(_HEAD + tail, "example.com", "A", _ASKED)


def test_a_name_of_more_than_255_bytes_is_left_to_dnspython():
    long = b"".join(b"\x3f" + b"x" * 63 for _ in range(4)) + b"\0"
    with pytest.raises(LeftToDnspython):
        resolver_wire.read(_HEAD + long + b"\0\1\0\1\0\0\0\x3c\0\4abcd", "example.com", "A", _ASKED)


@pytest.mark.parametrize("name", ["", "x" * 64, "a..b", "é.example", "a b.example", ".".join(["x" * 60] * 5), "a\\.b"])
def test_unusual_names_are_left_to_dnspython(name):
    assert resolver_wire.question(name, "A") is None


@given(name=st.lists(st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True), min_size=1, max_size=6).map(".".join))
@settings(max_examples=100, deadline=None)
def test_a_query_equals_that_of_dnspython(name):
    message = dns.message.from_wire(b"\1\2" + make_query(name, "MX", recursive=True).tail)
    theirs = dns.message.make_query(f"{name}.", "MX", use_edns=0, payload=1232)
    theirs.id, theirs.flags = 0x0102, dns.flags.RD | dns.flags.AD
    assert message.to_wire() == theirs.to_wire()
    assert make_query(name, "MX", recursive=True).plain
