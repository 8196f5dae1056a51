"""Findings: what a compliance check found in DNS, what it expects, and which records to publish."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

Status = Literal["pass", "warn", "fail", "skip", "error"]
"""pass: correct · warn: works, but weak · fail: broken · skip: not applicable · error: the lookup failed."""

Threshold = Literal["warn", "fail", "error", "never"]

STATUSES: tuple[Status, ...] = get_args(Status)

GRAVITY: tuple[Status, ...] = ("skip", "pass", "warn", "error", "fail")
"""From the best to the worst. A known fault is worse than a failed lookup: an outage must not hide a fault."""

TRIPS: Mapping[Threshold, frozenset[Status]] = MappingProxyType(
    {
        "warn": frozenset({"warn", "fail", "error"}),
        "fail": frozenset({"fail", "error"}),
        "error": frozenset({"error"}),
        "never": frozenset(),
    }
)
"""The statuses at or above each threshold of `--fail-on` (in the order warn, fail, error)."""


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of some statuses; `skip` without any."""
    return max(statuses, key=GRAVITY.index, default="skip")


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """One DNS record.

    Attributes:
        name: the owner's full name, lower case, without the final dot.
        type: `MX`, `TXT`, `CNAME`, `SRV`, `A`, `AAAA`.
        value: as in a zone file (host names with their final dot), but TXT as one text without quotes.
        ttl: seconds, in records to publish. None in found records: a cache counts it down, and two reports of the
            same facts must be equal.
    """

    name: str
    type: str
    value: str
    ttl: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfTerm:
    """A term of an SPF record with its DNS lookups. All texts are untrusted.

    Attributes:
        text: as written.
        lookups: the terms that query DNS: this one and all that it includes; beyond the limit as far as known.
        total: the same from the start of the evaluation to the end of this term.
        void: the name that it looks up does not exist.
        fault: why it invalidates the record; empty if it does not.
        unknown: why the included record is unknown; empty if it is known.
        ignored: it has no effect, because it comes after `all` or is a `redirect` in a record with `all`.
        child: the record that an `include` or a `redirect` refers to.
    """

    text: str
    lookups: int = 0
    total: int = 0
    void: bool = False
    fault: str = ""
    unknown: str = ""
    ignored: bool = False
    child: "SpfTree | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfTree:
    """An SPF record with all records that it includes.

    Attributes:
        record: the text.
        lookups: the terms that query DNS, here and below; beyond the limit of ten as far as known.
        terms: in the order of evaluation, then faulty ones and those without effect.
        omitted: the number of further terms: an untrusted record may have thousands.
    """

    domain: str
    record: str
    lookups: int
    terms: tuple[SpfTerm, ...] = ()
    omitted: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """One question on which a finding is based, and for how many more seconds resolvers may cache the answer.

    For a missing record, this is how long resolvers may not see a new one.
    """

    name: str
    type: str
    ttl: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check for one domain. Texts may quote DNS answers: escape them for the output format.

    Attributes:
        id: the check: `mx`, `spf`, `dkim`, `autodiscover`, `dmarc`.
        code: the stable code of the worst fault, like `SPF_SEVERAL`.
        codes: the codes of all faults, the worst first, notes last; each is in its check's `CODES`.
        title: one short line.
        detail: sentences, one per line; may be empty.
        expected: the expected records, as far as they are known without merging.
        found: the existing records.
        fix: the records to publish. They replace the records in `found` with the same name, and no others. Empty if
            no record in this zone helps.
        elsewhere: the records that the operators of other domains should publish for this check to pass.
        reference: RFC and section.
        tree: only of the check `spf`: the record with its includes.
        evidence: the questions about the records above, and how long the answers may be cached. Not compared, because
            it differs between two lookups of the same zone.
    """

    id: str
    status: Status
    code: str
    title: str
    detail: str = ""
    expected: tuple[Record, ...] = ()
    found: tuple[Record, ...] = ()
    fix: tuple[Record, ...] = ()
    reference: str = ""
    codes: tuple[str, ...] = ()
    elsewhere: tuple[Record, ...] = ()
    tree: SpfTree | None = None
    evidence: tuple[Evidence, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainReport:
    """All findings about one domain or domain alias (`alias_of` then names the domain)."""

    domain: str
    server: str
    checks: tuple[Finding, ...]
    alias_of: str | None = None

    @property
    def status(self) -> Status:
        """The worst status of the checks."""
        return worst(check.status for check in self.checks)

    def to_publish(self) -> tuple[Record, ...]:
        """The records that this domain should have, sorted: the fix of each check, or else its expected records."""
        # A set, because two checks may expect the same record.
        return tuple(sorted({record for check in self.checks for record in (check.fix or check.expected)}))

    def unlisted(self) -> tuple[Finding, ...]:
        """The checks with a fault for which `to_publish` has no record.

        Either the lookup failed, so that nothing can be merged with existing records, or no record in this zone helps.
        """
        return tuple(
            check for check in self.checks if check.status in ("error", "fail") and not (check.fix or check.expected)
        )


@dataclass(frozen=True, slots=True)
class Report:
    """The findings about some domains, sorted by domain.

    Attributes:
        resolvers: the recursive servers that answered, as `address:port`.
    """

    domains: tuple[DomainReport, ...]
    # Not compared: the findings do not depend on the resolver.
    resolvers: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        """Sorts the domains, so that the order of the input has no effect."""
        key = sorted(self.domains, key=lambda report: (report.domain, report.server, report.alias_of or ""))
        object.__setattr__(self, "domains", tuple(key))

    @property
    def status(self) -> Status:
        """The worst status of all checks."""
        return worst(report.status for report in self.domains)

    def count(self) -> Mapping[Status, int]:
        """The number of checks with each status; every status is a key."""
        found = [check.status for report in self.domains for check in report.checks]
        return {status: found.count(status) for status in STATUSES}

    def reaches(self, threshold: Threshold) -> bool:
        """Whether any check has a status at or above a threshold of `--fail-on`."""
        return any(check.status in TRIPS[threshold] for report in self.domains for check in report.checks)
