"""DNS messages that `wire` does not handle, by dnspython: unusual names, types and replies, and TCP."""

import asyncio
import ipaddress
import string
from dataclasses import dataclass
from secrets import randbelow

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.NS
import dns.rdtypes.ANY.PTR
import dns.rdtypes.ANY.SOA
import dns.rdtypes.ANY.TLSA
import dns.rdtypes.ANY.TXT
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rdtypes.IN.SRV

from reconciler.compliance.resolver import wire as wire_format
from reconciler.compliance.resolver.wire import HEADER, LeftToDnspython
from reconciler.core.lookups import Address, Answer, Host, Mx, Outcome, Rdata, RecordType, Soa, Srv, Tlsa, Txt

_PLAIN = frozenset((string.ascii_letters + string.digits + "-_").encode())


def rdata_value(rdata: dns.rdata.Rdata) -> Rdata | None:
    """Converts a record of dnspython to a value; None for a type that no check uses."""
    match rdata:
        case dns.rdtypes.ANY.TXT.TXT():
            return Txt(tuple(_text(raw) for raw in rdata.strings))
        case dns.rdtypes.ANY.MX.MX():
            return Mx(rdata.preference, plain_name(rdata.exchange))
        case dns.rdtypes.IN.SRV.SRV():
            return Srv(rdata.priority, rdata.weight, rdata.port, plain_name(rdata.target))
        case dns.rdtypes.IN.A.A() | dns.rdtypes.IN.AAAA.AAAA():
            return Address(str(ipaddress.ip_address(rdata.address)))
        case dns.rdtypes.ANY.CNAME.CNAME() | dns.rdtypes.ANY.PTR.PTR() | dns.rdtypes.ANY.NS.NS():
            return Host(plain_name(rdata.target))
        case dns.rdtypes.ANY.SOA.SOA():
            return Soa(rdata.serial, plain_name(rdata.mname))
        case dns.rdtypes.ANY.TLSA.TLSA():
            return Tlsa(rdata.usage, rdata.selector, rdata.mtype, rdata.cert.hex())
        case _:
            return None


def plain_name(name: dns.name.Name) -> str:
    """A name in lower case without the final dot; empty for the root. Unusual bytes become `\\032` as in zone files."""
    return ".".join(_label(label) for label in name.labels if label)


def _label(label: bytes) -> str:
    return "".join(chr(byte).lower() if byte in _PLAIN else f"\\{byte:03d}" for byte in label)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


EDNS_PAYLOAD = 1232
"""Limit of bytes in UDP that networks carry without fragmentation (DNS flag day 2020)."""
MAX_RECORDS = 100
"""Limit of records kept from one answer. No check needs more."""
MAX_TTL = 2**31 - 1
"""Limit of a TTL in seconds (RFC 2181 section 8)."""
_OPT_SIZE = 11
_NO_EDNS = frozenset((dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS))
"""Response codes of servers that do not support EDNS (RFC 6891 section 7)."""


class NotAName(Exception):
    """A name is not valid in DNS; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a reply of a server, or its absence, does not answer the question.

    Attributes:
        again: whether a retry with the same server may help.
        no_edns: whether the server may lack support for EDNS.
    """

    outcome: Outcome
    text: str
    again: bool = False
    no_edns: bool = False


@dataclass(frozen=True, slots=True)
class Truncated:
    """The reply did not fit into a datagram; repeat the query by TCP."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question in wire format.

    Attributes:
        name: in lower case without the final dot.
        recursive: whether it goes to a recursive server instead of an authoritative one.
        asked: the question section.
        tail: the message without its id.
        plain: whether `wire` can read plain replies without dnspython.
    """

    name: str
    rtype: RecordType
    recursive: bool
    asked: bytes
    tail: bytes
    plain: bool

    def without_edns(self) -> "Query":
        """The same query for a server without support for EDNS."""
        tail = self.tail[:9] + b"\0" + self.asked
        return Query(self.name, self.rtype, self.recursive, self.asked, tail, self.plain)


def make_query(name: str, rtype: RecordType, *, recursive: bool) -> Query:
    """Builds the query for a name in lower case without the final dot.

    Raises:
        NotAName: the name is not valid in DNS.
    """
    asked = wire_format.question(name, rtype) if recursive else None
    if asked is not None:
        return Query(name, rtype, True, asked, wire_format.query(asked, EDNS_PAYLOAD), True)
    try:
        qname = dns.name.Name([*(label.encode() for label in name.split(".") if name), b""])
    except (dns.exception.DNSException, ValueError) as e:
        raise NotAName(str(e)) from e
    message = dns.message.make_query(qname, rtype, use_edns=0, payload=EDNS_PAYLOAD)
    # AD requests the result of the validation without the signatures (RFC 6840 section 5.7).
    message.flags = dns.flags.RD | dns.flags.AD if recursive else dns.flags.Flag(0)
    wire = message.to_wire()
    return Query(name, rtype, recursive, wire[HEADER:-_OPT_SIZE], wire[2:], False)


