"""Parse zone files (RFC 1035 section 5) and single values in presentation form."""

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
# Without $INCLUDE, which reads files, and $GENERATE, which can create billions of records from one line.
_DIRECTIVES = ("$ORIGIN", "$TTL")
_IDNA = dns.name.IDNA_2008_Practical
_TEXT_TYPES = (dns.rdatatype.TXT, dns.rdatatype.SPF)
# A host outside of the zone: a host inside would need address records that the author of the zone did not write.
_SOA = "ns.sandbox.invalid. hostmaster.sandbox.invalid. 1 3600 600 86400 300"
_NS = "ns.sandbox.invalid."


def name_from(text: str) -> dns.name.Name:
    """Parse a name into an absolute one in lower case. The final dot is optional; U-labels become A-labels (RFC 5890).

    Raises:
        ZoneError: the name is invalid.
    """
    try:
        name = dns.name.from_text(text, dns.name.root, _IDNA)
    except (dns.exception.DNSException, ValueError) as error:
        raise ZoneError(f"{text!r} is not a valid DNS name: {_reason(error)}") from error
    return name.canonicalize()


def type_from(text: str) -> dns.rdatatype.RdataType:
    """Parse a record type: a name (`MX`) or a number (`TYPE15`).

    Raises:
        ZoneError: the type is unknown or only for questions (ANY, AXFR...).
    """
    try:
        rdtype = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise ZoneError(f"{text!r} is not a record type; use A, MX, TXT... or TYPE and a number") from error
    if dns.rdatatype.is_metatype(rdtype) or rdtype == dns.rdatatype.NONE:
        raise ZoneError(f"{text!r} is a type of questions, not of records")
    return rdtype


def value_from(rdtype: dns.rdatatype.RdataType, text: str) -> dns.rdata.Rdata:
    """Parse a value in presentation form. Names in it are absolute, with or without the final dot.

    A TXT value without quotation marks is the content itself and is split into strings of 255 bytes. A zone file would
    split it at its spaces, and `v=spf1 -all` would lose them.

    Raises:
        ZoneError: the value is invalid for this type.
    """
    if "\n" in text or "\r" in text:
        raise ZoneError(
            f"{dns.rdatatype.to_text(rdtype)} {text!r}: a value must be one line; write a line break as \\010"
        )
    try:
        if rdtype in _TEXT_TYPES and not text.startswith('"'):
            data = text.encode()
            strings = [data[start : start + 255] for start in range(0, len(data), 255)]
            return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, rdtype, strings or [b""])
        return dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, dns.name.root, False, None, _IDNA)
    except (dns.exception.DNSException, ValueError) as error:
        raise ZoneError(f"{dns.rdatatype.to_text(rdtype)} {text!r}: {_reason(error)}") from error


def zone_from(origin: dns.name.Name, text: str, *, add_ns: bool) -> Zone:
    """Parse a zone file. A missing SOA is added, and with `add_ns` also a missing NS.

    A record without TTL gets $TTL, or 300 seconds. All records of a set get the lowest TTL of the set. A CNAME next to
    other data and several CNAMEs are kept, because tests need such zones.

    Raises:
        ZoneError: the zone file is invalid; the message names the zone, the line and the reason.
    """
    tokens = _Tokens(text, shown(origin), _IDNA)
    collector = _Collector(dns.zonefile.RRSetsReaderManager(origin=dns.name.root), origin)
    reader = dns.zonefile.Reader(
        tokens, dns.rdataclass.IN, collector, allow_directives=_DIRECTIVES, default_ttl=DEFAULT_TTL
    )
    # The reader ignores names outside of its zone. With the root as its zone, the collector can reject them.
    reader.current_origin = reader.last_name = origin
    try:
        reader.read()
    except (dns.exception.DNSException, ValueError) as error:
        reason = _reason(error).removeprefix(f"{shown(origin)}:{tokens.where()[1]}: ")
        near = "" if isinstance(error, ZoneError) else f" (near {tokens.last[:40]!r})"
        raise ZoneError(f"zone {shown(origin)}, line {tokens.line}: {reason}{near}") from error
    return collector.zone(add_ns=add_ns)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


class _Tokens(dns.tokenizer.Tokenizer):
    """Remembers the last token and its line for error messages: `where()` is already beyond them at an error.

    Within parentheses, the line may be that of the previous token.
    """

    line = 1
    last = ""

    def get(self, want_leading: bool = False, want_comment: bool = False) -> dns.tokenizer.Token:
        again = self.ungotten_token is not None
        line = self.line_number  # before the call: reading a token also consumes the line break after it
        token = super().get(want_leading, want_comment)
        if not again and not token.is_eol_or_eof():
            self.line, self.last = line, token.value
        return token


class _Collector(dns.zonefile.RRsetsReaderTransaction):
    """Collects the records of the reader without checks. dnspython's own transactions reject invalid combinations."""

    def __init__(self, manager: dns.zonefile.RRSetsReaderManager, origin: dns.name.Name) -> None:
        super().__init__(manager, True, False)  # type: ignore[no-untyped-call]  # dnspython's own lacks types
        self._zone_origin = origin
        self._sets: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], tuple[int, dict[dns.rdata.Rdata, None]]] = {}

    def add(self, *args: Any) -> None:
        name, ttl, rdata = args
        self.add_record(name.canonicalize(), ttl, rdata)

    def add_record(self, name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> None:
        if not name.is_subdomain(self._zone_origin):
            raise ZoneError(f"{shown(name)} is outside of the zone; add a separate zone for it")
        # A dictionary and not a set: the answer keeps the order of the file.
        lowest, rdatas = self._sets.get((name, rdata.rdtype), (ttl, {}))
        rdatas.setdefault(rdata)
        if rdata.rdtype == dns.rdatatype.SOA:
            if name != self._zone_origin:
                raise ZoneError(f"the SOA is at {shown(name)}; move it to {shown(self._zone_origin)}")
            if len(rdatas) > 1:
                raise ZoneError("a second SOA; remove it")
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
    """The SOA in negative answers for names outside of all zones."""
    return RRset(dns.name.root, dns.rdatatype.SOA, DEFAULT_TTL, (value_from(dns.rdatatype.SOA, _SOA),))


def with_value(old: RRset | None, name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> RRset:
    """The set with a value added at its end. A new SOA replaces the old one."""
    if old is None or rdata.rdtype == dns.rdatatype.SOA:
        return RRset(name, rdata.rdtype, ttl, (rdata,))
    rdatas = old.rdatas if rdata in old.rdatas else (*old.rdatas, rdata)
    return RRset(name, rdata.rdtype, ttl, rdatas)


def check_record(zone: Zone, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, ttl: int) -> None:
    """Raise ZoneError if this zone cannot contain the record."""
    if not 0 <= ttl <= MAX_TTL:
        raise ZoneError(f"zone {shown(zone.origin)}: a TTL of {ttl} seconds; use 0 to {MAX_TTL} (RFC 2181)")
    if rdtype == dns.rdatatype.SOA and key_of(name) != key_of(zone.origin):
        raise ZoneError(f"zone {shown(zone.origin)}: the SOA is at {shown(name)}; move it to the zone's origin")
