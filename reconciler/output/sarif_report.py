"""The compliance report as SARIF: what is not right, at the line of the file that declares the domain."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.core.findings import DomainReport, Finding, Report, Status
from reconciler.core.source import Span
from reconciler.output.documents import NO_FILES
from reconciler.output.report_words import detail_lines, heading
from reconciler.output.sarif import Level, SarifResult, Rule, sarif_log

NO_PLACES: Mapping[str, Span] = MappingProxyType({})
_LEVELS: Mapping[Status, Level] = MappingProxyType({"fail": "error", "warn": "warning", "error": "warning"})
"""What passed or had nothing to judge is no result. What could not be looked up is a warning: nobody knows."""


def render_report_sarif(
    report: Report, places: Mapping[str, Span] = NO_PLACES, paths: Mapping[str, str] = NO_FILES
) -> str:
    """The log, with a final newline.

    Args:
        places: a domain, or domain alias -> where a file declares it.
        paths: as in `sarif_log`.
    """
    found = list(_troubles(report))
    ids = {check.code: check.id for _, check in found}
    rules = [Rule(id=code, text=f"DNS check {ids[code]}: {code}", help="docs/commands.md") for code in sorted(ids)]
    return sarif_log(rules, (_result(domain, check, places) for domain, check in found), paths)


def _troubles(report: Report) -> Iterator[tuple[DomainReport, Finding]]:
    return ((domain, check) for domain in report.domains for check in domain.checks if check.status in _LEVELS)


def _result(domain: DomainReport, check: Finding, places: Mapping[str, Span]) -> SarifResult:
    first = f"{heading(domain)}: {check.title}"
    if check.status == "error":
        first = f"{heading(domain)}: could not be looked up: {check.title}"
    return SarifResult(
        rule=check.code,
        level=_LEVELS[check.status],
        text="\n".join((first, *detail_lines(check), check.reference)).rstrip("\n"),
        about=f"{domain.domain}/{check.id}",
        span=places.get(domain.domain) or places.get(domain.alias_of or ""),
        logical=f"{domain.domain}/{check.id}",
        properties={"check": check.id, "status": check.status},
    )
