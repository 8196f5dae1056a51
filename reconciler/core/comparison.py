"""What got better or worse between an earlier report and this one. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from reconciler.core.findings import Report, Status

Verdict = Literal["worse", "better", "unknown", "known", "different", "added", "removed"]
"""worse, better: among pass, warn and fail · unknown: could be looked up before, and cannot now · known: the other way
round · different: something else was found, no better and no worse, or a check is skipped now or was · added, removed:
the check (or the whole domain) is in one report only."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""In the order in which they are told."""

_RANK: Mapping[Status, int] = MappingProxyType({"pass": 0, "warn": 1, "fail": 2})


@dataclass(frozen=True, slots=True)
class Said:
    """What a report said of one check: its status, and the stable word for the gravest thing seen (may be empty)."""

    status: Status
    code: str


CheckKey = tuple[str, str, str, str]
"""Domain, server, the domain of which it is an alias (or empty), check."""

Snapshot = Mapping[CheckKey, Said]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One check that is not as it was; `before` is None where it is new, `after` where it is gone."""

    domain: str
    server: str
    alias_of: str
    check: str
    verdict: Verdict
    before: Said | None
    after: Said | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All differences, the worse ones first, then by domain.

    Attributes:
        since: when the earlier report was made, as it says itself: a stranger's text. Empty where it does not say.
    """

    since: str
    differences: tuple[Difference, ...]

    def count(self) -> Mapping[Verdict, int]:
        """How many differences of each kind there are; every kind is a key."""
        found = [d.verdict for d in self.differences]
        return {verdict: found.count(verdict) for verdict in VERDICTS}

    def of(self, domain: str, server: str, alias_of: str | None) -> tuple[Difference, ...]:
        """Those of one report's domain."""
        wanted = (domain, server, alias_of or "")
        return tuple(d for d in self.differences if (d.domain, d.server, d.alias_of) == wanted)


def snapshot(report: Report) -> Snapshot:
    """What a report said, by check."""
    return {
        (domain.domain, domain.server, domain.alias_of or "", check.id): Said(check.status, check.code)
        for domain in report.domains
        for check in domain.checks
    }


def compare(before: Snapshot, after: Snapshot, *, since: str, partial: bool = False) -> Comparison:
    """What is not as it was.

    Args:
        partial: only some domains were selected this time: the others are not gone.
    """
    keys = set(after) if partial else {*before, *after}
    if partial:
        told = {key[:3] for key in after}
        keys |= {key for key in before if key[:3] in told}
    found = []
    for key in keys:
        old, new = before.get(key), after.get(key)
        verdict = _verdict(old, new)
        if verdict is not None:
            domain, server, alias_of, check = key
            found.append(
                Difference(
                    domain=domain, server=server, alias_of=alias_of, check=check,
                    verdict=verdict, before=old, after=new,
                )
            )  # fmt: skip
    found.sort(key=lambda d: (VERDICTS.index(d.verdict), d.domain, d.server, d.alias_of, d.check))
    return Comparison(since=since, differences=tuple(found))


def _verdict(old: Said | None, new: Said | None) -> Verdict | None:
    if old is None or new is None:
        return "added" if old is None else "removed"
    if old.status == new.status:
        # A document of an earlier format may lack the code: then nothing is known to differ.
        return "different" if old.code and new.code and old.code != new.code else None
    if "skip" in (old.status, new.status):
        return "different"
    if new.status == "error":
        return "unknown"
    if old.status == "error":
        return "known"
    return "worse" if _RANK[new.status] > _RANK[old.status] else "better"
