"""One zone's records in memory, and which of them a name meets.

Not dns.zone.Zone: that one refuses a CNAME beside other data and several CNAMEs, and looking at such broken zones is
what this server is for. Nothing here knows of packets; nothing here locks (see zones.Zones).
"""

import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import dns.name
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.SOA

Key = tuple[bytes, ...]
"""A name's labels in lower case, the root's empty one last: hashes in C, where dns.name.Name hashes in Python."""

_NO_RRSETS: Mapping[dns.rdatatype.RdataType, "RRset"] = {}


class ZoneError(ValueError):
    """A zone, a name or a record that cannot be taken; the message says which zone, which line, and why."""


def key_of(name: dns.name.Name) -> Key:
    """The key that names equal but for case share."""
    return tuple(label.lower() for label in name.labels)


def shown(name: dns.name.Name) -> str:
    """The name for people: no final dot, `.` for the root."""
    return name.to_text(omit_final_dot=True)


@dataclass(frozen=True)
class RRset:
    """All records of one name and type, in the order in which they were given (RFC 2181 section 5).

    Immutable, so that an answer under way never sees a half-made change.
    """

    name: dns.name.Name  # lower case, absolute; of a wildcard, with its asterisk
    rdtype: dns.rdatatype.RdataType
    ttl: int  # seconds, one for the whole set (RFC 2181 section 5.2)
    rdatas: tuple[dns.rdata.Rdata, ...]

    @cached_property
    def tails(self) -> tuple[bytes, ...]:
        """Each record as on the wire, without its owner name and with no name compressed."""
        return _tails(self.rdtype, self.ttl, self.rdatas)

    @cached_property
    def negative_tails(self) -> tuple[bytes, ...]:
        """The SOA of a negative answer: its TTL is at most its MINIMUM (RFC 2308 section 3)."""
        soa = self.rdatas[0]
        assert isinstance(soa, dns.rdtypes.ANY.SOA.SOA)
        return _tails(self.rdtype, min(self.ttl, soa.minimum), self.rdatas[:1])

    @property
    def first_target(self) -> dns.name.Name:
        """Where a CNAME leads; of several, which no valid zone has, the first."""
        cname = self.rdatas[0]
        assert isinstance(cname, dns.rdtypes.ANY.CNAME.CNAME)
        return cname.target

    def lines(self) -> Iterator[str]:
        """The records as lines of a zone file, every name absolute."""
        for rdata in self.rdatas:
            yield f"{self.name} {self.ttl} IN {dns.rdatatype.to_text(self.rdtype)} {rdata.to_text()}"


def _tails(rdtype: dns.rdatatype.RdataType, ttl: int, rdatas: tuple[dns.rdata.Rdata, ...]) -> tuple[bytes, ...]:
    wires = [rdata.to_wire() or b"" for rdata in rdatas]
    return tuple(struct.pack("!HHIH", rdtype, 1, ttl, len(wire)) + wire for wire in wires)


class Zone:
    """The records at and below one origin. NS records below the origin are data like any other: no zone cuts."""

    def __init__(self, origin: dns.name.Name) -> None:
        self.origin = origin
        self._nodes: dict[Key, dict[dns.rdatatype.RdataType, RRset]] = {}
        self._at_or_below: Counter[Key] = Counter()  # names with records, so that empty non-terminals exist too

    @property
    def soa(self) -> RRset:
        """The zone's SOA; every zone has one."""
        return self._nodes[key_of(self.origin)][dns.rdatatype.SOA]

    def rrset(self, key: Key, rdtype: dns.rdatatype.RdataType) -> RRset | None:
        """The set stored under exactly this name, no wildcard tried."""
        return self._nodes.get(key, _NO_RRSETS).get(rdtype)

    def rrsets(self) -> Iterator[RRset]:
        """Every set, SOA and the origin's others first, then in the order in which the names came."""
        apex = key_of(self.origin)
        top = self._nodes.get(apex, {})
        yield from sorted(top.values(), key=lambda rrset: rrset.rdtype != dns.rdatatype.SOA)
        for key, node in self._nodes.items():
            if key != apex:
                yield from node.values()

    def put(self, rrset: RRset) -> None:
        """Store a set in the place of the one with its name and type."""
        key = key_of(rrset.name)
        if key not in self._nodes:
            self._nodes[key] = {}
            self._at_or_below.update(self._up(key))
        self._nodes[key][rrset.rdtype] = rrset

    def drop(self, key: Key, rdtype: dns.rdatatype.RdataType) -> None:
        """Take a set away. Raises KeyError if it is not there."""
        node = self._nodes[key]
        del node[rdtype]
        if not node:
            del self._nodes[key]
            for name in self._up(key):
                self._at_or_below[name] -= 1
                if not self._at_or_below[name]:
                    del self._at_or_below[name]

    def match(self, key: Key) -> Mapping[dns.rdatatype.RdataType, RRset] | None:
        """The sets that answer for a name, by wildcard if need be (RFC 4592 section 3.3); None: no such name.

        A name that exists, if only because there are names below it, hides the wildcard and has no sets of its own.
        """
        node = self._nodes.get(key)
        if node is not None:
            return node
        if key in self._at_or_below:
            return _NO_RRSETS
        for start in range(1, len(key)):
            encloser = key[start:]
            if encloser in self._at_or_below:
                source = (b"*", *encloser)
                return self._nodes.get(source, _NO_RRSETS) if source in self._at_or_below else None
        return None

    def _up(self, key: Key) -> list[Key]:
        """The name and its ancestors, up to the origin."""
        return [key[start:] for start in range(len(key) - len(self.origin.labels) + 1)]
