"""Text to records: zone files (RFC 1035 section 5) and single values in presentation form."""

from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.tokenizer
import dns.zonefile

from reconciler.sandbox.dns.zone import RRset, Zone, ZoneError, key_of, shown

DEFAULT_TTL = 300
MAX_TTL = 2**31 - 1  # RFC 2181 section 8
# Not $INCLUDE, which reads files, nor $GENERATE, with which one line makes billions of records.
_DIRECTIVES = ("$ORIGIN", "$TTL")
_IDNA = dns.name.IDNA_2008_Practical
_TEXT_TYPES = (dns.rdatatype.TXT, dns.rdatatype.SPF)
# A host of nobody: an invented one inside the zone would need addresses, which the zone's author did not write.
_SOA = "ns.sandbox.invalid. hostmaster.sandbox.invalid. 1 3600 600 86400 300"
_NS = "ns.sandbox.invalid."


def name_from(text: str) -> dns.name.Name:
    """An absolute name in lower case; the final dot may be missing, U-labels become A-labels (RFC 5890).

    Raises:
        ZoneError: it cannot be a name.
    """
    try:
        name = dns.name.from_text(text, dns.name.root, _IDNA)
    except (dns.exception.DNSException, ValueError) as error:
        raise ZoneError(f"{text!r} cannot be a DNS name: {_why(error)}") from error
    return name.canonicalize()


def type_from(text: str) -> dns.rdatatype.RdataType:
    """A record type by its name (`MX`) or number (`TYPE15`).

    Raises:
        ZoneError: there is no such type, or it is one of questions only (ANY, AXFR...).
    """
    try:
        rdtype = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise ZoneError(f"{text!r} is no record type: write A, MX, TXT... or TYPE and a number") from error
    if dns.rdatatype.is_metatype(rdtype) or rdtype == dns.rdatatype.NONE:
        raise ZoneError(f"{text!r} is no type of a record, only of questions")
    return rdtype


def value_from(rdtype: dns.rdatatype.RdataType, text: str) -> dns.rdata.Rdata:
    """A record's value from presentation form; names in it are absolute, with or without the final dot.

    A TXT that does not start with a quotation mark is the content itself, cut into strings of 255 bytes: split at its
    spaces, as zone files do, `v=spf1 -all` would lose them.

    Raises:
        ZoneError: it cannot be a value of this type.
    """
    if "\n" in text or "\r" in text:
        raise ZoneError(f"{dns.rdatatype.to_text(rdtype)} {text!r}: a value is one line; write a line break as \\010")
    try:
        if rdtype in _TEXT_TYPES and not text.startswith('"'):
            data = text.encode()
            strings = [data[start : start + 255] for start in range(0, len(data), 255)]
            return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, rdtype, strings or [b""])
        return dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, dns.name.root, False, None, _IDNA)
    except (dns.exception.DNSException, ValueError) as error:
        raise ZoneError(f"{dns.rdatatype.to_text(rdtype)} {text!r}: {_why(error)}") from error


def zone_from(origin: dns.name.Name, text: str, *, add_ns: bool) -> Zone:
    """Read a zone file. A missing SOA is added, and with add_ns a missing NS.

    A record with no TTL has that of $TTL, else 300 seconds; the lowest TTL of a set is that of all its records.
    A CNAME beside other data and several CNAMEs are kept.

    Raises:
        ZoneError: with the zone, the line and the reason.
    """
    tokens = _Tokens(text, shown(origin), _IDNA)
    collector = _Collector(dns.zonefile.RRSetsReaderManager(origin=dns.name.root), origin)
    reader = dns.zonefile.Reader(
        tokens, dns.rdataclass.IN, collector, allow_directives=_DIRECTIVES, default_ttl=DEFAULT_TTL
    )
    # The reader drops names outside of its zone without a word; with the root as its zone the collector sees them.
    reader.current_origin = reader.last_name = origin
    try:
        reader.read()
    except (dns.exception.DNSException, ValueError) as error:
        why = _why(error).removeprefix(f"{shown(origin)}:{tokens.where()[1]}: ")
        near = "" if isinstance(error, ZoneError) else f" (near {tokens.last[:40]!r})"
        raise ZoneError(f"zone {shown(origin)}, line {tokens.line}: {why}{near}") from error
    return collector.zone(add_ns=add_ns)


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


