"""Addresses for DMARC reports: URIs, of which receivers need only know `mailto:` (RFC 9989 sections 4.6 and 4.8)."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from reconciler.core.names import BadName, domain_name

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@$&'()*+;=]|%[0-9A-Fa-f]{2})*")
_SIZE = re.compile(r"![0-9]{1,20}[kmgt]?\Z", re.IGNORECASE)
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.[a-z0-9-]{1,63}", re.IGNORECASE)
_SAFE = "-._~+'*$()"
"""What need not be encoded in a local part (RFC 6068 section 2)."""
_SHOWN = 60
"""Characters of a stranger's text that a reason quotes."""


@dataclass(frozen=True, slots=True)
class ReportUri:
    """One URI of `rua=` or `ruf=`.

    Attributes:
        text: as written, without the size limit.
        host: the domain that gets the reports, lower case; empty where the scheme is not `mailto`: nobody sends there.
        limited: whether it had a size limit (`!10m`), which RFC 9989 no longer has.
        fault: why no report is sent there; empty where all is well.
    """

    text: str
    host: str = ""
    limited: bool = False
    fault: str = ""

    @property
    def usable(self) -> bool:
        """Whether reports can be sent there."""
        return not self.fault


def parse_list(value: str) -> tuple[ReportUri, ...]:
    """The URIs of a tag's value; what is no URI at all has a fault and an empty text."""
    return tuple(_parse(part.strip(" \t")) for part in value.split(","))


def report_uri(address: str) -> str:
    """The URI for an address; in one that is a `mailto:` URI already, only what separates things in DMARC is encoded.

    Raises:
        ValueError: reports cannot be sent there; the text says why.
    """
    plain = address.strip()
    if plain.lower().startswith("mailto:") or "://" in plain:
        uri = _parse(plain.replace(",", "%2C").replace("!", "%21").replace(";", "%3B"))
        if not uri.usable:
            raise ValueError(uri.fault)
        return uri.text
    local, at, host = plain.rpartition("@")
    if not at or not local or "@" in local:
        raise ValueError(f"“{plain[:_SHOWN]}” is not one address of the form name@domain")
    if not all(0x20 < ord(char) < 0x7F for char in local) or len(local) > 64:
        raise ValueError(f"the part before the @ of “{plain[:_SHOWN]}” cannot be in a report address")
    try:
        return f"mailto:{quote(local, safe=_SAFE)}@{domain_name(host)}"
    except BadName as e:
        raise ValueError(f"“{plain[:_SHOWN]}”: {e}") from e


def _parse(text: str) -> ReportUri:
    size = _SIZE.search(text)
    bare = text[: size.start()] if size else text
    shown = bare[:_SHOWN]
    scheme = _SCHEME.match(bare)
    if scheme is None:
        lacks = "lacks mailto: before the address" if "@" in bare else "is not of the form mailto:name@domain"
        return ReportUri("", fault=f"“{shown}” {lacks}")
    if not _URI.fullmatch(bare):
        why = "write ! as %21" if "!" in bare else "a character in it must be percent-encoded"
        return ReportUri("", fault=f"“{shown}” is not a URI: {why}")
    if scheme[0].lower() != "mailto:":
        return ReportUri(bare, limited=bool(size), fault=f"“{shown}” is not a mailto: address; reports go to no other")
    local, at, host = unquote(bare[scheme.end() :].partition("?")[0]).rpartition("@")
    if not at or not local or "," in bare or not _HOST.fullmatch(host):
        return ReportUri("", fault=f"“{shown}” is not of the form mailto:name@domain")
    return ReportUri(bare, host.lower(), bool(size))
