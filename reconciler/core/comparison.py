"""The differences between an earlier report and the current one: better, worse, new and removed checks. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from reconciler.core.findings import Report, Status

Verdict = Literal["worse", "better", "unknown", "known", "different", "added", "removed"]
"""worse, better: among pass, warn and fail · unknown: the lookup succeeded before and fails now · known: the reverse ·
different: another finding of the same status, or a check that is or was skipped · added, removed: the check (or the
complete domain) is in one report only."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""In the order in which reports list them."""

_RANK: Mapping[Status, int] = MappingProxyType({"pass": 0, "warn": 1, "fail": 2})


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check in a report: its status, and the stable code of the worst finding (may be empty)."""

    status: Status
    code: str


CheckKey = tuple[str, str, str, str]
"""(domain, server, domain of which it is an alias or empty, check)"""

Snapshot = Mapping[CheckKey, CheckResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One check with a different result; `before` is None for a new check, `after` for a removed one."""

    domain: str
    server: str
    alias_of: str
    check: str
    verdict: Verdict
    before: CheckResult | None
    after: CheckResult | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All differences, the worse ones first, then by domain.

    Attributes:
        since: the time of the earlier report as the report itself states it: untrusted text; empty if it states none.
    """

    since: str
    differences: tuple[Difference, ...]

    def count(self) -> Mapping[Verdict, int]:
        """The number of differences of each verdict; every verdict is a key."""
        found = [d.verdict for d in self.differences]
        return {verdict: found.count(verdict) for verdict in VERDICTS}

    def of(self, domain: str, server: str, alias_of: str | None) -> tuple[Difference, ...]:
        """The differences of one domain of a report."""
        wanted = (domain, server, alias_of or "")
        return tuple(d for d in self.differences if (d.domain, d.server, d.alias_of) == wanted)


def snapshot(report: Report) -> Snapshot:
    """The results of a report by check."""
    return {
        (domain.domain, domain.server, domain.alias_of or "", check.id): CheckResult(check.status, check.code)
        for domain in report.domains
        for check in domain.checks
    }


def compare(before: Snapshot, after: Snapshot, *, since: str, partial: bool = False) -> Comparison:
    """The differences between two snapshots.

    Args:
        partial: only some domains were selected this time, so the others count as unchanged instead of removed.
    """
    keys = set(after) if partial else {*before, *after}
    # Within the selected domains, a missing check is still a removed one.
    if partial:
        selected = {key[:3] for key in after}
        keys |= {key for key in before if key[:3] in selected}
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
    # The order is complete, because `keys` is a set and equal reports must give equal text.
    found.sort(key=lambda d: (VERDICTS.index(d.verdict), d.domain, d.server, d.alias_of, d.check))
    return Comparison(since=since, differences=tuple(found))


def _verdict(old: CheckResult | None, new: CheckResult | None) -> Verdict | None:
    if old is None or new is None:
        return "added" if old is None else "removed"
    if old.status == new.status:
        # A document of an earlier format may lack the code; then no difference is known.
        return "different" if old.code and new.code and old.code != new.code else None
    # A skipped check has no rank: the check was switched off or did not apply, which is neither better nor worse.
    if "skip" in (old.status, new.status):
        return "different"
    # A failed lookup is neither: an outage of DNS must not look like a fault of the domain.
    if new.status == "error":
        return "unknown"
    if old.status == "error":
        return "known"
    return "worse" if _RANK[new.status] > _RANK[old.status] else "better"