class _Tokens(dns.tokenizer.Tokenizer):
    """Knows the last token and its line, which where() has passed by the time that an error shows.

    Inside of parentheses the line may be that of the token before.
    """

    line = 1
    last = ""

    def get(self, want_leading: bool = False, want_comment: bool = False) -> dns.tokenizer.Token:
        again = self.ungotten_token is not None
        line = self.line_number  # now: reading a token takes in the line break behind it
        token = super().get(want_leading, want_comment)
        if not again and not token.is_eol_or_eof():
            self.line, self.last = line, token.value
        return token


class _Collector(dns.zonefile.RRsetsReaderTransaction):
    """Takes the reader's records as they come, where dnspython's own transactions refuse what no zone may hold."""

    def __init__(self, manager: dns.zonefile.RRSetsReaderManager, origin: dns.name.Name) -> None:
        super().__init__(manager, True, False)  # type: ignore[no-untyped-call]  # dnspython's own lacks types
        self._zone_origin = origin
        self._sets: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], tuple[int, dict[dns.rdata.Rdata, None]]] = {}

    def add(self, *args: Any) -> None:
        name, ttl, rdata = args
        self.add_record(name.canonicalize(), ttl, rdata)

    def add_record(self, name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> None:
        if not name.is_subdomain(self._zone_origin):
            raise ZoneError(f"{shown(name)} is outside of the zone; put it into a zone of its own")
        lowest, rdatas = self._sets.get((name, rdata.rdtype), (ttl, {}))
        rdatas.setdefault(rdata)
        if rdata.rdtype == dns.rdatatype.SOA:
            if name != self._zone_origin:
                raise ZoneError(f"a SOA at {shown(name)}; it belongs at {shown(self._zone_origin)}")
            if len(rdatas) > 1:
                raise ZoneError("a second SOA; a zone has one")
        self._sets[name, rdata.rdtype] = (min(lowest, ttl), rdatas)

    def zone(self, *, add_ns: bool) -> Zone:
        origin = self._zone_origin
        if (origin, dns.rdatatype.SOA) not in self._sets:
            self.add_record(origin, DEFAULT_TTL, value_from(dns.rdatatype.SOA, _SOA))
        if add_ns and (origin, dns.rdatatype.NS) not in self._sets:
            self.add_record(origin, DEFAULT_TTL, value_from(dns.rdatatype.NS, _NS))
        zone = Zone(origin)
        for (name, rdtype), (ttl, rdatas) in self._sets.items():
            zone.put(RRset(name, rdtype, ttl, tuple(rdatas)))
        return zone


def root_soa() -> RRset:
    """The SOA of negative answers for names that are in no zone."""
    return RRset(dns.name.root, dns.rdatatype.SOA, DEFAULT_TTL, (value_from(dns.rdatatype.SOA, _SOA),))


def with_value(old: RRset | None, name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> RRset:
    """The set with one more value, at its end; a SOA takes the place of the one before."""
    if old is None or rdata.rdtype == dns.rdatatype.SOA:
        return RRset(name, rdata.rdtype, ttl, (rdata,))
    rdatas = old.rdatas if rdata in old.rdatas else (*old.rdatas, rdata)
    return RRset(name, rdata.rdtype, ttl, rdatas)


def check_record(zone: Zone, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, ttl: int) -> None:
    """Raises ZoneError if the record cannot be in this zone."""
    if not 0 <= ttl <= MAX_TTL:
        raise ZoneError(f"zone {shown(zone.origin)}: a TTL of {ttl} seconds; 0 to {MAX_TTL} are possible (RFC 2181)")
    if rdtype == dns.rdatatype.SOA and key_of(name) != key_of(zone.origin):
        raise ZoneError(f"zone {shown(zone.origin)}: a SOA at {shown(name)}; it belongs at the zone's origin")
