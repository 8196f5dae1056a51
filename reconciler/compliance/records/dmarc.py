"""DMARC policy records and their report addresses (RFC 9989 sections 4.6 to 4.8)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from reconciler.compliance.records import tags
from reconciler.core.names import BadName, domain_name

# Report addresses are URIs. Receivers must support only `mailto:` (RFC 9989 sections 4.6 and 4.8).

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@$&'()*+;=]|%[0-9A-Fa-f]{2})*")
_SIZE = re.compile(r"![0-9]{1,20}[kmgt]?\Z", re.IGNORECASE)
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.[a-z0-9-]{1,63}", re.IGNORECASE)
_SAFE = "-._~+'*$()"
"""Characters that a local part may contain unencoded (RFC 6068 section 2)."""
_SHOWN = 60
"""Limit of characters that a message quotes from untrusted text."""


@dataclass(frozen=True, slots=True)
class ReportUri:
    """One URI of `rua=` or `ruf=`.

    Attributes:
        text: as written, without the size limit.
        host: the domain that receives the reports, lower case; empty if the scheme is not `mailto`.
        limited: whether it had a size limit (`!10m`), which RFC 9989 removed.
        fault: why receivers send no report there; empty if the URI is usable.
    """

    text: str
    host: str = ""
    limited: bool = False
    fault: str = ""

    @property
    def usable(self) -> bool:
        """Whether receivers can send reports there."""
        return not self.fault


def parse_list(value: str) -> tuple[ReportUri, ...]:
    """The URIs in a tag's value. A part that is not a URI has a fault and an empty text."""
    return tuple(_parse(part.strip(" \t")) for part in value.split(","))


def report_uri(address: str) -> str:
    """The URI for an address. In an existing `mailto:` URI, only the separators of DMARC are encoded.

    Raises:
        ValueError: the address is not usable; the message gives the reason.
    """
    # Products contain either plain addresses or complete URIs.
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
        raise ValueError(f"the part before the @ of “{plain[:_SHOWN]}” is not valid in a report address")
    try:
        return f"mailto:{quote(local, safe=_SAFE)}@{domain_name(host)}"
    except BadName as e:
        raise ValueError(f"“{plain[:_SHOWN]}”: {e}") from e


def _parse(text: str) -> ReportUri:
    # The size limit is part of the tag's syntax and not of the URI, so remove it first.
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
        return ReportUri(bare, limited=bool(size), fault=f"“{shown}” is not a mailto: address; receivers use no other")
    local, at, host = unquote(bare[scheme.end() :].partition("?")[0]).rpartition("@")
    if not at or not local or "," in bare or not _HOST.fullmatch(host):
        return ReportUri("", fault=f"“{shown}” is not of the form mailto:name@domain")
    return ReportUri(bare, host.lower(), bool(size))


_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")

POLICIES = ("none", "quarantine", "reject")
"""From the weakest to the strongest."""
POLICY_TAGS = ("p", "sp", "np")
REMOVED = ("pct", "rf", "ri")
"""Tags of RFC 7489 that RFC 9989 removed (appendix A.6)."""
FAILURE_OPTIONS = ("0", "1", "d", "s", "d:s", "s:d")
"""Valid values of `fo=`."""
KNOWN = ("v", "p", "sp", "np", "adkim", "aspf", "fo", "rua", "ruf", "t", "psd")

