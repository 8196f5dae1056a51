"""Names and data of records, out of the bytes of a plain message (RFC 1035 sections 3.3 and 4.1.4)."""

from ipaddress import IPv6Address
from struct import Struct
from typing import Final

from reconciler.core.dns import Address, Host, Mx, Rdata, RecordType, Srv, Txt

HEADER: Final = 12
"""Bytes before the question."""
MAX_NAME: Final = 255
"""Bytes of a name with its lengths (RFC 1035 section 2.3.4)."""
PLAIN: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
"""What plain names consist of, the dots between their labels included."""

_QUESTION = 0xC00C
"""A pointer to the name in the question."""
_MAX_HOPS = 8
_SHORT = Struct("!H").unpack_from
_THREE = Struct("!HHH").unpack_from

Row = tuple[int, int, int]
"""A record's TTL, and where its data begins and ends."""


class LeftToDnspython(Exception):
    """The message is not plain enough to be read here."""


def owner_at(wire: bytes, at: int, name: str) -> tuple[str, int]:
    """The name before a record; most often a pointer to the question."""
    if _SHORT(wire, at)[0] == _QUESTION:
        return name, at + 2
    return name_at(wire, at)


def values(wire: bytes, name: str, rtype: RecordType, rows: list[Row]) -> tuple[Rdata, ...]:
    """The records' data, each once."""
    found: list[Rdata] = []
    seen: set[object] = set()
    for _, start, end in rows:
        value = _value(wire, name, rtype, start, end)
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
    """A character-string decoded: UTF-8, or Latin-1 where it is not that."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def target(wire: bytes, start: int, end: int, name: str) -> str:
    """The name that a record's data ends with."""
    found, after = owner_at(wire, start, name)
    if after != end:
        raise LeftToDnspython
    return found


def skip(wire: bytes, at: int) -> int:
    """Where a name ends; what it leads to does not matter."""
    while (size := wire[at]) and size < 64:
        at += size + 1
    if size == 0:
        return at + 1
    if size < 192:
        raise LeftToDnspython
    return at + 2


def name_at(wire: bytes, at: int, *, odd: bool = False) -> tuple[str, int]:
    """A plain name in lower case, and where it ends; pointers lead strictly back (RFC 1035 section 4.1.4).

    Args:
        odd: other bytes are allowed too; the name is then only good for showing.
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