def read_reply(query: Query, shown: str, wire: bytes) -> Answer | Trouble | Truncated | None:
    """Reads a datagram with the query's id and question; None if it is not readable: wait for another one.

    Args:
        shown: the server as messages show it.
    """
    # Nearly all replies are plain. The fast reader saves most of the CPU time of a fleet.
    if query.plain:
        try:
            return wire_format.read(wire, query.name, query.rtype, query.asked)
        except LeftToDnspython:
            pass
    # Do not parse a truncated message: its records may be incomplete. Ask again by TCP.
    if wire[2] & 2:
        return Truncated()
    try:
        message = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError):
        return None
    return read_message(query, shown, message) if isinstance(message, dns.message.QueryMessage) else None


def read_message(query: Query, shown: str, message: dns.message.Message) -> Answer | Trouble:
    """Reads a message of dnspython."""
    return _trouble(message, shown, recursive=query.recursive) or _answer(query.name, query.rtype, message)


async def by_tcp(query: Query, host: str, port: int, shown: str) -> Answer | Trouble:
    """One exchange by TCP. The caller sets the timeout."""
    message = dns.message.from_wire(b"\0\0" + query.tail)
    message.id = randbelow(0x10000)
    try:
        return read_message(query, shown, await dns.asyncquery.tcp(message, host, port=port))
    except (TimeoutError, dns.exception.Timeout):
        raise TimeoutError from None
    except EOFError:
        return Trouble("temporary", f"{shown} closed the connection without an answer")
    except (dns.exception.DNSException, ValueError) as e:
        return Trouble("temporary", f"{shown} sent an invalid answer: {type(e).__name__}")


async def by_udp(query: Query, host: str, port: int, seconds: float, shown: str) -> Answer | Trouble | Truncated | None:
    """One exchange by UDP on systems whose event loop cannot watch sockets, such as Windows."""
    message = dns.message.from_wire(b"\0\0" + query.tail)
    message.id = randbelow(0x10000)
    try:
        async with asyncio.timeout(seconds):
            reply = await dns.asyncquery.udp(
                message, host, port=port, ignore_unexpected=True, ignore_errors=True, raise_on_truncation=True
            )
    except dns.message.Truncated:
        return Truncated()
    except (TimeoutError, dns.exception.Timeout):
        return None
    return read_message(query, shown, reply)


def _trouble(reply: dns.message.Message, shown: str, *, recursive: bool) -> Trouble | None:
    rcode = reply.rcode()
    if rcode in (dns.rcode.REFUSED, dns.rcode.NOTAUTH):
        return Trouble("refused", f"{shown} refused to answer ({dns.rcode.to_text(rcode)})")
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Trouble("temporary", f"{shown} answered {dns.rcode.to_text(rcode)}", no_edns=rcode in _NO_EDNS)
    # A server without authority answers from a cache or by chance. Its records are not the zone.
    if not recursive and not reply.flags & dns.flags.AA:
        return Trouble("temporary", f"{shown} answered without authority over the zone (lame)")
    has_soa = _has_soa(reply)
    in_charge = bool(reply.flags & (dns.flags.RA | dns.flags.AA))
    if rcode == dns.rcode.NOERROR and not reply.answer and not has_soa:
        # An empty answer without a SOA may come from a server that does not know the zone, so it is no proof of
        # absence.
        referral = any(rrset.rdtype == dns.rdatatype.NS for rrset in reply.authority)
        if referral or not in_charge:
            return Trouble("temporary", f"{shown} answered with a referral instead of an answer (lame)")
    return None


def _has_soa(reply: dns.message.Message) -> bool:
    return any(rrset.rdtype == dns.rdatatype.SOA for rrset in reply.authority)


def _answer(name: str, rtype: RecordType, reply: dns.message.Message) -> Answer:
    assert isinstance(reply, dns.message.QueryMessage), "replies have the opcode of the query"
    try:
        chain = reply.resolve_chaining()
    except dns.exception.DNSException as e:
        text = f"the answer contains an invalid chain of CNAMEs: {type(e).__name__}"
        return Answer(name=name, rtype=rtype, outcome="temporary", text=text)
    # RFC 2181 section 10.1 forbids several CNAMEs at one name. dnspython returns them as one set: follow the first.
    aliases = tuple(plain_name(rrset[0].target) for rrset in chain.cnames)
    outcome: Outcome = "records"
    values: tuple[Rdata, ...] = ()
    text = ""
    if chain.answer is not None:
        values = tuple(v for rdata in list(chain.answer)[:MAX_RECORDS] if (v := rdata_value(rdata)) is not None)
    elif reply.rcode() == dns.rcode.NXDOMAIN:
        outcome, text = "nxdomain", f"{aliases[-1] if aliases else name} does not exist in DNS"
    else:
        outcome, text = "nodata", f"{aliases[-1] if aliases else name} has no {rtype} record"
    return Answer(
        name=name,
        rtype=rtype,
        outcome=outcome,
        records=values,
        aliases=aliases,
        text=text,
        authenticated=bool(reply.flags & dns.flags.AD),
        # Without a SOA, the time for which an absence may be cached is unknown (RFC 2308 section 5).
        ttl=min(chain.minimum_ttl, MAX_TTL) if chain.answer is not None or _has_soa(reply) else None,
    )
