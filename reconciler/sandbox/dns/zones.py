"""All zones of the sandbox's DNS. Any thread may change them while the server answers."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import dns.name
import dns.rcode
import dns.rdatatype

from reconciler.sandbox.dns.zone import NameKey, RRset, Zone, ZoneError, key_of, shown
from reconciler.sandbox.dns.zone_text import (
    DEFAULT_TTL,
    check_record,
    name_from,
    root_soa,
    type_from,
    value_from,
    with_value,
    zone_from,
)

__all__ = ["DnsAnswer", "ZoneError", "Zones"]

MAX_CHAIN = 16  # CNAMEs; resolvers stop after 8 to 16


@dataclass(frozen=True)
class DnsAnswer:
    """The answer to one question, as from a resolver that knows only these zones."""

    rcode: dns.rcode.Rcode
    answers: tuple[tuple[dns.name.Name, RRset], ...] = ()
    """In order, each with the name that it answers. With a wildcard, this is not the set's own name."""
    soa: RRset | None = None
    """Only in negative answers: the SOA of the zone."""


class Zones:
    """All zones. Thread-safe.

    A name belongs to the zone with the longest origin that contains it. `version` grows with every change, so that a
    cache can detect outdated answers.
    """

    def __init__(self) -> None:
        self.on_change: Callable[[], None] | None = None
        """Called after each change, in the thread of the change and without the lock."""
        self.version = 0
        self._lock = threading.RLock()
        self._zones: dict[NameKey, Zone] = {}
        self._above: set[NameKey] = set()  # the ancestors of origins: these names exist although no zone contains them
        self._root_soa = root_soa()

    def set_zone(self, origin: str, text: str) -> None:
        """Add or replace a zone from a zone file. Missing SOA and NS records are added.

        Raises:
            ZoneError: the message names the zone, the line and the reason; nothing changes.
        """
        zone = zone_from(name_from(origin), text, add_ns=True)
        with self._lock:
            self._replace({**self._zones, key_of(zone.origin): zone})
        self._changed()

    def delete_zone(self, origin: str) -> None:
        """Remove a zone. Without effect if it does not exist."""
        key = key_of(name_from(origin))
        with self._lock:
            if key not in self._zones:
                return
            self._replace({other: zone for other, zone in self._zones.items() if other != key})
        self._changed()

    def add(self, name: str, rtype: str, value: str, ttl: int = DEFAULT_TTL) -> None:
        """Add a value at the end of its set and change the TTL of the set (seconds).

        An existing value keeps its position; a SOA replaces the old one. The value is in presentation form with
        absolute names. A TXT value without quotation marks is the content itself.

        Raises:
            ZoneError: no zone contains the name, or the name, type, value or TTL is invalid.
        """
        owner, rdtype = name_from(name), type_from(rtype)
        rdata = value_from(rdtype, value)
        key = key_of(owner)
        with self._lock:
            zone = self._zone_of(key)
            if zone is None:
                raise ZoneError(f"no zone contains {shown(owner)}; add one first, for example {_parent(owner)}")
            check_record(zone, owner, rdtype, ttl)
            old = zone.rrset(key, rdtype)
            new = with_value(old, owner, ttl, rdata)
            if new == old:
                return
            zone.put(new)
            self.version += 1
        self._changed()

    def remove(self, name: str, rtype: str, value: str | None = None) -> int:
        """Remove one value of a name and type, or all values. Returns how many were removed.

        Raises:
            ZoneError: the name, type or value is invalid, or the record is the SOA, which negative answers need.
        """
        owner, rdtype = name_from(name), type_from(rtype)
        rdata = None if value is None else value_from(rdtype, value)
        if rdtype == dns.rdatatype.SOA:
            raise ZoneError(
                f"the SOA of {shown(owner)} cannot be removed; add another one to replace it, or remove the zone"
            )
        key = key_of(owner)
        with self._lock:
            zone = self._zone_of(key)
            old = zone.rrset(key, rdtype) if zone else None
            if zone is None or old is None:
                return 0
            kept = () if rdata is None else tuple(other for other in old.rdatas if other != rdata)
            if len(kept) == len(old.rdatas):
                return 0
            if kept:
                zone.put(RRset(old.name, rdtype, old.ttl, kept))
            else:
                zone.drop(key, rdtype)
            self.version += 1
        self._changed()
        return len(old.rdatas) - len(kept)

    def records(self) -> list[dict[str, object]]:
        """All records, sorted: name (no final dot), type, ttl (seconds) and value (presentation form)."""
        with self._lock:
            rrsets = [rrset for zone in self._zones.values() for rrset in zone.rrsets()]
        rows = sorted(
            (shown(rrset.name), dns.rdatatype.to_text(rrset.rdtype), rdata.to_text(), rrset.ttl)
            for rrset in rrsets
            for rdata in rrset.rdatas
        )
        return [{"name": name, "type": rdtype, "ttl": ttl, "value": value} for name, rdtype, value, ttl in rows]

    def zone_names(self) -> list[str]:
        """The origins without final dots, sorted."""
        with self._lock:
            return sorted(shown(zone.origin) for zone in self._zones.values())

    def zone_text(self, origin: str) -> str:
        """The zone as a zone file with absolute names; `set_zone` of this text creates the same zone.

        Raises:
            ZoneError: the zone does not exist.
        """
        name = name_from(origin)
        with self._lock:
            zone = self._zones.get(key_of(name))
            if zone is None:
                raise ZoneError(f"unknown zone {shown(name)}; existing zones: {', '.join(self.zone_names()) or 'none'}")
            return _text(zone)

    def lookup(self, name: str, rtype: str) -> list[str]:
        """The values in presentation form that a resolver finds through CNAMEs and wildcards; [] if none.

        Raises:
            ZoneError: the name or type is invalid.
        """
        rdtype = type_from(rtype)
        found = self.resolve(name_from(name), rdtype)
        return [rdata.to_text() for _, rrset in found.answers if rrset.rdtype == rdtype for rdata in rrset.rdatas]

    def resolve(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> DnsAnswer:
        """Answer a question like a recursive resolver, which follows CNAMEs across zones.

        Data of the requested type has priority over a CNAME at the same name. A cycle or a chain of more than MAX_CHAIN
        CNAMEs gives SERVFAIL. A name outside of all zones gives NXDOMAIN, unless a zone exists below it.
        """
        answers: list[tuple[dns.name.Name, RRset]] = []
        seen: set[NameKey] = set()
        with self._lock:
            while len(answers) <= MAX_CHAIN:
                key = key_of(name)
                if key in seen:
                    break
                seen.add(key)
                zone = self._zone_of(key)
                if zone is None:
                    rcode = dns.rcode.NOERROR if key in self._above or len(key) == 1 else dns.rcode.NXDOMAIN
                    return DnsAnswer(rcode, tuple(answers), self._root_soa)
                node = zone.match(key)
                if node is None:
                    return DnsAnswer(dns.rcode.NXDOMAIN, tuple(answers), zone.soa)
                if rdtype in node:
                    return DnsAnswer(dns.rcode.NOERROR, (*answers, (name, node[rdtype])))
                if dns.rdatatype.CNAME not in node:
                    return DnsAnswer(dns.rcode.NOERROR, tuple(answers), zone.soa)
                answers.append((name, node[dns.rdatatype.CNAME]))
                name = node[dns.rdatatype.CNAME].first_target
        return DnsAnswer(dns.rcode.SERVFAIL)

    def dump(self) -> dict[str, str]:
        """All zones: origin (no final dot) -> zone file."""
        with self._lock:
            return {shown(zone.origin): _text(zone) for zone in self._zones.values()}

    def load(self, data: Mapping[str, str]) -> None:
        """Replace all zones by the result of `dump`.

        Raises:
            ZoneError: the message names the zone, the line and the reason; nothing changes.
        """
        # Without adding NS records: a test may have removed them on purpose.
        zones = [zone_from(name_from(origin), text, add_ns=False) for origin, text in data.items()]
        with self._lock:
            self._replace({key_of(zone.origin): zone for zone in zones})
        self._changed()

    def _zone_of(self, key: NameKey) -> Zone | None:
        for start in range(len(key)):
            zone = self._zones.get(key[start:])
            if zone is not None:
                return zone
        return None

    def _replace(self, zones: dict[NameKey, Zone]) -> None:
        self._zones = zones
        self._above = {key[start:] for key in zones for start in range(1, len(key))}
        self.version += 1

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()


def _text(zone: Zone) -> str:
    return "".join(f"{line}\n" for rrset in zone.rrsets() for line in rrset.lines())


def _parent(name: dns.name.Name) -> str:
    return shown(name.parent() if len(name.labels) > 3 else name)
