"""Writes questions and reads plain answers as bytes (RFC 1035 section 4), many times faster than dnspython.

For a message that is not plain, `read` raises `LeftToDnspython`, and it raises nothing else for any bytes. A property
test verifies that dnspython reads all other messages the same way.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address
from struct import Struct
from struct import error as StructError
from typing import Final

from reconciler.core.lookups import Address, Answer, Host, Mx, Rdata, RecordType, Srv, Txt

HEADER: Final = 12
"""Bytes before the question section."""
MAX_NAME: Final = 255
"""Limit of bytes of a name, including the lengths of its labels (RFC 1035 section 2.3.4)."""
PLAIN: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
"""The characters of plain names, including the dots between labels."""

_QUESTION = 0xC00C
"""A pointer to the name in the question."""
_MAX_HOPS = 8
_SHORT = Struct("!H").unpack_from
_THREE = Struct("!HHH").unpack_from

Row = tuple[int, int, int]
"""The TTL of a record, and the start and end of its data."""


class LeftToDnspython(Exception):
    """The message is not plain; dnspython must read it."""


def owner_at(wire: bytes, at: int, name: str) -> tuple[str, int]:
    """The owner name of a record. The fast path is a pointer to the question."""
    if _SHORT(wire, at)[0] == _QUESTION:
        return name, at + 2
    return name_at(wire, at)


def values(wire: bytes, name: str, rtype: RecordType, rows: list[Row]) -> tuple[Rdata, ...]:
    """The data of the records, each once."""
    found: list[Rdata] = []
    seen: set[object] = set()
    for _, start, end in rows:
        value = _value(wire, name, rtype, start, end)
        # Different bytes can decode to the same text. dnspython compares bytes, so this does too.
        mark: object = wire[start:end] if rtype == "TXT" else value
        if mark not in seen:
            seen.add(mark)
            found.append(value)
    return tuple(found)


def _value(wire: bytes, name: str, rtype: RecordType, start: int, end: int) -> Rdata:
    match rtype:
        case "TXT":
            return Txt(_strings(wire, start, end))
        case "A":
            if end - start != 4:
                raise LeftToDnspython
            return Address(".".join(map(str, wire[start:end])))
        case "AAAA":
            if end - start != 16:
                raise LeftToDnspython
            return Address(str(IPv6Address(wire[start:end])))
        case "MX":
            return Mx(_SHORT(wire, start)[0], target(wire, start + 2, end, name))
        case "SRV":
            priority, weight, port = _THREE(wire, start)
            return Srv(priority, weight, port, target(wire, start + 6, end, name))
        case _:
            return Host(target(wire, start, end, name))


def _strings(wire: bytes, start: int, end: int) -> tuple[str, ...]:
    strings = []
    while start < end:
        after = start + 1 + wire[start]
        if after > end:
            raise LeftToDnspython
        strings.append(text(wire[start + 1 : after]))
        start = after
    if not strings:
        raise LeftToDnspython
    return tuple(strings)


def text(raw: bytes) -> str:
    """Decodes a character-string: UTF-8, or Latin-1 if it is not valid UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def target(wire: bytes, start: int, end: int, name: str) -> str:
    """The name at the end of a record's data."""
    found, after = owner_at(wire, start, name)
    if after != end:
        raise LeftToDnspython
    return found


def skip(wire: bytes, at: int) -> int:
    """The end of a name, without following its pointers."""
    while (size := wire[at]) and size < 64:
        at += size + 1
    if size == 0:
        return at + 1
    if size < 192:
        raise LeftToDnspython
    return at + 2


