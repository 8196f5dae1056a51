"""The resolver: asks recursive DNS servers. The only user of dnspython.

One resolver serves one run: what was answered (or not) is remembered until the run ends, so that no question is
sent twice and all checks judge the same facts.
"""

import asyncio
import ipaddress
import string
from collections.abc import Sequence
from dataclasses import dataclass

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.PTR
import dns.rdtypes.ANY.TXT
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rdtypes.IN.SRV
import dns.resolver

from reconciler.core.dns import Address, Answer, Host, Mx, Outcome, Rdata, RecordType, Resolver, Srv, Txt
from reconciler.core.errors import Unreachable

IN_FLIGHT = 32
"""Questions under way at a time."""
EDNS_PAYLOAD = 1232
"""Bytes of UDP that pass everywhere without fragments (DNS flag day 2020)."""
_ROUNDS = 2
"""How often a silent server is asked: a datagram may be lost."""
MAX_RECORDS = 100
"""Of one answer; nobody publishes more of anything that is judged here."""

_PLAIN = frozenset((string.ascii_letters + string.digits + "-_").encode())


def open_resolver(servers: Sequence[tuple[str, int]], timeout: float) -> Resolver:
    """A resolver for one run.

    Args:
        servers: addresses and ports of recursive servers, asked in this order; none = the system's.
        timeout: seconds for one question, all attempts together.

    Raises:
        Unreachable: the system has no resolver configured, or a server is not given by its address.
    """
    return DnsResolver(tuple(servers) or _system_servers(), timeout)


class DnsResolver:
    """See `open_resolver`. To be used in one event loop.

    Attributes:
        sent: how many questions went out (attempts and TCP repetitions not counted).
    """

    def __init__(self, servers: Sequence[tuple[str, int]], timeout: float, *, in_flight: int = IN_FLIGHT) -> None:
        for host, _ in servers:
            _check_address(host)
        self._servers = tuple(servers)
        self._timeout = timeout
        self._limit = asyncio.Semaphore(in_flight)
        self._asked: dict[tuple[str, RecordType], asyncio.Task[Answer]] = {}
        self.sent = 0

    async def lookup(self, name: str, rtype: RecordType) -> Answer:
        """The answer to a question, sent at most once in the resolver's life. Never raises for what DNS does."""
        key = (name.lower().removesuffix("."), rtype)
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._ask(*key))
        # Shielded: who asked first may be cancelled while others wait for the same answer.
        return await asyncio.shield(task)

    async def _ask(self, name: str, rtype: RecordType) -> Answer:
        try:
            qname = dns.name.Name([*(label.encode() for label in name.split(".") if name), b""])
        except (dns.exception.DNSException, ValueError) as e:
            return Answer(name=name, rtype=rtype, outcome="nxdomain", text=f"this cannot be a name in DNS: {e}")
        query = dns.message.make_query(qname, rtype, use_edns=0, payload=EDNS_PAYLOAD)
        async with self._limit:
            self.sent += 1
            return await self._ask_servers(name, rtype, query)

    async def _ask_servers(self, name: str, rtype: RecordType, query: dns.message.Message) -> Answer:
        """Each server in turn, the silent ones again; the first answer that decides, else the last trouble."""
        now = asyncio.get_running_loop().time
        deadline = now() + self._timeout
        attempts = list(self._servers) * _ROUNDS
        trouble: _Trouble | None = None
        while attempts and deadline > now():
            server = attempts.pop(0)
            reply = await _exchange(query, server, (deadline - now()) / (len(attempts) + 1))
            if not isinstance(reply, _Trouble):
                return _answer(name, rtype, reply)
            trouble = reply
            if not trouble.again:
                attempts = [other for other in attempts if other != server]
        assert trouble is not None, "a resolver has a server, and a timeout is more than nothing"
        text = f"{trouble.text} within {self._timeout:g} s" if trouble.again else trouble.text
        return Answer(name=name, rtype=rtype, outcome=trouble.outcome, text=text)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a server's reply decides nothing, and whether asking the same server again may help."""

    outcome: Outcome
    text: str
    again: bool = False


async def _exchange(
    query: dns.message.Message, server: tuple[str, int], seconds: float
) -> dns.message.Message | _Trouble:
    """One question to one server by UDP, and by TCP where the answer is cut off."""
    host, port = server
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        async with asyncio.timeout(seconds):
            try:
                # Errors are ignored, that is, waited past: anybody can send us a datagram that is not the answer.
                reply = await dns.asyncquery.udp(
                    query, host, port=port, ignore_unexpected=True, ignore_errors=True, raise_on_truncation=True
                )
            except dns.message.Truncated:
                reply = await dns.asyncquery.tcp(query, host, port=port)
    except (TimeoutError, dns.exception.Timeout):
        return _Trouble("temporary", f"{shown} did not answer", again=True)
    except EOFError:
        return _Trouble("temporary", f"{shown} closed the connection without an answer")
    except OSError as e:
        return _Trouble("temporary", f"{shown} cannot be reached: {e.strerror or e}")
    except (dns.exception.DNSException, ValueError) as e:
        return _Trouble("temporary", f"{shown} sent an answer that cannot be read: {type(e).__name__}")
    return _trouble(reply, shown) or reply


