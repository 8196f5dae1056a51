"""The page of one domain: its figures, its checks, their changes, and the initial values of its DMARC form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.comparison import Comparison, Difference, Verdict
from reconciler.core.findings import Finding, Status
from reconciler.core.names import display_domain
from reconciler.core.status import DomainStatus, Use
from reconciler.output.html.inputs import DmarcStart, PageInput
from reconciler.output.html.texts import Texts
from reconciler.output.html.view_records import (
    PublishView,
    RecordView,
    Shown,
    publish_views,
    record_views,
    shown,
)
from reconciler.output.html.view_spf import TreeView, tree_view
from reconciler.output.report.words import MAX_LINES
from reconciler.output.terminal import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """The card of a check.

    Attributes:
        more: the number of found records that the card does not show.
        elsewhere: the records that operators of other domains must publish.
    """

    id: str
    name: str
    status: Status
    title: Shown
    lines: tuple[Shown, ...]
    more_lines: int
    found: tuple[RecordView, ...]
    more: int
    expected: tuple[RecordView, ...]
    fix: tuple[PublishView, ...]
    elsewhere: tuple[PublishView, ...]
    tree: TreeView | None
    code: str
    reference: str
    change: "ChangeView | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """A change since the earlier report; `before` or `after` is None if that report lacks the check."""

    check: str
    verdict: Verdict
    before: Status | None
    after: Status | None
    code_before: str
    code_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TileView:
    """A figure of the dashboard.

    Attributes:
        filled: the used part of the limit in percent; None without a limit, or if the usage is unknown.
        state: the catalogue key of the text that explains a problem; empty without a problem.
    """

    label: str
    value: str
    limit: str
    filled: int | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainView:
    """The page. `dashboard` is one of `figures`, `unread`, `not-asked`, `alias`."""

    domain: str
    display: str
    server: str
    product: str
    alias_of: str
    status: Status
    dashboard: str
    problems: tuple[Shown, ...]
    tiles: tuple[TileView, ...]
    policy_rules: tuple[tuple[str, str, str], ...]
    checks: tuple[CheckView, ...]
    gone: tuple[ChangeView, ...]
    dmarc: str


def domain_view(page: PageInput, texts: Texts, comparison: Comparison | None) -> DomainView:
    """The values that the page shows."""
    report = page.report
    changes = _changes(report.domain, report.server, report.alias_of, comparison)
    ids = {check.id for check in report.checks}
    compared = page.status.figures.passwords if page.status and page.status.figures else None
    return DomainView(
        domain=report.domain,
        display=visible(display_domain(report.domain)),
        server=visible(report.server),
        product=visible(page.product or ""),
        alias_of=report.alias_of or "",
        status=report.status,
        dashboard=_dashboard(page),
        problems=tuple(shown(d.message) for d in page.status.diagnostics) if page.status else (),
        tiles=_tiles(page.status, texts),
        policy_rules=tuple((d.rule, str(d.server).lower(), str(d.product).lower()) for d in compared.differences)
        if compared
        else (),
        checks=tuple(_check(check, report.domain, texts, changes.get(check.id)) for check in report.checks),
        # A check that the new report lacks has no card, so its change is listed separately instead of being lost.
        gone=tuple(change for name, change in changes.items() if name not in ids),
        dmarc=island(_start(report.domain, page.dmarc)),
    )


def _start(domain: str, start: DmarcStart) -> dict[str, object]:
    """The initial values of the DMARC form, by field name."""
    fields = {
        "p": start.policy, "sp": start.subdomain_policy, "np": start.np, "adkim": start.adkim, "aspf": start.aspf,
        "rua": start.rua or "", "ruf": start.ruf, "fo": start.fo,
    }  # fmt: skip
    return {"domain": domain, "fields": fields, "testing": start.testing, "published": start.published or ""}


def _dashboard(page: PageInput) -> str:
    if page.report.alias_of:
        return "alias"
    if page.status is None:
        return "not-asked"
    return "unread" if page.status.figures is None else "figures"


def check_name(check: str, texts: Texts) -> str:
    """The display name of a check; its id if the catalogue has no name for it."""
    # A new check may exist before its translation. A missing name must not prevent the report.
    return texts.entries.get(f"check.{check}", visible(check))


def _check(check: Finding, domain: str, texts: Texts, change: ChangeView | None) -> CheckView:
    lines = [line for line in check.detail.split("\n") if line]
    found = record_views(check.found)
    return CheckView(
        id=check.id,
        name=check_name(check.id, texts),
        status=check.status,
        title=shown(check.title),
        lines=tuple(shown(line) for line in lines[:MAX_LINES]),
        more_lines=max(0, len(lines) - MAX_LINES),
        found=found,
        more=len(check.found) - len(found),
        expected=record_views(check.expected),
        fix=publish_views(check.fix, domain),
        # These records belong to other zones, so their names stay complete: no domain is removed from them.
        elsewhere=publish_views(check.elsewhere, ""),
        tree=tree_view(check.tree, texts) if check.tree else None,
        code=visible(check.code),
        reference=visible(check.reference),
        change=change,
    )


def _changes(domain: str, server: str, alias_of: str | None, found: Comparison | None) -> Mapping[str, ChangeView]:
    return {d.check: change_view(d) for d in found.of(domain, server, alias_of)} if found else {}


def change_view(found: Difference) -> ChangeView:
    """A difference to show. Its ids and codes come from a file of the user, so they are untrusted."""
    return ChangeView(
        check=visible(found.check),
        verdict=found.verdict,
        before=found.before.status if found.before else None,
        after=found.after.status if found.after else None,
        code_before=visible(found.before.code) if found.before else "",
        code_after=visible(found.after.code) if found.after else "",
    )


def _tiles(status: DomainStatus | None, texts: Texts) -> tuple[TileView, ...]:
    figures = status.figures if status else None
    if figures is None:
        return ()
    counts = [
        _tile("mailboxes", figures.mailboxes, texts),
        _tile("disk", figures.disk, texts, size=True),
        _tile("aliases", figures.aliases, texts),
        _tile("domainAliases", figures.domain_aliases, texts),
        _tile("eas", figures.eas, texts),
        _tile("mapi", figures.mapi, texts),
    ]
    if figures.currency is not None:
        known = figures.monthly is not None
        value = texts("tile.unknown") if figures.monthly is None else texts.money(figures.monthly, figures.currency)
        counts.append(_words("bill", value, texts, "" if known else "state.unknown"))
    if figures.passwords is not None:
        state = figures.passwords.state
        counts.append(_words("passwords", texts(f"passwords.{state}"), texts, _policy_state(state)))
    return tuple(counts)


def _policy_state(state: str) -> str:
    return "state.differs" if state == "different" else ""


def _words(name: str, value: str, texts: Texts, state: str) -> TileView:
    return TileView(label=texts(f"tile.{name}"), value=value, limit="", filled=None, state=state)


def _tile(name: str, use: Use, texts: Texts, *, size: bool = False) -> TileView:
    write = texts.size if size else texts.number
    off = use.switched_off and not use.used
    # An unused feature that is off has no meaningful limit.
    value = texts("tile.off") if off else texts("tile.unknown") if use.used is None else write(use.used)
    limit, filled, state = "", None, ""
    if use.limit is not None and not off:
        limit = texts("tile.of", limit=write(use.limit))
        if use.used is not None:
            # A bar cannot be longer than its track; the text shows the exact numbers.
            filled = min(100, 100 * use.used // use.limit) if use.limit else 100 if use.used else 0
            state = "state.exceeded" if use.exceeded else "state.near" if filled >= 90 and use.used else ""
    return TileView(label=texts(f"tile.{name}"), value=value, limit=limit, filled=filled, state=state)


def island(data: object) -> str:
    r"""JSON for a `<script type="application/json">`: `<`, `>` and `&` become `\u003c` etc., so none closes the tag."""
    text = json.dumps(data, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
