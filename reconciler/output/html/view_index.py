"""The page of all domains: its counts, and its rows as data. A script shows the rows, one page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.comparison import Comparison, Verdict
from reconciler.core.findings import STATUSES, Status
from reconciler.core.names import display_domain
from reconciler.output.html.inputs import PageInput, SiteInput
from reconciler.output.html.texts import Texts, time_text
from reconciler.output.html.view_domain import ChangeView, change_view, check_name, island
from reconciler.output.terminal import visible

LETTERS: dict[Status, str] = {"pass": "p", "warn": "w", "fail": "f", "skip": "s", "error": "e"}
"""A row has one letter per check, in the order of the checks, and `-` for a check that the domain does not have."""

MAX_CHANGES = 200
"""The number of changes on the page of all domains. The page of each domain lists all its changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountView:
    """A status, and the number of domains whose worst status it is."""

    status: Status
    domains: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """A domain and its page, for browsers without scripts."""

    path: str
    display: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedView:
    """A change and its domain; `path` is empty if the domain no longer has a page."""

    path: str
    domain: str
    change: ChangeView


@dataclass(frozen=True, slots=True, kw_only=True)
class SinceView:
    """The changes since an earlier report; `more` counts the ones that are not listed."""

    since: str
    counts: tuple[tuple[Verdict, int], ...]
    changes: tuple[ChangedView, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexView:
    """The page."""

    domains: int
    checks: int
    counts: tuple[CountView, ...]
    mailboxes: str
    disk: str
    links: tuple[LinkView, ...]
    data: str
    since: SinceView | None


def index_view(site: SiteInput, paths: Sequence[str], texts: Texts) -> IndexView:
    """The values that the page shows."""
    reports = [page.report for page in site.pages]
    ids = list(dict.fromkeys(check.id for report in reports for check in report.checks))
    worst = [report.status for report in reports]
    figures = [p.status.figures for p in site.pages if p.status and p.status.figures]
    data = {
        "checks": [[name, check_name(name, texts)] for name in ids],
        "rows": [_row(page, path, ids, texts) for page, path in zip(site.pages, paths, strict=True)],
        "texts": texts.group("index.js."),
        "status": texts.group("status."),
    }
    return IndexView(
        domains=len(reports),
        checks=sum(len(report.checks) for report in reports),
        counts=tuple(CountView(status=s, domains=texts.number(worst.count(s))) for s in STATUSES),
        # Without any figures the page shows nothing instead of 0, which would be a wrong statement.
        mailboxes=texts.number(sum(f.mailboxes.used or 0 for f in figures)) if figures else "",
        disk=texts.size(sum(f.disk.used or 0 for f in figures)) if figures else "",
        links=tuple(
            LinkView(path=path, display=visible(display_domain(report.domain)), status=report.status)
            for path, report in zip(paths, reports, strict=True)
        ),
        data=island(data),
        since=_since(site.comparison, site, paths),
    )


def _row(page: PageInput, path: str, ids: Sequence[str], texts: Texts) -> list[object]:
    """`[path, domain, display name, alias of, server, product, worst status, letters, mailboxes, disk, disk as text]`.

    Unknown values are null.
    """
    report = page.report
    # Letters instead of words keep the page small, because it may list thousands of domains.
    letters = {check.id: LETTERS[check.status] for check in report.checks}
    figures = page.status.figures if page.status else None
    used = figures.disk.used if figures else None
    return [
        path,
        report.domain,
        visible(display_domain(report.domain)),
        report.alias_of,
        visible(report.server),
        visible(page.product or ""),
        LETTERS[report.status],
        "".join(letters.get(name, "-") for name in ids),
        figures.mailboxes.used if figures else None,
        used,
        "" if used is None else texts.size(used),
    ]


def _since(found: Comparison | None, site: SiteInput, paths: Sequence[str]) -> SinceView | None:
    if found is None:
        return None
    of = {
        (p.report.domain, p.report.server, p.report.alias_of or ""): path
        for p, path in zip(site.pages, paths, strict=True)
    }
    changes = [
        ChangedView(path=of.get((d.domain, d.server, d.alias_of), ""), domain=visible(d.domain), change=change_view(d))
        for d in found.differences
    ]
    return SinceView(
        since=time_text(found.since),
        counts=tuple((verdict, count) for verdict, count in found.count().items() if count),
        # The list is limited, because a change of one shared record can affect thousands of domains.
        changes=tuple(changes[:MAX_CHANGES]),
        more=max(0, len(changes) - MAX_CHANGES),
    )
