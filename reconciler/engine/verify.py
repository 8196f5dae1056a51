"""After an apply: a new read, outcomes that agree with it, and what is left to do."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from reconciler.core.kinds import BY_NAME
from reconciler.core.model import CurrentDomain, DesiredDomain, Unset
from reconciler.core.plan import Change, Outcome, Plan, Result
from reconciler.core.planning.recheck import Precondition, changed_fields, done
from reconciler.core.ports import Reader, ReadScope
from reconciler.engine.observe import NOTHING_MORE, Observation, observe

PlanLeft = Callable[[Sequence[Outcome], Observation], Plan]
"""Makes the plan that is left, from the checked outcomes and the new read."""


async def verify(
    reader: Reader,
    desired: DesiredDomain,
    outcomes: Sequence[Outcome],
    plan_left: PlanLeft,
    more: ReadScope = NOTHING_MORE,
) -> tuple[tuple[Outcome, ...], Plan]:
    """Reads the domain again, checks each outcome against the read, and plans what is left.

    Args:
        desired: the domain; the read covers what it manages.
        more: what to read in addition.

    Returns:
        The outcomes, where an "applied" that the read contradicts has become "failed"; and the plan that is left,
        which is empty if the domain has converged.
    """
    seen = await observe(reader, desired, more)
    checked = tuple(_checked(o, seen) for o in outcomes) if isinstance(seen, CurrentDomain) else tuple(outcomes)
    return checked, plan_left(checked, seen)


def not_done(plan: Plan, outcomes: Sequence[Outcome], seen: CurrentDomain) -> Plan:
    """The part of a plan that a read does not show as done, together with passwords that were not set."""
    tried = [o for o in outcomes if o.result is not Result.SKIPPED]
    # No read shows a password, so only its outcome tells that it was set.
    lost = {o.change.key for o in tried if o.change.password and o.result is not Result.APPLIED}
    left = tuple(o.change for o in tried if o.change.key in lost or not done(o.change, seen))
    return replace(plan, changes=left, diagnostics=())


def has_converged(left: Plan) -> bool:
    """Whether it is known that nothing is left to do."""
    return left.complete and not left.changes and not left.refused


def saved_scope(changes: Sequence[Change], expected: Mapping[str, Precondition]) -> ReadScope:
    """The costly reads that the changes of a saved plan need: fields that planning read, and fields that they set."""
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
    # A rename may be pending or done, so both names are read.
    old_names = {(c.kind, c.new_name): c.name for c in changes if c.action == "rename"}
    forwarding |= {old_names["mailbox", n] for n in forwarding if ("mailbox", n) in old_names}
    flagged |= {old_names["alias", n] for n in flagged if ("alias", n) in old_names}
    return ReadScope(
        forwarding=frozenset(forwarding),
        alias_flags=frozenset(flagged),
        eas="eas" in activations,
        mapi="mapi" in activations,
    )


def _checked(outcome: Outcome, seen: CurrentDomain) -> Outcome:
    """The outcome, or a failure if the server accepted a change and the read contradicts it."""
    contradiction = _contradiction(outcome.change, seen) if outcome.result is Result.APPLIED else ""
    if not contradiction:
        return outcome
    return replace(
        outcome,
        result=Result.FAILED,
        detail=f"the server accepted the change, but a new read shows: {contradiction}",
        hint="check whether the feature is switched on for this domain on the server",
    )


def _contradiction(change: Change, seen: CurrentDomain) -> str:
    """How the read contradicts that a change was made; empty if it does not.

    A field that the server does not return contradicts nothing: the plan that is left reports it.
    """
    if done(change, seen):
        return ""
    there = seen.section(change.kind).get(change.name)
    if change.action in ("delete", "rename"):
        return "it still exists" if change.action == "delete" else "it still has its old name"
    if there is None:
        return "it does not exist"
    after = {f.name: f.after for f in change.fields}
    values = {
        name: getattr(there, BY_NAME[change.kind].field(name).attribute) for name in changed_fields(change, there)
    }
    read = {name: value for name, value in values.items() if not isinstance(value, Unset)}
    return "; ".join(f"{name} is {_value_text(value)}, not {_value_text(after[name])}" for name, value in read.items())


def _value_text(value: object) -> str:
    """A value as a file would spell it."""
    return json.dumps(value, ensure_ascii=False)