def _trouble(reply: dns.message.Message, shown: str) -> _Trouble | None:
    rcode = reply.rcode()
    if rcode in (dns.rcode.REFUSED, dns.rcode.NOTAUTH):
        return _Trouble("refused", f"{shown} refuses to answer ({dns.rcode.to_text(rcode)})")
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return _Trouble("temporary", f"{shown} answered {dns.rcode.to_text(rcode)}")
    has_soa = any(rrset.rdtype == dns.rdatatype.SOA for rrset in reply.authority)
    recursive = bool(reply.flags & (dns.flags.RA | dns.flags.AA))
    if rcode == dns.rcode.NOERROR and not reply.answer and not has_soa:
        referral = any(rrset.rdtype == dns.rdatatype.NS for rrset in reply.authority)
        if referral or not recursive:
            return _Trouble("temporary", f"{shown} answered with a referral instead of an answer (lame)")
    return None


def _answer(name: str, rtype: RecordType, reply: dns.message.Message) -> Answer:
    assert isinstance(reply, dns.message.QueryMessage)
    try:
        chain = reply.resolve_chaining()
    except dns.exception.DNSException as e:
        text = f"the answer's chain of CNAMEs cannot be followed: {type(e).__name__}"
        return Answer(name=name, rtype=rtype, outcome="temporary", text=text)
    # dnspython gives an owner's CNAMEs as one set; several are against RFC 2181 section 10.1: the first is followed.
    aliases = tuple(_plain_name(rrset[0].target) for rrset in chain.cnames)
    if chain.answer is not None:
        values = tuple(value for rdata in list(chain.answer)[:MAX_RECORDS] if (value := _value(rdata)) is not None)
        return Answer(name=name, rtype=rtype, outcome="records", records=values, aliases=aliases)
    if reply.rcode() == dns.rcode.NXDOMAIN:
        end = aliases[-1] if aliases else name
        text = f"{end} does not exist in DNS"
        return Answer(name=name, rtype=rtype, outcome="nxdomain", aliases=aliases, text=text)
    text = f"{aliases[-1] if aliases else name} has no {rtype} record"
    return Answer(name=name, rtype=rtype, outcome="nodata", aliases=aliases, text=text)


def _system_servers() -> tuple[tuple[str, int], ...]:
    try:
        system = dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError) as e:
        raise Unreachable(
            "no DNS resolver is configured on this system",
            hint="name one in reconciler.yaml, like dns: {resolvers: ['192.0.2.53:53']}",
        ) from e
    servers = tuple((str(server), system.port) for server in system.nameservers)
    if not servers:
        raise Unreachable(
            "no DNS resolver is configured on this system",
            hint="name one in reconciler.yaml, like dns: {resolvers: ['192.0.2.53:53']}",
        )
    return servers


def _check_address(host: str) -> None:
    try:
        ipaddress.ip_address(host)
    except ValueError as e:
        raise Unreachable(
            f"the DNS resolver {host!r} is not given by its address",
            hint="write an IPv4 or IPv6 address with its port, like 192.0.2.53:53",
        ) from e


def _value(rdata: dns.rdata.Rdata) -> Rdata | None:
    """One record as a value; None for a type that nobody asked for."""
    match rdata:
        case dns.rdtypes.ANY.TXT.TXT():
            return Txt(tuple(_text(raw) for raw in rdata.strings))
        case dns.rdtypes.ANY.MX.MX():
            return Mx(rdata.preference, _plain_name(rdata.exchange))
        case dns.rdtypes.IN.SRV.SRV():
            return Srv(rdata.priority, rdata.weight, rdata.port, _plain_name(rdata.target))
        case dns.rdtypes.IN.A.A() | dns.rdtypes.IN.AAAA.AAAA():
            return Address(str(ipaddress.ip_address(rdata.address)))
        case dns.rdtypes.ANY.CNAME.CNAME() | dns.rdtypes.ANY.PTR.PTR():
            return Host(_plain_name(rdata.target))
        case _:
            return None


def _plain_name(name: dns.name.Name) -> str:
    """A name in lower case without the final dot, empty for the root; odd bytes as `\\032`, as in zone files."""
    return ".".join(_label(label) for label in name.labels if label)


def _label(label: bytes) -> str:
    return "".join(chr(byte).lower() if byte in _PLAIN else f"\\{byte:03d}" for byte in label)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
