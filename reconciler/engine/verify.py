"""After an apply: a new read, a new plan, and outcomes that agree with it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from reconciler.core.model import DesiredDomain, Value
from reconciler.core.plan import Change, Outcome, Plan, Result
from reconciler.core.ports import Reader
from reconciler.engine.observe import Observation, observe


async def verify(
    reader: Reader,
    desired: DesiredDomain,
    outcomes: Sequence[Outcome],
    plan_again: Callable[[Observation], Plan],
) -> tuple[tuple[Outcome, ...], Plan]:
    """Reads the domain anew, plans again, and takes back what the server only said it did.

    Returns:
        The outcomes, an "applied" that the new read contradicts turned into "failed"; and the plan that is left,
        empty if the domain has converged.
    """
    left = plan_again(await observe(reader, desired))
    still = {c.key: c for c in left.changes}
    return tuple(_checked(o, _same(o.change, still.get(o.change.key))) for o in outcomes), left


def _same(change: Change, left: Change | None) -> Change | None:
    """What is left of a change. A rename is done or not; what else is to do under its old name is no part of it."""
    if left is None or (change.action == "rename") is not (left.action == "rename"):
        return None
    return left


def _checked(outcome: Outcome, left: Change | None) -> Outcome:
    if outcome.result is not Result.APPLIED or left is None:
        return outcome
    change = outcome.change
    wanted = {f.name for f in change.fields}
    remaining = [f for f in left.fields if f.name in wanted and not f.sensitive]
    if left.action == "update" and not remaining:
        return outcome
    if left.action == "update":
        what = "; ".join(f"{f.name} is {_words(f.before)}, not {_words(f.after)}" for f in remaining)
    else:
        what = "it is not there" if left.action == "create" else f"it is still to {left.action}"
    return replace(
        outcome,
        result=Result.FAILED,
        detail=f"the server accepted it, but a new read says: {what}",
        hint="see whether the feature is switched on for this domain on the server",
    )


def _words(value: Value | None) -> str:
    """A value as it would stand in a file."""
    return json.dumps(value, ensure_ascii=False)


def has_converged(left: Plan) -> bool:
    """Whether nothing is left to do, and that is known for sure."""
    return left.complete and not left.changes and not left.refused
