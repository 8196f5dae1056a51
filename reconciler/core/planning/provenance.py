"""The origin of each change of a plan, for reviewers: pure functions that only annotate the plan.

`directed` sets the direction: somebody changed the server, the files, or both since they were last equal. The sources
are the files of a base commit and the journals of earlier runs; without either the direction stays unknown.

`attribute` sets the attribution: introduced by this change set, already pending, or hidden by this change set. It
compares two plans of one domain against the same read: `base` for the files of a base commit, `head` for the current
files. Changes in both plans were pending before (drift, or a merge that was not applied). Changes only in `head` are
introduced by this change set; changes only in `base` are hidden by it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from reconciler.core.kinds import BY_NAME
from reconciler.core.model import DesiredDomain, KindName, Resource, Unset, Value
from reconciler.core.plan import Attribution, Change, Direction, FieldChange, Plan


class LastKnown(Protocol):
    """The state of a resource after the last apply: whether it existed, and its fields, as far as the journals know."""

    @property
    def exists(self) -> bool: ...

    @property
    def fields(self) -> Mapping[str, Value]: ...


Lookup = Callable[[KindName, str], LastKnown | None]
"""(kind, address) -> the last known state of the resource; None = unknown."""


def directed(plan: Plan, base: DesiredDomain | None, known: Lookup) -> Plan:
    """The plan with the direction of its changes and fields, as far as it is known.

    If the server is as the last apply left it, the files changed ("git"), whatever base contains: a merge that was not
    applied is not drift. Otherwise the last agreed value is the one in base's file, or else the one of the last apply.
    If the files still have that value, the direction is "server"; if the server has it, "git"; if neither, "both". A
    field that base does not manage and no apply wrote differs because the files manage it now ("git").

    The creation of a resource that existed before means that somebody deleted it on the server. A deletion, disabling
    or rename that base's file also requests means that somebody reversed it on the server. An update has the common
    direction of its fields, or none if one of them is unknown. Passwords have no direction, because servers do not
    return them.
    """
    # Base and journals know a resource of this plan by the name that it had before the rename.
    old_names = {(c.kind, c.new_name): c.name for c in plan.changes if c.action == "rename"}

    def one(change: Change) -> Change:
        before = replace(change, name=old_names.get((change.kind, change.name), change.name))
        last = known(change.kind, before.address)
        if change.action == "update" and change.reason != "purge pending":
            resource = _declared(base, change.kind, change.name) or _declared(base, change.kind, before.name)
            return _update(change, resource, last, "git" if base else None)
        return replace(change, direction=_BY_ACTION[change.action](change, base, last))

    return replace(plan, changes=tuple(one(c) for c in plan.changes))


def _declared(base: DesiredDomain | None, kind: KindName, name: str) -> Resource | None:
    section = base.section(kind) if base else None
    return None if section is None or isinstance(section, Unset) else section.get(name)


def _update(change: Change, base: Resource | None, last: LastKnown | None, otherwise: Direction | None) -> Change:
    def one(field: FieldChange) -> FieldChange:
        return replace(field, direction=_field(change.kind, field, base, last) or otherwise)

    fields = tuple(f if f.sensitive else one(f) for f in change.fields)
    # An unknown field makes the direction of the change unknown: a guess could blame the wrong side.
    found = {f.direction for f in fields if not f.sensitive}
    direction: Direction | None = None
    if found and None not in found:
        direction = found.pop() if len(found) == 1 else "both"
    return replace(change, fields=fields, direction=direction)


def _field(kind: KindName, field: FieldChange, base: Resource | None, last: LastKnown | None) -> Direction | None:
    applied = last.fields.get(field.name) if last and last.exists else None
    declared = getattr(base, BY_NAME[kind].field(field.name).attribute) if base else None
    # The journal comes first: if the server still has the applied value, nobody changed it there.
    if applied is not None and applied == field.before:
        return "git"
    agreed: Value | None = applied if declared is None or isinstance(declared, Unset) else declared
    if agreed is None:
        return None
    if agreed == field.after:
        return "server"
    return "git" if agreed == field.before else "both"


def _creation(change: Change, base: DesiredDomain | None, last: LastKnown | None) -> Direction | None:
    # The last apply deleted it, so the new declaration is the only change.
    if last and not last.exists:
        return "git"
    if base is None:
        return "server" if last else None
    if _declared(base, change.kind, change.name):
        return "server"
    return "both" if last else "git"


def _deletion(change: Change, base: DesiredDomain | None, last: LastKnown | None) -> Direction | None:
    """The direction of a deletion, or of the disabling that precedes it."""
    if base is None:
        return _journalled(change, last)
    if change.reason == "pruned":
        # Pruning follows from the files if base still declared the resource, or did not manage the section at all.
        declared = _declared(base, change.kind, change.name) is not None
        files_changed = declared or isinstance(base.section(change.kind), Unset)
    else:
        files_changed = all((r.kind, r.name) != (change.kind, change.name) for r in base.removed)
    return "git" if files_changed or _unchanged_since_apply(change, last) else "server"


def _rename(change: Change, base: DesiredDomain | None, last: LastKnown | None) -> Direction | None:
    if base is None:
        return _journalled(change, last)
    files_changed = all((r.kind, r.old, r.new) != (change.kind, change.name, change.new_name) for r in base.renamed)
    return "git" if files_changed or _unchanged_since_apply(change, last) else "server"


def _journalled(change: Change, last: LastKnown | None) -> Direction | None:
    """The direction from the journals alone: "git" if the resource is as the last apply left it, else "server"."""
    if last is None:
        return None
    return "git" if _unchanged_since_apply(change, last) else "server"


def _unchanged_since_apply(change: Change, last: LastKnown | None) -> bool:
    """Whether the resource is as the last apply left it, as far as this change affects it."""
    if last is None or not last.exists:
        return False
    return all(last.fields.get(f.name, f.before) == f.before for f in change.fields if not f.sensitive)


_BY_ACTION = {"create": _creation, "update": _deletion, "delete": _deletion, "rename": _rename}
"""The rule for changes that have one direction as a unit. The only updates among them disable a mailbox before its
deletion (`purge pending`)."""

_Live = tuple[bool, KindName, str]
"""Whether it is a rename, and the resource's kind and current name on the server. Both plans agree on these."""