def name_at(wire: bytes, at: int, *, odd: bool = False) -> tuple[str, int]:
    """Reads a plain name in lower case, and returns it with its end.

    Pointers must lead strictly backwards (RFC 1035 section 4.1.4). So a message cannot contain an endless loop.

    Args:
        odd: whether other bytes are allowed too; such a name is not usable for lookups.
    """
    labels: list[bytes] = []
    after, start, limit, size, hops = 0, at, len(wire), 1, 0
    while length := wire[at]:
        if length < 64:
            labels.append(wire[at + 1 : at + 1 + length])
            at += length + 1
            size += length + 1
        elif length < 192:
            raise LeftToDnspython
        else:
            to = (length & 63) << 8 | wire[at + 1]
            after = after or at + 2
            hops += 1
            if not HEADER <= to < start or at + 2 > limit or hops > _MAX_HOPS:
                raise LeftToDnspython
            limit, start, at = start, to, to
        if at >= limit or size > MAX_NAME:
            raise LeftToDnspython
    joined = b".".join(labels)
    if not odd and (joined.translate(None, PLAIN) or joined.count(b".") != max(0, len(labels) - 1)):
        raise LeftToDnspython
    return joined.decode("latin-1").lower() if odd else joined.decode("ascii").lower(), after or at + 1


