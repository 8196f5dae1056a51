"""Turn the bytes of a query into the bytes of its answer, including injected faults. Without sockets."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dns.rcode
import dns.rdataclass
import dns.rdatatype

from reconciler.sandbox.dns import wire as dns_wire
from reconciler.sandbox.dns.faults import DnsFault, DnsFaults
from reconciler.sandbox.dns.zone import shown
from reconciler.sandbox.dns.zones import Zones

MAX_LOG = 10_000
MAX_CACHE = 8_192
# Zone transfers, meta types and ANY. Resolvers refuse them (RFC 8482 section 4).
_REFUSED = frozenset(
    {
        dns.rdatatype.ANY,
        dns.rdatatype.AXFR,
        dns.rdatatype.IXFR,
        dns.rdatatype.MAILA,
        dns.rdatatype.MAILB,
        dns.rdatatype.OPT,
        dns.rdatatype.TSIG,
        dns.rdatatype.TKEY,
    }
)


@dataclass(frozen=True)
class DnsReply:
    """The answer and its delay in seconds. Without data, nothing is sent."""

    data: bytes | None
    delay: float = 0.0


@dataclass(frozen=True)
class _CachedAnswer:
    """A cached answer for the same bytes except the id. It is valid for one version of the zones."""

    version: int
    query: dns_wire.Query
    name: str
    rtype: str
    data: bytes


class Responder:
    """Answers queries from zones and logs the questions.

    Clients repeat queries that differ only in their id. Therefore complete answers are cached until any zone changes.
    """

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._faults = DnsFaults()
        self._cached: dict[tuple[bytes, bool], _CachedAnswer] = {}
        self._log: deque[tuple[str, str]] = deque(maxlen=MAX_LOG)

    def set_faults(self, faults: Sequence[Mapping[str, object]]) -> None:
        """Replace the active faults; see `DnsFaults.replace`."""
        self._faults.replace(faults)

    def queries(self) -> list[tuple[str, str]]:
        """Name (lower case, no final dot) and type of the latest questions, newest last, at most MAX_LOG."""
        return list(self._log)

    def reset_queries(self) -> None:
        """Clear the log of questions."""
        self._log.clear()

    def reply(self, wire: bytes, *, tcp: bool) -> DnsReply:
        """The reply to a message that came over UDP or TCP."""
        try:
            cached = self._answer(wire, tcp=tcp)
        except dns_wire.NotAQuery as refusal:
            return DnsReply(refusal.reply)
        self._log.append((cached.name, cached.rtype))
        data = wire[:2] + cached.data[2:]
        fault = self._faults.take(cached.name, cached.query.rdtype, tcp=tcp)
        return DnsReply(data) if fault is None else _faulty(fault, wire, cached.query, data)

    def _answer(self, wire: bytes, *, tcp: bool) -> _CachedAnswer:
        cache_key = (wire[2:], tcp)
        # Read before the zones: if they change while the answer is built, the cached answer is already outdated.
        version = self._zones.version
        cached = self._cached.get(cache_key)
        if cached is not None and cached.version == version:
            return cached
        query = dns_wire.parse(wire)
        name, rtype = shown(query.qname.canonicalize()), dns.rdatatype.to_text(query.rdtype)
        cached = _CachedAnswer(version, query, name, rtype, self._render(query, tcp=tcp))
        if len(self._cached) >= MAX_CACHE:
            # Clearing is simpler than tracking use, and the cache is full again quickly.
            self._cached.clear()
        self._cached[cache_key] = cached
        return cached

    def _render(self, query: dns_wire.Query, *, tcp: bool) -> bytes:
        if query.edns > 0:
            return dns_wire.error(query, dns.rcode.BADVERS)
        if query.rdclass != dns.rdataclass.IN or query.rdtype in _REFUSED:
            return dns_wire.error(query, dns.rcode.REFUSED)
        return dns_wire.render(query, self._zones.resolve(query.qname, query.rdtype), tcp=tcp)


def _faulty(fault: DnsFault, wire: bytes, query: dns_wire.Query, data: bytes) -> DnsReply:
    match fault.kind:
        case "silence":
            return DnsReply(None)
        case "delay":
            return DnsReply(data, fault.seconds)
        case "servfail":
            data = dns_wire.error(query, dns.rcode.SERVFAIL)
        case "refused":
            data = dns_wire.error(query, dns.rcode.REFUSED)
        case "truncate":
            data = dns_wire.truncated(query)
        case "garbage":
            data = dns_wire.garbage(query)
        case kind:
            raise AssertionError(f"fault kind {kind} is not implemented")
    return DnsReply(wire[:2] + data[2:])  # a cached query may have another id