def attribute(head: Plan, base: Plan | None) -> Plan:
    """Head's plan with the attribution of each change and field, and the changes of base that it hides.

    A field with equal changes in both plans is pending; one that only head changes comes from the change set. A field
    that both change to different values is "both": it would be written anyway, and the change set sets the value. A
    creation or deletion in both plans is pending, whatever its fields; with different fields it is "both".

    `hidden` contains the changes that base would make and head does not: complete changes, and updates with only the
    fields that head leaves unchanged. Fields that only base gives to a new resource are not hidden changes, because
    head creates the resource.

    Args:
        head: returned unchanged if it is incomplete: it has no changes to attribute.
        base: None if the base commit does not manage the domain; then all changes come from the change set.
    """
    if not head.complete:
        return head
    if base is None:
        return replace(head, changes=tuple(_all_from(c, "change set") for c in head.changes), hidden=())
    assert base.complete, "a base that could not be planned attributes nothing"
    before, here = _by_live(base), _by_live(head)
    changes = tuple(_attributed(change, before.get(live)) for live, change in here.items())
    hidden = (_hidden(change, here.get(live)) for live, change in before.items())
    return replace(head, changes=changes, hidden=tuple(c for c in hidden if c is not None))


def _old_names(plan: Plan) -> Mapping[tuple[KindName, str], str]:
    return {(c.kind, c.new_name): c.name for c in plan.changes if c.action == "rename" and c.new_name}


def _live(change: Change, old_names: Mapping[tuple[KindName, str], str]) -> _Live:
    if change.action == "rename":
        return True, change.kind, change.name
    # The update of a renamed resource has the new name, but on the server it still has the old one.
    return False, change.kind, old_names.get((change.kind, change.name), change.name)


def _by_live(plan: Plan) -> dict[_Live, Change]:
    old_names = _old_names(plan)
    return {_live(c, old_names): c for c in plan.changes}


def _all_from(change: Change, attribution: Attribution) -> Change:
    return replace(
        change, attribution=attribution, fields=tuple(replace(f, attribution=attribution) for f in change.fields)
    )


def _does_the_same(one: Change, other: Change) -> bool:
    """Whether both have the same effect on the resource, apart from fields. The reason of a change is not compared."""
    return one.action == other.action and one.new_name == other.new_name


def _attributed(change: Change, base: Change | None) -> Change:
    """A change of head with its attribution, given base's change of the same resource."""
    if base is None or not _does_the_same(change, base):
        return _all_from(change, "change set")
    there = {f.name: f for f in base.fields}
    fields = tuple(replace(f, attribution=_attribution_of(f, there.get(f.name))) for f in change.fields)
    attributions: set[Attribution | None] = {f.attribution for f in fields}
    # The fields of an update are its only effect. Other actions have one themselves, and base has the same action.
    if change.action != "update":
        attributions.add("pending")
    dropped = change.action == "create" and there.keys() - {f.name for f in fields}
    # Head omits a field or sets another date. Without this line the change would be "pending" although the files
    # changed it.
    if dropped or change.purge_after != base.purge_after:
        attributions.add("change set")
    attribution = attributions.pop() if len(attributions) == 1 else "both"
    return replace(change, attribution=attribution, fields=fields)


def _attribution_of(field: FieldChange, base: FieldChange | None) -> Attribution:
    if base is None:
        return "change set"
    return "pending" if field == base else "both"


def _hidden(change: Change, head: Change | None) -> Change | None:
    """The rest of a change of base that head's change of the same resource leaves out; None if nothing is left."""
    if head is None or not _does_the_same(change, head):
        return change
    if change.action != "update":
        return None
    written = {f.name for f in head.fields}
    left = tuple(f for f in change.fields if f.name not in written)
    return replace(change, fields=left) if left else None
