"""Whose a change is: made by this change set, pending without it, or hidden by it. Two plans are compared, purely.

Both are plans of one domain against one and the same read: `base` for the files of a base commit, `head` for those
here. So what both would do was pending before (drift, or a merge that was not applied), what only head would do comes
from this change set, and what only base would do is masked by it.
"""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.model import KindName
from reconciler.core.plan import Change, FieldChange, Plan, Attribution

_Live = tuple[bool, KindName, str]
"""Whether it is a rename, and the kind and name that the resource has on the server: what both plans call the same."""


def attribute(head: Plan, base: Plan | None) -> Plan:
    """Head's plan, each change and field with its share, and the changes of base that it masks.

    Fields with equal changes in both plans are pending, those that only head changes come from the change set, and a
    field that both change to different values is "both": it would be written anyway, and the change set says what. A
    creation or deletion that both plan is pending as such, whatever fields it has; one whose fields differ is "both".

    `masked` has what base would do and head does not: whole changes, and updates with just the fields that head
    leaves as they are. Fields that base would give a new resource and head does not are not masked, for it is made.

    Args:
        head: with no changes where it is not complete; nothing is said of it then.
        base: None where the base commit does not manage the domain; all changes come from the change set then.
    """
    if not head.complete:
        return head
    if base is None:
        return replace(head, changes=tuple(_wholly(c, "change set") for c in head.changes), hidden=())
    assert base.complete, "of a base that could not be planned nothing can be said"
    before, here = _by_live(base), _by_live(head)
    changes = tuple(_shared(change, before.get(live)) for live, change in here.items())
    hidden = (_hidden(change, here.get(live)) for live, change in before.items())
    return replace(head, changes=changes, hidden=tuple(c for c in hidden if c is not None))


def _old_names(plan: Plan) -> Mapping[tuple[KindName, str], str]:
    return {(c.kind, c.new_name): c.name for c in plan.changes if c.action == "rename" and c.new_name}


def _live(change: Change, old_names: Mapping[tuple[KindName, str], str]) -> _Live:
    if change.action == "rename":
        return True, change.kind, change.name
    return False, change.kind, old_names.get((change.kind, change.name), change.name)


def _by_live(plan: Plan) -> dict[_Live, Change]:
    old_names = _old_names(plan)
    return {_live(c, old_names): c for c in plan.changes}


def _wholly(change: Change, attribution: Attribution) -> Change:
    return replace(change, attribution=attribution, fields=tuple(replace(f, attribution=attribution) for f in change.fields))


def _does_the_same(one: Change, other: Change) -> bool:
    """Whether both do one thing to the resource, fields aside; the reason why is no part of it."""
    return one.action == other.action and one.new_name == other.new_name


def _shared(change: Change, base: Change | None) -> Change:
    """A change of head with its share, beside what base would do to the same resource."""
    if base is None or not _does_the_same(change, base):
        return _wholly(change, "change set")
    there = {f.name: f for f in base.fields}
    fields = tuple(replace(f, attribution=_attribution_of(f, there.get(f.name))) for f in change.fields)
    attributions: set[Attribution | None] = {f.attribution for f in fields}
    if change.action != "update":
        attributions.add("pending")
    dropped = change.action == "create" and there.keys() - {f.name for f in fields}
    if dropped or change.purge_after != base.purge_after:
        attributions.add("change set")
    attribution = attributions.pop() if len(attributions) == 1 else "both"
    return replace(change, attribution=attribution, fields=fields)


def _attribution_of(field: FieldChange, base: FieldChange | None) -> Attribution:
    if base is None:
        return "change set"
    return "pending" if field == base else "both"


def _hidden(change: Change, head: Change | None) -> Change | None:
    """What is left of a change of base beside what head does to the same resource; None if nothing is."""
    if head is None or not _does_the_same(change, head):
        return change
    if change.action != "update":
        return None
    written = {f.name for f in head.fields}
    left = tuple(f for f in change.fields if f.name not in written)
    return replace(change, fields=left) if left else None
