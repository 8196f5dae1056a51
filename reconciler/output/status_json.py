"""The status of domains as JSON (`schemas/status.schema.json`). Sizes are bytes, amounts decimal texts."""

from collections.abc import Mapping, Sequence

from reconciler.core.password_policy import PolicyComparison
from reconciler.core.quantities import format_money
from reconciler.core.status import DomainStatus, Figures, Use
from reconciler.output.documents import FORMAT_VERSION, NO_FILES, diagnostic_data, json_text, sorted_diagnostics
from reconciler.output.status_text import bill_totals, known


def render_status_json(
    statuses: Sequence[DomainStatus], generated: Mapping[str, object], files: Mapping[str, str] = NO_FILES
) -> str:
    """The document. Equal statuses give equal bytes, except for `generated`."""
    return json_text(status_data(statuses, generated), files)


def status_data(statuses: Sequence[DomainStatus], generated: Mapping[str, object]) -> dict[str, object]:
    """The document as plain data."""
    read = known(statuses)
    return {
        "formatVersion": FORMAT_VERSION,
        "generated": dict(generated),
        "summary": {
            "domains": len(statuses),
            "unread": len(statuses) - len(read),
            "mailboxes": sum(f.mailboxes.used or 0 for f in read),
            "diskBytes": sum(f.disk.used or 0 for f in read),
            "bills": [
                {"currency": currency, "monthly": format_money(total), "unknown": unknown}
                for currency, (total, unknown) in bill_totals(statuses).items()
            ],
        },
        "domains": [_domain(s) for s in sorted(statuses, key=lambda s: s.domain)],
    }


def _domain(status: DomainStatus) -> dict[str, object]:
    data: dict[str, object] = {
        "domain": status.domain,
        "server": status.server,
        "read": status.figures is not None,
        "diagnostics": [diagnostic_data(d) for d in sorted_diagnostics(status.diagnostics)],
    }
    if status.product:
        data["product"] = status.product
    if status.figures is not None:
        data |= _figures(status.figures)
    # A missing key means that DNS was not checked. An empty object would look like a domain without checks.
    if status.pills:
        data["dns"] = dict(status.pills)
    if status.dns_problem:
        data["dnsProblem"] = status.dns_problem
    return data


def _figures(figures: Figures) -> dict[str, object]:
    data: dict[str, object] = {
        "mailboxes": _use(figures.mailboxes),
        "aliases": _use(figures.aliases),
        "domainAliases": _use(figures.domain_aliases),
        "disk": _use(figures.disk),
        "eas": _use(figures.eas) | {"switchedOff": figures.eas.switched_off},
        "mapi": _use(figures.mapi) | {"switchedOff": figures.mapi.switched_off},
    }
    if figures.currency is not None:
        # An unknown bill has no amount. A 0 would be a wrong statement about money.
        monthly = {} if figures.monthly is None else {"monthly": format_money(figures.monthly)}
        data["bill"] = {"currency": figures.currency, **monthly}
    if figures.passwords is not None:
        data["passwordPolicy"] = _policy(figures.passwords)
    return data


def _use(use: Use) -> dict[str, object]:
    data: dict[str, object] = {"used": use.used, "exceeded": use.exceeded}
    limits = {"limit": use.limit, "productLimit": use.sold, "serverLimit": use.served}
    return data | {key: limit for key, limit in limits.items() if limit is not None}


def _policy(compared: PolicyComparison) -> dict[str, object]:
    return {
        "state": compared.state,
        "differences": [{"rule": d.rule, "product": d.product, "server": d.server} for d in compared.differences],
        "unknown": list(compared.unknown),
    }