_VALUES: dict[str, tuple[str, ...]] = {
    "p": POLICIES,
    "sp": POLICIES,
    "np": POLICIES,
    "adkim": ("r", "s"),
    "aspf": ("r", "s"),
    "t": ("y", "n"),
    "psd": ("y", "n", "u"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcRecord:
    """A policy record. An invalid value counts as absent and is listed in `bad`.

    Attributes:
        p, sp, np: policies; None = absent or invalid.
        adkim, aspf, fo: as written, or the default.
        rua, ruf: the usable report addresses.
        bad: (tag, reason) of each invalid tag.
        removed: tags in the record that RFC 9989 removed.
        unknown: tags that no version defines.
        limited: whether a report address has a size limit (`!10m`), which RFC 9989 removed.
        mixed: whether `fo=` combines a digit and letters, which only RFC 7489 allows.
        void: whether receivers ignore the record, because it has neither a valid policy nor a report URI (RFC 9989
            section 4.10.1).
    """

    p: str | None
    sp: str | None
    np: str | None
    adkim: str
    aspf: str
    fo: str
    rua: tuple[ReportUri, ...]
    ruf: tuple[ReportUri, ...]
    testing: bool
    psd: str
    bad: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]
    unknown: tuple[str, ...]
    limited: bool
    mixed: bool
    void: bool

    @property
    def unusable(self) -> bool:
        """Whether a policy is not valid, so that all policies count as `none` (RFC 9989 section 4.10.1)."""
        return self.p is None or any(tag in POLICY_TAGS for tag, _ in self.bad)

    def policy_tag(self, *, below: bool = False, exists: bool = True) -> str:
        """The tag with the policy for the domain itself, or for an existing or nonexistent subdomain."""
        if below and not exists and self.np is not None:
            return "np"
        return "sp" if below and self.sp is not None else "p"

    def policy(self, *, below: bool = False, exists: bool = True) -> str:
        """The stated policy; `none` if the record states none or one of its policies is not valid."""
        if self.unusable:
            return "none"
        stated = {"p": self.p, "sp": self.sp, "np": self.np}[self.policy_tag(below=below, exists=exists)]
        return stated or "none"

    def applied(self, *, below: bool = False, exists: bool = True) -> str:
        """The policy that receivers apply: with `t=y`, one step weaker than the stated one."""
        stated = self.policy(below=below, exists=exists)
        return POLICIES[max(POLICIES.index(stated) - 1, 0)] if self.testing else stated


def is_dmarc(text: str) -> bool:
    """Whether a TXT record is a DMARC record: `v=DMARC1` first, in exactly this case."""
    return _VERSION.match(text) is not None


@lru_cache(maxsize=4096)
def parse(text: str) -> DmarcRecord:
    """Parses a text for which `is_dmarc` holds."""
    found = tags.parse(text, fold_case=True)
    bad: list[tuple[str, str]] = [("", fault) for fault in found.faults]
    good: dict[str, str] = {}
    for tag, allowed in _VALUES.items():
        value = found.get(tag)
        if value is None:
            continue
        if value.lower() in allowed:
            good[tag] = value.lower()
        else:
            bad.append((tag, f"{tag}={value[:40]} is not one of {', '.join(allowed)}"))
    uris = {tag: parse_list(value) for tag in ("rua", "ruf") if (value := found.get(tag)) is not None}
    bad.extend((tag, f"in {tag}=, {uri.fault}") for tag, all_of in uris.items() for uri in all_of if uri.fault)
    options, fault = _failure_options(found)
    # Invalid failure options do not invalidate the policy.
    bad.extend(fault)
    unusable = "p" not in good or any(tag in POLICY_TAGS for tag, _ in bad)
    return DmarcRecord(
        p=good.get("p"),
        sp=good.get("sp"),
        np=good.get("np"),
        adkim=good.get("adkim", "r"),
        aspf=good.get("aspf", "r"),
        fo=options,
        rua=tuple(uri for uri in uris.get("rua", ()) if uri.usable),
        ruf=tuple(uri for uri in uris.get("ruf", ()) if uri.usable),
        testing=good.get("t") == "y",
        psd=good.get("psd", "u"),
        bad=tuple(bad),
        removed=tuple(tag for tag in REMOVED if found.get(tag) is not None),
        unknown=tuple(tag for tag in found.names if tag not in (*KNOWN, *REMOVED)),
        limited=any(uri.limited for all_of in uris.values() for uri in all_of),
        mixed=options not in FAILURE_OPTIONS,
        void=unusable and not any(uri.text for uri in uris.get("rua", ())),
    )


def weaker(one: str, other: str) -> bool:
    """Whether a policy is weaker than another."""
    return POLICIES.index(one) < POLICIES.index(other)


def _failure_options(found: tags.TagList) -> tuple[str, list[tuple[str, str]]]:
    """The sorted value of `fo=` without repeats, or `0` if it is not usable; and its faults."""
    value = found.get("fo")
    if value is None:
        return "0", []
    options = [option.strip().lower() for option in value.split(":")]
    if not set(options) <= {"0", "1", "d", "s"} or {"0", "1"} <= set(options):
        return "0", [("fo", f"fo={value[:40]} is not 0, 1, d, s or d:s")]
    if found.get("ruf") is None:
        return "0", [("fo", "fo= has no effect without ruf=")]
    return ":".join(sorted(set(options))), []
