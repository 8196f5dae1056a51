"""After an apply: a new read, a new plan, and outcomes that agree with it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from reconciler.core.errors import ReconcilerError
from reconciler.core.kinds import BY_NAME
from reconciler.core.model import CurrentDomain, DesiredDomain, Unset, Value
from reconciler.core.plan import Change, Outcome, Plan, Result
from reconciler.core.planning.recheck import Precondition, changed_fields, done
from reconciler.core.ports import Reader, ReadScope
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


# Around the apply of a saved plan: what has to be read for it, and a read afterwards that proves it.


def saved_scope(changes: Sequence[Change], expected: Mapping[str, Precondition]) -> ReadScope:
    """The costly reads that a domain's changes need: only of what they touch, what planning read and what they set."""
    forwarding: set[str] = set()
    flagged: set[str] = set()
    activations: set[str] = set()
    for change in changes:
        names = {f.name for f in change.fields} | set(expected[change.key].fields or ())
        costly = {f.name for f in BY_NAME[change.kind].fields if f.costly}
        if names & costly:
            touched = forwarding if change.kind == "mailbox" else flagged
            touched |= {change.name, *([change.new_name] if change.new_name else [])}
        activations |= {f.name for f in BY_NAME[change.kind].fields if f.activation and f.name in names}
    old_names = {(c.kind, c.new_name): c.name for c in changes if c.action == "rename"}
    forwarding |= {old_names["mailbox", n] for n in forwarding if ("mailbox", n) in old_names}
    flagged |= {old_names["alias", n] for n in flagged if ("alias", n) in old_names}
    return ReadScope(
        forwarding=frozenset(forwarding),
        alias_flags=frozenset(flagged),
        eas="eas" in activations,
        mapi="mapi" in activations,
    )


async def observe_saved(reader: Reader, domain: str, scope: ReadScope) -> Observation:
    """The current state of one domain as far as its changes go, or why it could not be read."""
    try:
        return await reader.read_domain(domain, scope)
    except ReconcilerError as e:
        return e


def proven(plan: Plan, outcomes: Sequence[Outcome], seen: CurrentDomain) -> tuple[tuple[Outcome, ...], Plan]:
    """Outcomes that agree with a read after the last write, and what is left of the plan.

    Returns:
        The outcomes, an "applied" that the read contradicts turned into "failed"; and the plan with only those changes
        that are not as they want it, a password that was not set included.
    """
    checked = tuple(_checked_change(o, seen) for o in outcomes)
    left = tuple(
        o.change
        for o in checked
        if o.result not in (Result.APPLIED, Result.SKIPPED) and (not done(o.change, seen) or o.change.password)
    )
    return checked, replace(plan, changes=left)


def _checked_change(outcome: Outcome, seen: CurrentDomain) -> Outcome:
    change = outcome.change
    if outcome.result is not Result.APPLIED or done(change, seen):
        return outcome
    return replace(
        outcome,
        result=Result.FAILED,
        detail=f"the server accepted it, but a new read says: {_what(change, seen)}",
        hint="see whether the feature is switched on for this domain on the server",
    )


def _what(change: Change, seen: CurrentDomain) -> str:
    there = seen.section(change.kind).get(change.name)
    if change.action in ("delete", "rename"):
        return f"it is still to {change.action}"
    if there is None:
        return "it is not there"
    kind, after = BY_NAME[change.kind], {f.name: f.after for f in change.fields}
    return "; ".join(
        f"{name} is {_value_text(getattr(there, kind.field(name).attribute))}, not {_value_text(after[name])}"
        for name in changed_fields(change, there)
    )


def _value_text(value: object) -> str:
    """A value as it would stand in a file."""
    return "not told" if isinstance(value, Unset) else json.dumps(value, ensure_ascii=False)
