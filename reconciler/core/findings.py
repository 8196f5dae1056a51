"""Findings: what a compliance check saw in DNS, what it should see, and what to publish."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

Status = Literal["pass", "warn", "fail", "skip", "error"]
"""pass: right · warn: works, but weak · fail: broken · skip: nothing to judge · error: could not be looked up."""

Threshold = Literal["warn", "fail", "error", "never"]

STATUSES: tuple[Status, ...] = get_args(Status)

GRAVITY: tuple[Status, ...] = ("skip", "pass", "warn", "error", "fail")
"""What is known to be broken outweighs what could not be looked up: an outage must not hide a fault."""

TRIPS: Mapping[Threshold, frozenset[Status]] = MappingProxyType(
    {
        "warn": frozenset({"warn", "fail", "error"}),
        "fail": frozenset({"fail", "error"}),
        "error": frozenset({"error"}),
        "never": frozenset(),
    }
)
"""Which statuses are at or above a threshold of `--fail-on` (in the order warn, fail, error)."""


def worst(statuses: Iterable[Status]) -> Status:
    """The gravest of some statuses; `skip` where there are none."""
    return max(statuses, key=GRAVITY.index, default="skip")


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """One DNS record.

    Attributes:
        name: the owner's full name, lower case, without the final dot.
        type: `MX`, `TXT`, `CNAME`, `SRV`, `A`, `AAAA`.
        value: as in a zone file (host names with their final dot), but TXT as one piece of text without quotes.
        ttl: seconds, in records to publish. None in records found: through a cache it counts down, and a report
            of the same facts must be the same.
    """

    name: str
    type: str
    value: str
    ttl: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfTerm:
    """A term of an SPF record, and what it costs. Hostile text throughout.

    Attributes:
        text: as written.
        lookups: terms that query DNS, this one and all that it leads to; of those beyond the limit as far as known.
        total: the same from the beginning of the evaluation until this term is done.
        void: what it asks for does not exist.
        fault: why it voids the record; empty where it does not.
        unknown: why what it leads to is not known; empty where it is.
        ignored: it has no effect: it stands after `all`, or is a `redirect` beside it.
        child: the record that an `include` or a `redirect` leads to.
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
    """An SPF record with all that it includes.

    Attributes:
        record: the text.
        lookups: terms that query DNS, here and below; beyond the limit of ten as far as they are known.
        terms: in the order of evaluation, then those that are faulty or have no effect.
        omitted: how many terms more there are: a stranger's record may have thousands.
    """

    domain: str
    record: str
    lookups: int
    terms: tuple[SpfTerm, ...] = ()
    omitted: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """One question that a finding rests on, and for how many more seconds resolvers may go on giving that answer.

    Of an absence, that is how long something that was just added may not be seen.
    """

    name: str
    type: str
    ttl: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check for one domain. Texts may quote what DNS said: escape them for where they are shown.

    Attributes:
        id: the check: `mx`, `spf`, `dkim`, `autodiscover`, `dmarc`.
        code: a stable word for the gravest thing seen, like `SPF_SEVERAL`.
        codes: the words for everything seen, the gravest first, remarks last; each is in its check's `CODES`.
        title: one short line.
        detail: sentences, a line each; may be empty.
        expected: what should be there, as far as that is known without merging.
        found: what is there.
        fix: what to publish. It replaces the records in `found` that have the same name, and no others. Empty
            where nothing in this zone would help.
        elsewhere: what the operators of other domains should publish, for this check to be content.
        reference: RFC and section.
        tree: of the check `spf`, what the record leads to.
        evidence: what was asked about the records above, and how long the answers may still be given; no part of what
            is equal, for it differs between two looks at the same zone.
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
        """The gravest status among the checks."""
        return worst(check.status for check in self.checks)

    def to_publish(self) -> tuple[Record, ...]:
        """The records this domain should have: each check's fix, or else what it expects. Sorted, each once."""
        return tuple(sorted({record for check in self.checks for record in (check.fix or check.expected)}))

    def unlisted(self) -> tuple[Finding, ...]:
        """The checks about which `to_publish` says nothing though something is amiss.

        What is there could not be looked up, so nothing can be merged with it; or no record in this zone would help.
        """
        return tuple(
            check for check in self.checks if check.status in ("error", "fail") and not (check.fix or check.expected)
        )


@dataclass(frozen=True, slots=True)
class Report:
    """The findings about some domains, sorted by domain.

    Attributes:
        resolvers: who was asked, as `address:port`.
    """

    domains: tuple[DomainReport, ...]
    resolvers: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        """Sorts, so that the order of the input changes nothing."""
        key = sorted(self.domains, key=lambda report: (report.domain, report.server, report.alias_of or ""))
        object.__setattr__(self, "domains", tuple(key))

    @property
    def status(self) -> Status:
        """The gravest status of all."""
        return worst(report.status for report in self.domains)

    def count(self) -> Mapping[Status, int]:
        """How many checks have each status; every status is a key."""
        found = [check.status for report in self.domains for check in report.checks]
        return {status: found.count(status) for status in STATUSES}

    def reaches(self, threshold: Threshold) -> bool:
        """Whether any check is at or above what `--fail-on` names."""
        return any(check.status in TRIPS[threshold] for report in self.domains for check in report.checks)
