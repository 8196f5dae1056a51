"""Decode queries and encode answers (RFC 1035 section 4, EDNS: RFC 6891)."""

import struct
from dataclasses import dataclass

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from reconciler.sandbox.dns.zones import DnsAnswer

HEADER = 12
PLAIN_LIMIT = 512  # bytes over UDP without EDNS
EDNS_LIMIT = 1232  # maximum over UDP without fragmentation (DNS Flag Day 2020)
TCP_LIMIT = 65535
_POINTER = 0xC000
_REACH = 0x4000  # pointers have 14 bits
_FIXED = 10  # type, class, TTL and length, between a record's name and its data
_COPIED = dns.flags.RD | dns.flags.CD
_OPCODE = 0x7800


@dataclass(frozen=True, kw_only=True)
class Query:
    """One question. `qname` keeps its case, because the answer must repeat it."""

    id: int
    flags: int
    qname: dns.name.Name
    rdtype: dns.rdatatype.RdataType
    rdclass: int
    edns: int  # version, -1 without EDNS
    payload: int  # bytes that the client accepts over UDP
    dnssec_ok: bool

    def limit(self, *, tcp: bool) -> int:
        """The maximum size of the answer in bytes."""
        if tcp:
            return TCP_LIMIT
        return min(max(self.payload, PLAIN_LIMIT), EDNS_LIMIT) if self.edns >= 0 else PLAIN_LIMIT


class NotAQuery(Exception):
    """The bytes are not a query. `reply` is the answer to send, None for no answer."""

    def __init__(self, reason: str, reply: bytes | None) -> None:
        super().__init__(reason)
        self.reply = reply


def parse(wire: bytes) -> Query:
    """Decode a query.

    Raises:
        NotAQuery: invalid bytes (FORMERR), another opcode than QUERY (NOTIMP), or an answer. Answers get no reply,
            because two servers could answer each other forever.
    """
    if len(wire) < 2:
        raise NotAQuery("too short for an id", None)
    flags = int.from_bytes(wire[2:4], "big") if len(wire) >= 4 else 0
    # Before all checks that lead to a reply: even an error in reply to an answer could start a loop
    # between two servers.
    if flags & dns.flags.QR:
        raise NotAQuery("the message is an answer", None)
    if len(wire) < HEADER:
        raise NotAQuery("shorter than a header", _bare(wire, 0, dns.rcode.FORMERR))
    if flags & _OPCODE:
        raise NotAQuery("another opcode than QUERY", _bare(wire, flags, dns.rcode.NOTIMP))
    try:
        message = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        raise NotAQuery(str(error), _bare(wire, flags, dns.rcode.FORMERR)) from error
    if len(message.question) != 1 or message.answer or message.authority:
        raise NotAQuery("a query has one question and no records", _bare(wire, flags, dns.rcode.FORMERR))
    question = message.question[0]
    return Query(
        id=message.id,
        flags=flags,
        qname=question.name,
        rdtype=question.rdtype,
        rdclass=question.rdclass,
        edns=message.edns,
        payload=message.payload,
        dnssec_ok=bool(message.ednsflags & dns.flags.DO),
    )


def _bare(wire: bytes, flags: int, rcode: dns.rcode.Rcode) -> bytes:
    return wire[:2] + struct.pack("!HHHHH", dns.flags.QR | flags & (_OPCODE | _COPIED) | rcode, 0, 0, 0, 0)


def error(query: Query, rcode: dns.rcode.Rcode) -> bytes:
    """An answer with an error code and no records."""
    return _message(query, 0, rcode, b"", (0, 0))


def truncated(query: Query) -> bytes:
    """An answer with the TC bit and no records, so that the client repeats the query over TCP."""
    return _message(query, dns.flags.AA | dns.flags.TC, dns.rcode.NOERROR, b"", (0, 0))


def garbage(query: Query) -> bytes:
    """Bytes that no DNS library can decode, with the id of the query."""
    return query.id.to_bytes(2, "big") + b"\xff" * 30


def render(query: Query, answer: DnsAnswer, *, tcp: bool) -> bytes:
    """Encode an answer. If it is too large, return the TC bit over UDP, SERVFAIL over TCP.

    Only owner names are compressed. Names in record data are not, so that the data is encoded once and reused.
    """
    body = bytearray()
    start = HEADER + len(query.qname.to_wire() or b"") + 4
    target = HEADER  # offset of the next owner name: first in the question, then in the data of the CNAME before
    for name, rrset in answer.answers:
        owner = struct.pack("!H", _POINTER | target) if target < _REACH else name.to_wire() or b""
        # Points into the data of this record: the target of a CNAME is the owner of the next set.
        target = start + len(body) + len(owner) + _FIXED
        for tail in rrset.tails:
            body += owner + tail
    answers = sum(len(rrset.tails) for _, rrset in answer.answers)
    authority = 0
    if answer.soa is not None:
        body += _owner(query, answer.soa.name) + answer.soa.negative_tails[0]
        authority = 1
    if answers > 0xFFFF or start + len(body) + (11 if query.edns >= 0 else 0) > query.limit(tcp=tcp):
        return error(query, dns.rcode.SERVFAIL) if tcp else truncated(query)
    flags = 0 if answer.rcode == dns.rcode.SERVFAIL else dns.flags.AA
    return _message(query, flags, answer.rcode, bytes(body), (answers, authority))


def _owner(query: Query, name: dns.name.Name) -> bytes:
    """The name, as a pointer into the question if the question ends with it."""
    asked = query.qname
    if len(name) > 1 and asked.is_subdomain(name):
        skipped = sum(len(label) + 1 for label in asked.labels[: len(asked) - len(name)])
        return struct.pack("!H", _POINTER | HEADER + skipped)
    return name.to_wire() or b""


def _message(query: Query, flags: int, rcode: dns.rcode.Rcode, body: bytes, counts: tuple[int, int]) -> bytes:
    flags |= dns.flags.QR | dns.flags.RA | query.flags & _COPIED | rcode & 0xF
    edns = query.edns >= 0
    head = struct.pack("!HHHHHH", query.id, flags, 1, *counts, int(edns))
    question = (query.qname.to_wire() or b"") + struct.pack("!HH", query.rdtype, query.rdclass)
    opt = b""
    if edns:
        ttl = dns.rcode.to_flags(rcode)[1] | (dns.flags.DO if query.dnssec_ok else 0)
        opt = b"\0" + struct.pack("!HHIH", dns.rdatatype.OPT, EDNS_LIMIT, ttl, 0)
    return head + question + body + opt
