"""The report: how each domain stands on its server and in DNS, as web pages and as files for programs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.app.dns import ask_dns, expected_of, subjects
from reconciler.app.header import generated
from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.app.report.earlier import Earlier
from reconciler.app.status import Seen, Told, ask_servers, status_rows
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
    """What the report is made of.

    Attributes:
        problems: what kept mail servers from telling how domains stand.
        comparison: None where no earlier report was given.
    """

    report: Report
    site: SiteInput
    problems: tuple[ReconcilerError, ...]
    comparison: Comparison | None


async def make_report(
    config: Configuration, progress: Progress, *, from_servers: bool, earlier: Earlier | None
) -> ReportResult:
    """Asks the mail servers, unless they are not to be asked, then DNS.

    A server that cannot be read stops nothing: the report says so.

    Raises:
        Unreachable: there is no resolver to ask.
        NoHostName: a record would have to lead to an address; said before anything is asked.
    """
    planner = Planner(config, PlanRequest(today=datetime.now(UTC).date()), versions={})
    selected = planner.selected()
    for desired in selected:
        expected_of(config, desired)
    told: Mapping[str, Told] = {}
    rows: list[DomainStatus] = []
    if from_servers:
        told = await ask_servers(config, planner, progress)
        rows, _ = status_rows(config, planner, told)
    seen: dict[str, Observation] = {
        domain: found.current if isinstance(found, Seen) else found for domain, found in told.items()
    }
    report = await ask_dns(config, subjects(config, selected, seen), progress)
    comparison = None
    if earlier is not None:
        comparison = compare(
            earlier.said, snapshot(report), since=earlier.time, partial=len(selected) < len(config.domains)
        )
    statuses = {row.domain: row for row in rows}
    wanted = {desired.domain: desired for desired in selected}
    site = SiteInput(
        pages=tuple(_page(config, wanted, statuses, domain) for domain in report.domains),
        generated=generated(config.root),
        comparison=comparison,
    )
    problems = tuple(found for found in told.values() if isinstance(found, ReconcilerError))
    return ReportResult(report, site, problems, comparison)


def report_files(result: ReportResult, language: str) -> Iterator[tuple[str, str]]:
    """(path in the folder, text) of all files; the front page last."""
    report, comparison = result.report, result.comparison
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
    desired = wanted[report.alias_of or report.domain]
    expected = expected_of(config, desired)
    return PageInput(
        report=report,
        status=None if report.alias_of else statuses.get(report.domain),
        product=desired.product,
        dmarc=_start(expected, _published(report)),
    )


def _start(expected: Expected, published: str | None) -> DmarcStart:
    """What `dns dmarc` begins with: nobody shall weaken a policy by copying what the page shows."""
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
    """As people write them; a URI with something encoded stays one."""
    return " ".join(uri if "%" in uri else uri.removeprefix("mailto:") for uri in uris)


def _published(report: DomainReport) -> str | None:
    """The record that the domain itself publishes; None where it has none, or several, or none is known."""
    texts = [
        record.value
        for check in report.checks
        if check.id in ("dmarc", "parked")
        for record in check.found
        if record.name == f"_dmarc.{report.domain}" and record.type == "TXT" and dmarc.is_dmarc(record.value)
    ]
    return texts[0] if len(texts) == 1 else None
