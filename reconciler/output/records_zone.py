"""DNS records as lines of a zone file (RFC 1035 section 5), and helpers for all record formats."""

from collections.abc import Sequence

from reconciler.core.findings import DomainReport, Record

MAX_STRING = 255
"""Bytes of one character-string (RFC 1035 section 3.3)."""


def render_zone(reports: Sequence[DomainReport]) -> str:
    """The records of all domains with absolute names, one per line, and a comment before each domain."""
    parts: list[str] = []
    for report in reports:
        lines = [zone_line(record) for record in report.to_publish()]
        gaps = [f"; {text}" for text in gap_words(report)]
        parts.append("\n".join([f"; {report.domain}", *gaps, *lines]) + "\n")
    return "\n".join(parts)


def gap_words(report: DomainReport) -> list[str]:
    """Comments on the checks that found a problem but have no record to publish."""
    return [
        f"{check.id}: no record to publish ({check.status}, {check.code}); see `dns check`"
        for check in report.unlisted()
    ]


def zone_line(record: Record) -> str:
    """One record on one line; TXT in strings of at most 255 bytes."""
    return f"{_head(record)} {' '.join(pieces(record))}"


def zone_lines(record: Record, width: int) -> list[str]:
    """One record on lines of at most `width` characters, unless a name is longer.

    A TXT value is split into shorter strings. Receivers join them, so the record stays the same.
    """
    line = zone_line(record)
    if len(line) <= width:
        return [line]
    # Six cells are the indent and the closing parenthesis. Very short strings would make long keys unreadable.
    inside = max(width - 6, 24)
    parts = pieces(record, inside) if record.type == "TXT" else [record.value]
    return [f"{_head(record)} (", *(f"    {part}" for part in parts[:-1]), f"    {parts[-1]} )"]


def pieces(record: Record, shown: int = 4 * MAX_STRING + 2) -> list[str]:
    """The words of a value. TXT values give quoted strings of at most 255 bytes and `shown` characters each."""
    if record.type != "TXT":
        return record.value.split(" ")
    strings: list[str] = []
    current, size = "", 0
    # The limit of 255 counts bytes, not characters.
    for byte in record.value.encode("utf-8", "replace"):
        escaped = _escaped(byte)
        if size == MAX_STRING or len(current) + len(escaped) + 2 > shown:
            strings.append(current)
            current, size = "", 0
        current += escaped
        size += 1
    return [f'"{string}"' for string in (*strings, current)]


def host_in(record: Record, domain: str) -> str:
    """The record's name relative to the domain's zone, `@` for the domain itself."""
    # DNS panels write the domain itself as @.
    return "@" if record.name == domain else record.name.removesuffix(f".{domain}")


def _head(record: Record) -> str:
    ttl = "" if record.ttl is None else f"{record.ttl} "
    return f"{record.name}. {ttl}IN {record.type}"


def _escaped(byte: int) -> str:
    # A quote or a backslash would end the string or change the next character (RFC 1035 section 5.1).
    if byte in b'"\\':
        return f"\\{chr(byte)}"
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03d}"
