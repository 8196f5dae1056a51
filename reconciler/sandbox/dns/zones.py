"""The zones of the sandbox's DNS: changed from any thread while the server answers from them."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import dns.name
import dns.rcode
import dns.rdatatype

from reconciler.sandbox.dns.zone import Key, RRset, Zone, ZoneError, key_of, shown
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

__all__ = ["Answer", "ZoneError", "Zones"]

MAX_CHAIN = 16  # CNAMEs; resolvers give up at 8 to 16


@dataclass(frozen=True)
class Answer:
    """What a resolver that knows only these zones says to one question."""

    rcode: dns.rcode.Rcode
    answers: tuple[tuple[dns.name.Name, RRset], ...] = ()
    """In order, each with the name that it answers for: not the set's own name where a wildcard matched."""
    soa: RRset | None = None
    """Of a negative answer: the zone that says so."""


class Zones:
    """All zones; thread-safe.

    A name belongs to the zone with the longest origin that contains it. `version` grows with every change, so that
    who keeps answers knows when they are stale.
    """

    def __init__(self) -> None:
        self.on_change: Callable[[], None] | None = None
        """Called after each change, in the thread that made it, outside of the lock."""
        self.version = 0
        self._lock = threading.RLock()
        self._zones: dict[Key, Zone] = {}
        self._above: set[Key] = set()  # the ancestors of origins: names that exist though no zone holds them
        self._root_soa = root_soa()

    def set_zone(self, origin: str, text: str) -> None:
        """Read a zone file in the place of what the zone was; missing SOA and NS are added.

        Raises:
            ZoneError: with the zone, the line and the reason; nothing has changed then.
        """
        zone = zone_from(name_from(origin), text, add_ns=True)
        with self._lock:
            self._replace({**self._zones, key_of(zone.origin): zone})
        self._changed()

    def delete_zone(self, origin: str) -> None:
        """Take a zone away; none of that name is no error."""
        key = key_of(name_from(origin))
        with self._lock:
            if key not in self._zones:
                return
            self._replace({other: zone for other, zone in self._zones.items() if other != key})
        self._changed()

    def add(self, name: str, rtype: str, value: str, ttl: int = DEFAULT_TTL) -> None:
        """Add a value at the end of its set, whose TTL becomes this one (seconds).

        A value that is there already stays where it is; a SOA replaces the zone's. The value is in presentation form
        with names absolute; a TXT that does not start with a quotation mark is taken as it is.

        Raises:
            ZoneError: no zone contains the name, or name, type, value or TTL are bad.
        """
        owner, rdtype = name_from(name), type_from(rtype)
        rdata = value_from(rdtype, value)
        key = key_of(owner)
        with self._lock:
            zone = self._zone_of(key)
            if zone is None:
                raise ZoneError(f"no zone contains {shown(owner)}; make one first, for example {_parent(owner)}")
            check_record(zone, owner, rdtype, ttl)
            old = zone.rrset(key, rdtype)
            new = with_value(old, owner, ttl, rdata)
            if new == old:
                return
            zone.put(new)
            self.version += 1
        self._changed()

    def remove(self, name: str, rtype: str, value: str | None = None) -> int:
        """Remove one value of a name and type, or all of them; says how many were there.

        Raises:
            ZoneError: name, type or value are bad, or it is the SOA, without which there are no negative answers.
        """
        owner, rdtype = name_from(name), type_from(rtype)
        rdata = None if value is None else value_from(rdtype, value)
        if rdtype == dns.rdatatype.SOA:
            raise ZoneError(f"the SOA of {shown(owner)} cannot be removed; add another to replace it, or the zone")
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
        """Every record as name (no final dot), type, ttl (seconds) and value (presentation form), sorted."""
        with self._lock:
            rrsets = [rrset for zone in self._zones.values() for rrset in zone.rrsets()]
        rows = sorted(
            (shown(rrset.name), dns.rdatatype.to_text(rrset.rdtype), rdata.to_text(), rrset.ttl)
            for rrset in rrsets
            for rdata in rrset.rdatas
        )
        return [{"name": name, "type": rdtype, "ttl": ttl, "value": value} for name, rdtype, value, ttl in rows]

    def zone_names(self) -> list[str]:
        """The origins, with no final dot, sorted."""
        with self._lock:
            return sorted(shown(zone.origin) for zone in self._zones.values())

    def zone_text(self, origin: str) -> str:
        """The zone as a zone file, all names absolute; set_zone of it gives the same zone.

        Raises:
            ZoneError: there is no such zone.
        """
        name = name_from(origin)
        with self._lock:
            zone = self._zones.get(key_of(name))
            if zone is None:
                raise ZoneError(f"there is no zone {shown(name)}; there are: {', '.join(self.zone_names()) or 'none'}")
            return _text(zone)

    def lookup(self, name: str, rtype: str) -> list[str]:
        """The values in presentation form that a resolver finds, after CNAMEs and wildcards; [] if none.

        Raises:
            ZoneError: name or type are bad.
        """
        rdtype = type_from(rtype)
        found = self.resolve(name_from(name), rdtype)
        return [rdata.to_text() for _, rrset in found.answers if rrset.rdtype == rdtype for rdata in rrset.rdatas]

    def resolve(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Answer:
        """Answer a question as a recursive resolver does, CNAMEs followed from zone to zone.

        Beside a CNAME the type asked for goes first. A chain that comes back to itself or is too long: SERVFAIL.
        A name outside of every zone: NXDOMAIN, unless a zone is below it.
        """
        answers: list[tuple[dns.name.Name, RRset]] = []
        seen: set[Key] = set()
        with self._lock:
            while len(answers) <= MAX_CHAIN:
                key = key_of(name)
                if key in seen:
                    break
                seen.add(key)
                zone = self._zone_of(key)
                if zone is None:
                    rcode = dns.rcode.NOERROR if key in self._above or len(key) == 1 else dns.rcode.NXDOMAIN
                    return Answer(rcode, tuple(answers), self._root_soa)
                node = zone.match(key)
                if node is None:
                    return Answer(dns.rcode.NXDOMAIN, tuple(answers), zone.soa)
                if rdtype in node:
                    return Answer(dns.rcode.NOERROR, (*answers, (name, node[rdtype])))
                if dns.rdatatype.CNAME not in node:
                    return Answer(dns.rcode.NOERROR, tuple(answers), zone.soa)
                answers.append((name, node[dns.rdatatype.CNAME]))
                name = node[dns.rdatatype.CNAME].first_target
        return Answer(dns.rcode.SERVFAIL)

    def dump(self) -> dict[str, str]:
        """Every zone as origin (no final dot) and zone file."""
        with self._lock:
            return {shown(zone.origin): _text(zone) for zone in self._zones.values()}

    def load(self, data: Mapping[str, str]) -> None:
        """Replace everything by what dump gave.

        Raises:
            ZoneError: with the zone, the line and the reason; nothing has changed then.
        """
        # No NS is added here: somebody may have removed it, to see what a check says to that.
        zones = [zone_from(name_from(origin), text, add_ns=False) for origin, text in data.items()]
        with self._lock:
            self._replace({key_of(zone.origin): zone for zone in zones})
        self._changed()

    def _zone_of(self, key: Key) -> Zone | None:
        for start in range(len(key)):
            zone = self._zones.get(key[start:])
            if zone is not None:
                return zone
        return None

    def _replace(self, zones: dict[Key, Zone]) -> None:
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
