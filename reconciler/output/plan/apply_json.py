"""The result of an apply as JSON: the plan document and the outcome of each change (`schemas/apply.schema.json`)."""

from collections import Counter
from collections.abc import Mapping, Sequence

from reconciler.core.plan import Outcome, Plan, Result
from reconciler.output.documents import FORMAT_VERSION, NO_FILES, json_text, place_data
from reconciler.output.plan.json import plans_document
from reconciler.output.plan.words import new_address


def apply_document(
    plans: Sequence[Plan],
    outcomes: Mapping[str, Sequence[Outcome]],
    generated: Mapping[str, object],
    *,
    agreed: bool,
    converged: bool,
) -> dict[str, object]:
    """The document of an apply.

    Args:
        plans: the plans, including refused ones.
        outcomes: per domain, in the order of its plan; empty if nothing was written.
        generated: the header: time, tool, version, commit.
        agreed: False if the run was refused or declined before the first write.
        converged: whether a new plan of every selected domain is empty.
    """
    document = plans_document(plans, generated)
    numbers = Counter(o.result for row in outcomes.values() for o in row)
    return {
        "formatVersion": FORMAT_VERSION,
        "generated": document["generated"],
        "agreed": agreed,
        "converged": converged,
        "summary": {
            "applied": numbers[Result.APPLIED],
            "alreadyAsWanted": numbers[Result.SKIPPED],
            "refused": numbers[Result.REFUSED],
            "failed": numbers[Result.FAILED],
            "notTried": numbers[Result.NOT_TRIED],
        },
        # The plan has no version and header of its own, because those of this document apply.
        "plan": {k: v for k, v in document.items() if k not in ("formatVersion", "generated")},
        "outcomes": [
            {"domain": domain, "changes": [_outcome_data(o) for o in row]} for domain, row in sorted(outcomes.items())
        ],
    }


def render_apply_json(
    plans: Sequence[Plan],
    outcomes: Mapping[str, Sequence[Outcome]],
    generated: Mapping[str, object],
    *,
    agreed: bool,
    converged: bool,
    files: Mapping[str, str] = NO_FILES,
) -> str:
    """The document as text, with a final newline; `files` as in `json_text`."""
    return json_text(apply_document(plans, outcomes, generated, agreed=agreed, converged=converged), files)


def _outcome_data(outcome: Outcome) -> dict[str, object]:
    change = outcome.change
    data: dict[str, object] = {
        "action": change.action,
        "kind": change.kind,
        "address": change.address,
        "result": outcome.result.value,
        "source": place_data(change.origin),
    }
    # Only a rename has a new name. For other actions the function would return `None@example.com`.
    if change.action == "rename":
        data["newAddress"] = new_address(change)
    texts = {"detail": outcome.detail, "hint": outcome.hint}
    return data | {k: v for k, v in texts.items() if v}
