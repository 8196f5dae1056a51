"""From the bytes of a query to the bytes of its answer, faults included; no sockets here."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dns.rcode
import dns.rdataclass
import dns.rdatatype

from reconciler.sandbox.dns import wire as dns_wire
from reconciler.sandbox.dns.faults import Fault, Faults
from reconciler.sandbox.dns.zone import shown
from reconciler.sandbox.dns.zones import Zones

MAX_LOG = 10_000
MAX_CACHE = 8_192
# What only whole-zone tools ask for, and the request for everything, which resolvers refuse (RFC 8482 section 4).
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
class Reply:
    """What to send, after how many seconds; no data: say nothing."""

    data: bytes | None
    delay: float = 0.0


@dataclass(frozen=True)
class _Known:
    """An answer given before to the same bytes (the id aside), good while the zones have this version."""

    version: int
    query: dns_wire.Query
    name: str
    rtype: str
    data: bytes


class Responder:
    """Answers queries from zones and remembers what was asked.

    Clients send the same bytes again and again, but for the id, so whole answers are kept; a change of any zone makes
    them stale.
    """

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._faults = Faults()
        self._known: dict[tuple[bytes, bool], _Known] = {}
        self._log: deque[tuple[str, str]] = deque(maxlen=MAX_LOG)

    def set_faults(self, faults: Sequence[Mapping[str, object]]) -> None:
        """See Faults.replace."""
        self._faults.replace(faults)

    def queries(self) -> list[tuple[str, str]]:
        """Name (lower case, no final dot) and type of the questions seen, newest last, at most MAX_LOG."""
        return list(self._log)

    def reset_queries(self) -> None:
        """Forget the questions seen."""
        self._log.clear()

    def reply(self, wire: bytes, *, tcp: bool) -> Reply:
        """The reply to what came in over UDP or TCP."""
        try:
            known = self._answer(wire, tcp=tcp)
        except dns_wire.NotAQuery as refusal:
            return Reply(refusal.reply)
        self._log.append((known.name, known.rtype))
        data = wire[:2] + known.data[2:]
        fault = self._faults.strike(known.name, known.query.rdtype, tcp=tcp)
        return Reply(data) if fault is None else _faulty(fault, wire, known.query, data)

    def _answer(self, wire: bytes, *, tcp: bool) -> _Known:
        cache_key = (wire[2:], tcp)
        version = self._zones.version  # read before the zones are: a change meanwhile makes the answer stale at once
        known = self._known.get(cache_key)
        if known is not None and known.version == version:
            return known
        query = dns_wire.parse(wire)
        name, rtype = shown(query.qname.canonicalize()), dns.rdatatype.to_text(query.rdtype)
        known = _Known(version, query, name, rtype, self._render(query, tcp=tcp))
        if len(self._known) >= MAX_CACHE:
            self._known.clear()
        self._known[cache_key] = known
        return known

    def _render(self, query: dns_wire.Query, *, tcp: bool) -> bytes:
        if query.edns > 0:
            return dns_wire.error(query, dns.rcode.BADVERS)
        if query.rdclass != dns.rdataclass.IN or query.rdtype in _REFUSED:
            return dns_wire.error(query, dns.rcode.REFUSED)
        return dns_wire.render(query, self._zones.resolve(query.qname, query.rdtype), tcp=tcp)


def _faulty(fault: Fault, wire: bytes, query: dns_wire.Query, data: bytes) -> Reply:
    match fault.kind:
        case "silence":
            return Reply(None)
        case "delay":
            return Reply(data, fault.seconds)
        case "servfail":
            data = dns_wire.error(query, dns.rcode.SERVFAIL)
        case "refused":
            data = dns_wire.error(query, dns.rcode.REFUSED)
        case "truncate":
            data = dns_wire.truncated(query)
        case "garbage":
            data = dns_wire.garbage(query)
        case kind:
            raise AssertionError(f"fault kind {kind} is in the table but nothing does it")
    return Reply(wire[:2] + data[2:])  # the query may be one remembered, with another id