TYPES: Final[dict[RecordType, int]] = {"A": 1, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
"""The numbers of the supported record types."""
MAX_RECORDS: Final = 64
"""Limit of records in a plain message; most have only a few."""

_CNAME, _SOA, _OPT, _NS = 5, 6, 41, 2
_NOT_HERE = frozenset({41, 250})
"""OPT and TSIG: dnspython reads messages with these types where they are unexpected."""
_IN = 1
_QR, _OPCODE, _AA, _TC, _RA, _AD = 0x8000, 0x7800, 0x0400, 0x0200, 0x0080, 0x0020
_NXDOMAIN = 3
_MAX_CHAIN = 8
_COUNTS = Struct("!HHHHHH").unpack_from
_RECORD = Struct("!HHIH").unpack_from


@dataclass(slots=True)
class _Authority:
    """The content of the authority section of a negative answer.

    Attributes:
        ttl: seconds that the absence may be cached (RFC 2308 section 5); None without a SOA.
    """

    soa: bool = False
    referral: bool = False
    ttl: int | None = None


def question(name: str, rtype: RecordType) -> bytes | None:
    """The question section for a name in lower case without the final dot; None if the name is not plain."""
    if rtype not in TYPES or len(name) > MAX_NAME - 2 or not name.isascii():
        return None
    labels = name.encode().split(b".")
    if name.encode().translate(None, PLAIN) or not all(0 < len(label) < 64 for label in labels):
        return None
    return b"".join([bytes((len(label),)) + label for label in labels]) + bytes((0, 0, TYPES[rtype], 0, _IN))


def query(asked: bytes, payload: int) -> bytes:
    """A query without its id: RD and AD set, one question, EDNS with the payload (RFC 6891 section 6.1)."""
    return b"\x01\x20\0\1\0\0\0\0\0\1" + asked + b"\0\0\x29" + payload.to_bytes(2, "big") + b"\0\0\0\0\0\0"


def repeats(wire: bytes, asked: bytes) -> bool:
    """Whether a datagram repeats the question, ignoring case (RFC 1035 section 2.3.3)."""
    end = HEADER + len(asked)
    section = wire[HEADER:end]
    if section != asked and (section[:-4].lower() != asked[:-4].lower() or section[-4:] != asked[-4:]):
        return False
    return wire[4:6] == b"\0\1"


def read(wire: bytes, name: str, rtype: RecordType, asked: bytes) -> Answer:
    """Reads a recursive server's reply for which `repeats` holds.

    Raises:
        LeftToDnspython: dnspython must read it.
    """
    try:
        return _read(wire, name, rtype, HEADER + len(asked))
    except (IndexError, StructError) as e:
        raise LeftToDnspython from e


def _read(wire: bytes, name: str, rtype: RecordType, at: int) -> Answer:
    _, flags, questions, answered, authorities, additional = _COUNTS(wire)
    rcode = flags & 15
    # Rare cases are left to dnspython, so this reader stays small and its results stay equal.
    if flags & (_QR | _OPCODE | _TC) != _QR or rcode not in (0, _NXDOMAIN) or questions != 1:
        raise LeftToDnspython
    if answered + authorities + additional > MAX_RECORDS:
        raise LeftToDnspython
    wanted = TYPES[rtype]
    found: dict[tuple[str, int], list[Row]] = {}
    for _ in range(answered):
        owner, at = owner_at(wire, at, name)
        kind, ttl, start, at = _header(wire, at)
        found.setdefault((owner, kind), []).append((ttl, start, at))
    names, ttl = _follow(wire, name, wanted, found)
    end = names[-1]
    rows = found.get((end, wanted))
    authority, at = _authority(wire, at, authorities, end if rows is None else None)
    # Bytes after the message are a sign of damage. dnspython decides about them.
    if _additional(wire, at, additional) != len(wire):
        raise LeftToDnspython
    aliases, authenticated = tuple(names[1:]), bool(flags & _AD)
    if rows is not None:
        if rcode:
            raise LeftToDnspython
        ttl = min(ttl, *[row[0] for row in rows])
        records = values(wire, name, rtype, rows)
        return Answer(
            name=name,
            rtype=rtype,
            outcome="records",
            records=records,
            aliases=aliases,
            authenticated=authenticated,
            ttl=ttl,
        )
    if not rcode and not answered and not authority.soa and (authority.referral or not flags & (_RA | _AA)):
        raise LeftToDnspython
    return Answer(
        name=name,
        rtype=rtype,
        outcome="nxdomain" if rcode else "nodata",
        aliases=aliases,
        text=f"{end} does not exist in DNS" if rcode else f"{end} has no {rtype} record",
        authenticated=authenticated,
        ttl=None if authority.ttl is None else min(ttl, authority.ttl),
    )


def _header(wire: bytes, at: int) -> tuple[int, int, int, int]:
    """The type and TTL of a record, and the start and end of its data."""
    kind, rdclass, ttl, length = _RECORD(wire, at)
    start = at + 10
    end = start + length
    if rdclass != _IN or kind in _NOT_HERE or ttl >> 31 or end > len(wire):
        raise LeftToDnspython
    return kind, ttl, start, end


def _follow(wire: bytes, name: str, wanted: int, found: dict[tuple[str, int], list[Row]]) -> tuple[list[str], int]:
    """The name in the question, the CNAME targets after it, and their lowest TTL. All other names are ignored."""
    names, ttl = [name], 0x7FFFFFFF
    while (names[-1], wanted) not in found:
        rows = found.get((names[-1], _CNAME))
        if rows is None:
            break
        # Several CNAMEs at one name, and long or endless chains, need the exact rules of dnspython.
        if len(rows) > 1 or len(names) > _MAX_CHAIN:
            raise LeftToDnspython
        names.append(target(wire, rows[0][1], rows[0][2], name))
        ttl = min(ttl, rows[0][0])
    return names, ttl


def _authority(wire: bytes, at: int, count: int, end: str | None) -> tuple[_Authority, int]:
    """The authority section and its end. It is skipped unless `end` is the name of a negative answer."""
    authority = _Authority()
    for _ in range(count):
        if end is None:
            at = _header(wire, skip(wire, at))[3]
            continue
        owner, at = name_at(wire, at)
        kind, ttl, start, at = _header(wire, at)
        authority.referral = authority.referral or kind == _NS
        if kind == _SOA:
            if authority.soa or at - start < 22:
                raise LeftToDnspython
            # A SOA of another zone does not describe this absence.
            if owner and end != owner and not end.endswith(f".{owner}"):
                raise LeftToDnspython
            authority.soa = True
            authority.ttl = min(ttl, _soa_minimum(wire, start, at))
    return authority, at


def _soa_minimum(wire: bytes, start: int, end: int) -> int:
    _, at = name_at(wire, start)
    _, at = name_at(wire, at, odd=True)
    if at + 20 != end:
        raise LeftToDnspython
    return int.from_bytes(wire[end - 4 : end], "big")


def _additional(wire: bytes, at: int, count: int) -> int:
    """The end of the additional section. An OPT record with more than a size is left to dnspython."""
    options = 0
    for _ in range(count):
        at = skip(wire, at)
        kind, rdclass, ttl, length = _RECORD(wire, at)
        if kind == _OPT:
            options += 1
            if ttl & 0xFFFF0000 or options > 1:
                raise LeftToDnspython
        elif rdclass != _IN or kind in _NOT_HERE:
            raise LeftToDnspython
        at += 10 + length
    return at
