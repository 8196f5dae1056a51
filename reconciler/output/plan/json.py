"""Plans as JSON (contract section 3, `schemas/plan.schema.json`)."""

from collections.abc import Mapping, Sequence

from reconciler.core.model import Value
from reconciler.core.plan import Change, Cost, FieldChange, Plan
from reconciler.output.documents import (
    FORMAT_VERSION,
    NO_FILES,
    diagnostic_data,
    json_text,
    place_data,
    sorted_diagnostics,
)
from reconciler.output.plan.costs import amount
from reconciler.output.plan.provenance import ATTRIBUTION_NAMES
from reconciler.output.plan.words import ChangeCounts, count_changes, new_address


def plans_document(plans: Sequence[Plan], generated: Mapping[str, object]) -> dict[str, object]:
    """The plan document.

    Domains are sorted. The changes of a domain keep the order of the plan, in which `apply` makes them. Sizes are in
    bytes, days and times in ISO 8601. An unknown side of a field is omitted: `before`, if the resource is created or
    the field was not read.

    Args:
        generated: the header: time, tool, version, and the commit if there is one.
    """
    total = count_changes(plans)
    return {
        "formatVersion": FORMAT_VERSION,
        "generated": dict(generated),
        "summary": _summary(total),
        "domains": [_plan_data(p) for p in sorted(plans, key=lambda p: (p.domain, p.server))],
    }


def render_plans_json(
    plans: Sequence[Plan], generated: Mapping[str, object], files: Mapping[str, str] = NO_FILES
) -> str:
    """The document as text, with a final newline. Equal plans give equal bytes, except for `generated`.

    `files` as in `json_text`.
    """
    return json_text(plans_document(plans, generated), files)


def _summary(total: ChangeCounts) -> dict[str, int]:
    rest = {"unmanaged": total.unmanaged, "domains": total.domains}
    return {str(action): number for action, number in total.actions.items()} | rest


def _plan_data(plan: Plan) -> dict[str, object]:
    data: dict[str, object] = {
        "domain": plan.domain,
        "server": plan.server,
        "digest": plan.digest,
        "complete": plan.complete,
        "changes": [change_data(c) for c in plan.changes],
        "unmanaged": [{"kind": u.kind, "address": u.address} for u in sorted(plan.unmanaged)],
        "diagnostics": [diagnostic_data(d) for d in sorted_diagnostics(plan.diagnostics)],
    }
    if plan.hidden:
        # The contract names the key `masked`; people read "hidden by this change".
        hidden = sorted(plan.hidden, key=lambda c: (c.kind, c.name, c.action))
        data["masked"] = [change_data(c) for c in hidden]
    return data | ({"cost": _cost_data(plan.cost)} if plan.cost else {})


def _cost_data(cost: Cost) -> dict[str, str]:
    """Amounts as text with two decimals; an unknown side is omitted."""
    sides = {"monthlyBefore": cost.before, "monthlyAfter": cost.after}
    return {"currency": cost.currency} | {k: amount(v) for k, v in sides.items() if v is not None}


def change_data(change: Change) -> dict[str, object]:
    """One change of the plan document."""
    data: dict[str, object] = {
        "action": change.action,
        "kind": change.kind,
        "address": change.address,
        "reason": change.reason,
        "risk": change.risk,
        "fields": {f.name: _field_data(f) for f in change.fields},
        "source": place_data(change.origin),
        "dependsOn": sorted(change.depends_on),
    }
    if change.action == "rename":
        data["newAddress"] = new_address(change)
    if change.purge_after is not None:
        data["purgeAfter"] = change.purge_after
    known = {"usageBytes": change.usage_bytes, "lastLogin": change.last_login}
    current = {k: v for k, v in known.items() if v is not None}
    return data | ({"current": current} if current else {}) | _origin_data(change)


def _field_data(field: FieldChange) -> dict[str, object]:
    # A document must not contain a password or a reference to one, not even as before and after.
    if field.sensitive:
        return {"sensitive": True} | _origin_data(field)
    # A missing key means unknown, because null would be a value in many languages.
    sides: dict[str, Value | None] = {"before": field.before, "after": field.after}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in sides.items() if v is not None} | _origin_data(field)


def _origin_data(of: Change | FieldChange) -> dict[str, object]:
    """The attribution, and the side on which the difference was made, if known. The contract names the key `share`."""
    data: dict[str, object] = {"share": ATTRIBUTION_NAMES[of.attribution]} if of.attribution else {}
    return data | ({"direction": of.direction} if of.direction else {})
