"""The resolver: asks recursive DNS servers, and authoritative ones directly. With its values the user of dnspython.

One resolver serves one run: what was answered (or not) is remembered until the run ends, so that no question is
sent twice and all checks judge the same facts.
"""

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from reconciler.compliance.resolver_values import plain_name, value
from reconciler.core.dns import Answer, Outcome, Rdata, RecordType, Resolver
from reconciler.core.errors import Unreachable

IN_FLIGHT = 32
"""Questions under way at a time."""
EDNS_PAYLOAD = 1232
"""Bytes of UDP that pass everywhere without fragments (DNS flag day 2020)."""
AUTHORITY_PORT = 53
_ROUNDS = 2
"""How often a silent server is asked: a datagram may be lost."""
MAX_RECORDS = 100
"""Of one answer; nobody publishes more of anything that is judged here."""
MAX_TTL = 2**31 - 1
"""Seconds (RFC 2181 section 8)."""


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

    def __init__(
        self,
        servers: Sequence[tuple[str, int]],
        timeout: float,
        *,
        in_flight: int = IN_FLIGHT,
        authority_port: int = AUTHORITY_PORT,
    ) -> None:
        """Args are as for `open_resolver`; `authority_port`: where authoritative servers listen.

        Raises:
            Unreachable: a server is not given by its address.
        """
        for host, _ in servers:
            _check_address(host)
        self._servers = tuple(servers)
        self._timeout = timeout
        self._limit = asyncio.Semaphore(in_flight)
        self._authority_port = authority_port
        self._asked: dict[tuple[str, RecordType, str], asyncio.Task[Answer]] = {}
        self.sent = 0

    async def lookup(self, name: str, rtype: RecordType) -> Answer:
        """The answer to a question, sent at most once in the resolver's life. Never raises for what DNS does."""
        return await self._once(name, rtype, "")

    async def lookup_at(self, server: str, name: str, rtype: RecordType) -> Answer:
        """What an authoritative server says, sent at most once too; `temporary` where it is not authoritative."""
        return await self._once(name, rtype, server)

    async def _once(self, name: str, rtype: RecordType, authority: str) -> Answer:
        key = (name.lower().removesuffix("."), rtype, authority)
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._ask(*key))
        # Shielded: who asked first may be cancelled while others wait for the same answer.
        return await asyncio.shield(task)

    async def _ask(self, name: str, rtype: RecordType, authority: str) -> Answer:
        try:
            qname = dns.name.Name([*(label.encode() for label in name.split(".") if name), b""])
        except (dns.exception.DNSException, ValueError) as e:
            return Answer(name=name, rtype=rtype, outcome="nxdomain", text=f"this cannot be a name in DNS: {e}")
        query = dns.message.make_query(qname, rtype, use_edns=0, payload=EDNS_PAYLOAD)
        # AD asks whether the answer was validated, without the signatures (RFC 6840 section 5.7).
        query.flags = dns.flags.Flag(0) if authority else dns.flags.RD | dns.flags.AD
        servers = ((authority, self._authority_port),) if authority else self._servers
        async with self._limit:
            self.sent += 1
            return await self._ask_servers(name, rtype, query, servers)

    async def _ask_servers(
        self, name: str, rtype: RecordType, query: dns.message.Message, servers: Sequence[tuple[str, int]]
    ) -> Answer:
        """Each server in turn, the silent ones again; the first answer that decides, else the last trouble."""
        now = asyncio.get_running_loop().time
        deadline = now() + self._timeout
        attempts = list(servers) * _ROUNDS
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
    return _trouble(reply, shown, recursive=bool(query.flags & dns.flags.RD)) or reply


def _trouble(reply: dns.message.Message, shown: str, *, recursive: bool) -> _Trouble | None:
    rcode = reply.rcode()
    if rcode in (dns.rcode.REFUSED, dns.rcode.NOTAUTH):
        return _Trouble("refused", f"{shown} refuses to answer ({dns.rcode.to_text(rcode)})")
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return _Trouble("temporary", f"{shown} answered {dns.rcode.to_text(rcode)}")
    if not recursive and not reply.flags & dns.flags.AA:
        return _Trouble("temporary", f"{shown} answered without authority over the zone (lame)")
    has_soa = any(rrset.rdtype == dns.rdatatype.SOA for rrset in reply.authority)
    in_charge = bool(reply.flags & (dns.flags.RA | dns.flags.AA))
    if rcode == dns.rcode.NOERROR and not reply.answer and not has_soa:
        referral = any(rrset.rdtype == dns.rdatatype.NS for rrset in reply.authority)
        if referral or not in_charge:
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
    aliases = tuple(plain_name(rrset[0].target) for rrset in chain.cnames)
    outcome: Outcome = "records"
    values: tuple[Rdata, ...] = ()
    text = ""
    if chain.answer is not None:
        values = tuple(v for rdata in list(chain.answer)[:MAX_RECORDS] if (v := value(rdata)) is not None)
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
        ttl=min(chain.minimum_ttl, MAX_TTL),
    )


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
