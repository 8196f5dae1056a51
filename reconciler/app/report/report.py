"""The report: the status of each domain on its server and in DNS, as web pages and as files for programs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.app.dns import ask_dns, expected_of, subjects
from reconciler.app.header import generated
from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.app.report.earlier import Earlier
from reconciler.app.status import Seen, StatusAnswer, ask_servers, status_rows
from reconciler.compliance.generator import prefilled
from reconciler.compliance.publish import reports_to
from reconciler.compliance.records import dmarc
from reconciler.config.workspace import Configuration
from reconciler.core.comparison import Comparison, compare, snapshot
from reconciler.core.errors import ReconcilerError
from reconciler.core.expectations import Expected
from reconciler.core.findings import DomainReport, Report
from reconciler.core.model import DesiredDomain
from reconciler.core.ports import Progress
from reconciler.core.status import DomainStatus
from reconciler.engine.observe import Observation
from reconciler.output.html.inputs import DmarcStart, PageInput, SiteInput
from reconciler.output.html.pages import render_pages
from reconciler.output.junit import render_report_junit
from reconciler.output.report.csv import render_csv
from reconciler.output.report.json import render_json
from reconciler.output.report.markdown import render_markdown
from reconciler.output.report.since import since_markdown


@dataclass(frozen=True, slots=True)
class ReportResult:
    """The contents of the report.

    Attributes:
        problems: the errors of mail servers that did not return the status of domains.
        comparison: None without an earlier report.
    """

    report: Report
    site: SiteInput
    problems: tuple[ReconcilerError, ...]
    comparison: Comparison | None


async def make_report(
    config: Configuration, progress: Progress, *, from_servers: bool, earlier: Earlier | None
) -> ReportResult:
    """Queries the mail servers, if `from_servers`, and then DNS.

    A server that cannot be read does not stop the report, which names it.

    Raises:
        Unreachable: no resolver is configured or found.
        NoHostName: a record would have to name an IP address; raised before any query.
    """
    planner = Planner(config, PlanRequest(today=datetime.now(UTC).date()), versions={})
    selected = planner.selected()
    # A host name that is missing in the configuration is found before the first request.
    for desired in selected:
        expected_of(config, desired)
    answers: Mapping[str, StatusAnswer] = {}
    rows: list[DomainStatus] = []
    if from_servers:
        answers = await ask_servers(config, planner, progress)
        rows, _ = status_rows(config, planner, answers)
    seen: dict[str, Observation] = {
        domain: found.current if isinstance(found, Seen) else found for domain, found in answers.items()
    }
    report = await ask_dns(config, subjects(config, selected, seen), progress)
    comparison = None
    # With a partial selection, missing domains were not removed, they were not checked.
    if earlier is not None:
        comparison = compare(
            earlier.snapshot, snapshot(report), since=earlier.time, partial=len(selected) < len(config.domains)
        )
    statuses = {row.domain: row for row in rows}
    wanted = {desired.domain: desired for desired in selected}
    site = SiteInput(
        pages=tuple(_page(config, wanted, statuses, domain) for domain in report.domains),
        generated=generated(config.root),
        comparison=comparison,
    )
    problems = tuple(found for found in answers.values() if isinstance(found, ReconcilerError))
    return ReportResult(report, site, problems, comparison)


def report_files(result: ReportResult, language: str) -> Iterator[tuple[str, str]]:
    """(path in the folder, text) of all files; the front page is the last."""
    report, comparison = result.report, result.comparison
    # The front page is written last, so that it never links to a page that does not exist yet.
    yield "report.json", render_json(report, result.site.generated)
    markdown = render_markdown(report)
    yield "report.md", markdown if comparison is None else f"{markdown}\n{since_markdown(comparison)}"
    yield "report.csv", render_csv(report)
    yield "junit.xml", render_report_junit(report)
    yield from render_pages(result.site, language)


def _page(
    config: Configuration,
    wanted: Mapping[str, DesiredDomain],
    statuses: Mapping[str, DomainStatus],
    report: DomainReport,
) -> PageInput:
    # A domain alias has no file of its own: its domain decides what is expected.
    desired = wanted[report.alias_of or report.domain]
    expected = expected_of(config, desired)
    return PageInput(
        report=report,
        status=None if report.alias_of else statuses.get(report.domain),
        product=desired.product,
        dmarc=_start(expected, _published(report)),
    )


def _start(expected: Expected, published: str | None) -> DmarcStart:
    """The start values of `dns dmarc`, so that a copied record never weakens the published policy."""
    rua = reports_to(expected.dmarc_rua)
    wish = prefilled(expected, (rua,) if rua else (), published).wish
    return DmarcStart(
        policy=wish.policy,
        rua=_addresses(wish.rua),
        ruf=_addresses(wish.ruf),
        subdomain_policy=wish.subdomain_policy or "",
        np=wish.np or "",
        adkim=wish.adkim,
        aspf=wish.aspf,
        fo=wish.fo,
        testing=wish.testing,
        published=None if published is None else dmarc.parse(published).p or "none",
    )


def _addresses(uris: tuple[str, ...]) -> str:
    """URIs as plain addresses; a URI with an encoded character stays a URI."""
    return " ".join(uri if "%" in uri else uri.removeprefix("mailto:") for uri in uris)


def _published(report: DomainReport) -> str | None:
    """The DMARC record of the domain itself; None if it has none or several, or the lookup failed."""
    texts = [
        record.value
        for check in report.checks
        if check.id in ("dmarc", "parked")
        for record in check.found
        if record.name == f"_dmarc.{report.domain}" and record.type == "TXT" and dmarc.is_dmarc(record.value)
    ]
    return texts[0] if len(texts) == 1 else None
