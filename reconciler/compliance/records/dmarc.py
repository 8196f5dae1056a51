"""DMARC policy records (RFC 9989 sections 4.7 to 4.10)."""

import re
from dataclasses import dataclass
from functools import lru_cache

from reconciler.compliance.records import tags

_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
_MAILTO = re.compile(r"mailto:[^\s,!@]{1,256}@[a-z0-9_.-]{1,253}\.[a-z0-9-]{1,63}(![0-9]{1,20}[kmgt]?)?", re.IGNORECASE)

POLICIES = ("none", "quarantine", "reject")
"""From the weakest to the strongest."""
REMOVED = ("pct", "rf", "ri")
"""Tags of RFC 7489 that RFC 9989 does not have (appendix A.6)."""
MAX_WALK = 8
"""Queries of one tree walk (section 4.10)."""

_VALUES: dict[str, tuple[str, ...]] = {
    "p": POLICIES,
    "sp": POLICIES,
    "np": POLICIES,
    "adkim": ("r", "s"),
    "aspf": ("r", "s"),
    "t": ("y", "n"),
    "psd": ("y", "n", "u"),
}
_KEPT = frozenset({"sp", "np", "adkim", "aspf", "fo", "ruf", "psd"})
_DEFAULTS = {"adkim": "r", "aspf": "r", "t": "n", "psd": "u", "fo": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcRecord:
    """A policy record; a value that is not allowed counts as absent and is named in `bad`.

    Attributes:
        p, sp, np: policies; None = absent or bad.
        rua: the report addresses that are usable, as written.
        bad: (tag, why) of every tag that cannot be used.
        removed: tags there that RFC 9989 no longer has.
        sizes: whether a report address has a size limit (`!10m`), which RFC 9989 no longer has.
        others: the usable tags that a new record with another policy or other addresses keeps.
    """

    p: str | None
    sp: str | None
    np: str | None
    rua: tuple[str, ...]
    testing: bool
    psd: str
    bad: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]
    sizes: bool
    others: tuple[tuple[str, str], ...]

    @property
    def void(self) -> bool:
        """Whether the record counts as no record: a policy is bad and no address for reports is usable."""
        return any(tag in ("p", "sp", "np") for tag, _ in self.bad) and not self.rua

    def policy(self, *, subdomain: bool = False) -> str:
        """The policy that applies to the domain itself, or to one below it; `none` where none is given."""
        if any(tag in ("p", "sp", "np") for tag, _ in self.bad):
            return "none"
        own = self.p or "none"
        return self.sp or own if subdomain else own


def is_dmarc(text: str) -> bool:
    """Whether a TXT record is a DMARC record: `v=DMARC1` first, in exactly this case."""
    return _VERSION.match(text) is not None


@lru_cache(maxsize=4096)
def parse(text: str) -> DmarcRecord:
    """The policy in a text for which `is_dmarc` holds."""
    found = tags.parse(text, fold_case=True)
    bad: list[tuple[str, str]] = [("", fault) for fault in found.faults]
    good: dict[str, str] = dict(_DEFAULTS)
    for tag, allowed in _VALUES.items():
        value = found.get(tag)
        if value is None:
            continue
        if value.lower() in allowed:
            good[tag] = value.lower()
        else:
            bad.append((tag, f"{tag}={value[:40]} is not one of {', '.join(allowed)}"))
    rua = _addresses("rua", found, bad)
    ruf = _addresses("ruf", found, bad)
    bad.extend(_failure_options(found))
    return DmarcRecord(
        p=good.get("p"),
        sp=good.get("sp"),
        np=good.get("np"),
        rua=rua,
        testing=good["t"] == "y",
        psd=good["psd"],
        bad=tuple(bad),
        removed=tuple(tag for tag in REMOVED if found.get(tag) is not None),
        sizes=any("!" in uri for uri in (*rua, *ruf)),
        others=tuple(pair for pair in found.pairs if pair[0] in _KEPT and pair[0] not in {tag for tag, _ in bad}),
    )


def weaker(one: str, other: str) -> bool:
    """Whether a policy is weaker than another."""
    return POLICIES.index(one) < POLICIES.index(other)


def walk(domain: str) -> tuple[str, ...]:
    """The names of a tree walk (section 4.10): the domain, then its parents, at most eight in all."""
    labels = domain.split(".")
    parents = labels[1:] if len(labels) <= MAX_WALK else labels[-(MAX_WALK - 1) :]
    return (domain, *(".".join(parents[at:]) for at in range(len(parents))))


def report_uri(address: str) -> str:
    """The `mailto:` URI for an address; `,` and `!` separate things in DMARC and are percent-encoded."""
    plain = address.strip().removeprefix("mailto:")
    return "mailto:" + plain.replace("!", "%21").replace(",", "%2C").replace(";", "%3B")


def compose(policy: str, rua: tuple[str, ...], kept: tuple[tuple[str, str], ...] = ()) -> str:
    """The record for a policy, URIs for reports, and further tags; `p` second, as old receivers want it."""
    reports = (("rua", ",".join(rua)),) if rua else ()
    return "; ".join(f"{tag}={value}" for tag, value in (("v", "DMARC1"), ("p", policy), *reports, *kept))


def _addresses(tag: str, found: tags.TagList, bad: list[tuple[str, str]]) -> tuple[str, ...]:
    value = found.get(tag)
    if value is None:
        return ()
    uris = [uri.strip() for uri in value.split(",")]
    usable = tuple(uri for uri in uris if _MAILTO.fullmatch(uri))
    bad.extend((tag, f"“{u[:60]}” in {tag}= is not of the form mailto:name@domain") for u in uris if u not in usable)
    return usable


def _failure_options(found: tags.TagList) -> list[tuple[str, str]]:
    value = found.get("fo")
    if value is None:
        return []
    options = [option.strip().lower() for option in value.split(":")]
    if not set(options) <= {"0", "1", "d", "s"} or {"0", "1"} <= set(options):
        return [("fo", f"fo={value[:40]} is not a list of 0 or 1, d and s")]
    return [] if found.get("ruf") is not None else [("fo", "fo= means nothing without ruf=")]
