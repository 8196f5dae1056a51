"""The records of one zone in memory, and the lookup of a name among them.

This is not dns.zone.Zone: that class rejects a CNAME next to other data and several CNAMEs, but tests of the DNS checks
need such broken zones. This module does not lock; see zones.Zones.
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

NameKey = tuple[bytes, ...]
"""The labels of a name in lower case, with the empty root label at the end.

A tuple is hashed in C, which is much faster than dns.name.Name, hashed in Python.
"""

_NO_RRSETS: Mapping[dns.rdatatype.RdataType, "RRset"] = {}


class ZoneError(ValueError):
    """A zone, name or record is invalid. The message names the zone, the line and the reason."""


def key_of(name: dns.name.Name) -> NameKey:
    """The key of a name, equal for all cases."""
    return tuple(label.lower() for label in name.labels)


def shown(name: dns.name.Name) -> str:
    """The name without final dot; `.` for the root."""
    return name.to_text(omit_final_dot=True)


@dataclass(frozen=True)
class RRset:
    """All records of one name and type in their given order (RFC 2181 section 5).

    Immutable, so that a concurrent answer never contains half of a change.
    """

    name: dns.name.Name  # lower case, absolute; with the asterisk of a wildcard
    rdtype: dns.rdatatype.RdataType
    ttl: int  # seconds, equal for all records (RFC 2181 section 5.2)
    rdatas: tuple[dns.rdata.Rdata, ...]

    @cached_property
    def tails(self) -> tuple[bytes, ...]:
        """The encoded records without owner name and without name compression."""
        return _tails(self.rdtype, self.ttl, self.rdatas)

    @cached_property
    def negative_tails(self) -> tuple[bytes, ...]:
        """The SOA of a negative answer: its TTL is at most its MINIMUM (RFC 2308 section 3)."""
        soa = self.rdatas[0]
        assert isinstance(soa, dns.rdtypes.ANY.SOA.SOA)
        return _tails(self.rdtype, min(self.ttl, soa.minimum), self.rdatas[:1])

    @property
    def first_target(self) -> dns.name.Name:
        """The target of a CNAME; of the first one if there are several, which is invalid."""
        cname = self.rdatas[0]
        assert isinstance(cname, dns.rdtypes.ANY.CNAME.CNAME)
        return cname.target

    def lines(self) -> Iterator[str]:
        """The records as lines of a zone file, with absolute names."""
        for rdata in self.rdatas:
            yield f"{self.name} {self.ttl} IN {dns.rdatatype.to_text(self.rdtype)} {rdata.to_text()}"


def _tails(rdtype: dns.rdatatype.RdataType, ttl: int, rdatas: tuple[dns.rdata.Rdata, ...]) -> tuple[bytes, ...]:
    wires = [rdata.to_wire() or b"" for rdata in rdatas]
    return tuple(struct.pack("!HHIH", rdtype, 1, ttl, len(wire)) + wire for wire in wires)


class Zone:
    """The records at and below one origin. NS records below the origin do not delegate: they are normal data."""

    def __init__(self, origin: dns.name.Name) -> None:
        self.origin = origin
        self._nodes: dict[NameKey, dict[dns.rdatatype.RdataType, RRset]] = {}
        self._at_or_below: Counter[NameKey] = Counter()  # empty non-terminals exist too

    @property
    def soa(self) -> RRset:
        """The zone's SOA; every zone has one."""
        return self._nodes[key_of(self.origin)][dns.rdatatype.SOA]

    def rrset(self, key: NameKey, rdtype: dns.rdatatype.RdataType) -> RRset | None:
        """The set of exactly this name, without wildcards."""
        return self._nodes.get(key, _NO_RRSETS).get(rdtype)

    def rrsets(self) -> Iterator[RRset]:
        """All sets: first the SOA, then the others of the origin, then all names in their given order."""
        apex = key_of(self.origin)
        top = self._nodes.get(apex, {})
        yield from sorted(top.values(), key=lambda rrset: rrset.rdtype != dns.rdatatype.SOA)
        for key, node in self._nodes.items():
            if key != apex:
                yield from node.values()

    def put(self, rrset: RRset) -> None:
        """Store a set. It replaces the one with the same name and type."""
        key = key_of(rrset.name)
        if key not in self._nodes:
            self._nodes[key] = {}
            self._at_or_below.update(self._up(key))
        self._nodes[key][rrset.rdtype] = rrset

    def drop(self, key: NameKey, rdtype: dns.rdatatype.RdataType) -> None:
        """Remove a set. Raises KeyError if it does not exist."""
        node = self._nodes[key]
        del node[rdtype]
        if not node:
            del self._nodes[key]
            for name in self._up(key):
                self._at_or_below[name] -= 1
                if not self._at_or_below[name]:
                    del self._at_or_below[name]

    def match(self, key: NameKey) -> Mapping[dns.rdatatype.RdataType, RRset] | None:
        """The sets for a name, also from a wildcard (RFC 4592 section 3.3); None if the name does not exist.

        A name also exists if only names below it have records. Then no wildcard applies, and the name has no sets.
        """
        node = self._nodes.get(key)
        if node is not None:
            return node
        if key in self._at_or_below:
            return _NO_RRSETS
        for start in range(1, len(key)):
            encloser = key[start:]
            if encloser in self._at_or_below:
                # Only the closest encloser counts: a wildcard further up does not apply (RFC 4592 section 3.3.1).
                source = (b"*", *encloser)
                return self._nodes.get(source, _NO_RRSETS) if source in self._at_or_below else None
        return None

    def _up(self, key: NameKey) -> list[NameKey]:
        """The name and its ancestors, up to the origin."""
        return [key[start:] for start in range(len(key) - len(self.origin.labels) + 1)]
