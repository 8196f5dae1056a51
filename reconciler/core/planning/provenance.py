"""Where a difference came from: somebody changed the server, the files, or both, since they were last equal. Pure.

Two witnesses tell how things were: the file of a base commit, and what the journals say of the last apply. Where
neither knows, nothing is said.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from reconciler.core.kinds import BY_NAME
from reconciler.core.model import DesiredDomain, KindName, Resource, Unset, Value
from reconciler.core.plan import Attribution, Change, Direction, FieldChange, Plan


class LastKnown(Protocol):
    """What is known of a resource as the last apply left it: whether it was there, and its fields, as far as known."""

    @property
    def exists(self) -> bool: ...

    @property
    def fields(self) -> Mapping[str, Value]: ...


Lookup = Callable[[KindName, str], LastKnown | None]
"""(kind, address) -> what is known of that resource; None where nothing is."""


def directed(plan: Plan, base: DesiredDomain | None, known: Lookup) -> Plan:
    """The plan with the direction of its changes and fields, as far as it is known.

    Where the server is as the last apply left it, the files moved ("git"), whatever base says: a merge that was not
    applied is no drift. Else the value that base's file has counts as the last that both agreed on, or where that
    has none, the last apply's: the files still have it ("server"), the server does ("git"), or neither ("both"). What
    base does not manage and no apply has touched differs because the files manage it now ("git").

    A creation of what was there before was deleted on the server; a deletion, disabling or rename that base's file
    asks for as well was undone there. An update has the direction that all its fields have, and none where that of
    one is not known; a password has none, for it cannot be read.
    """
    old_names = {(c.kind, c.new_name): c.name for c in plan.changes if c.action == "rename"}

    def one(change: Change) -> Change:
        before = replace(change, name=old_names.get((change.kind, change.name), change.name))
        last = known(change.kind, before.address)
        if change.action == "update" and change.reason != "purge pending":
            resource = _declared(base, change.kind, change.name) or _declared(base, change.kind, before.name)
            return _update(change, resource, last, "git" if base else None)
        return replace(change, direction=_WHOLE[change.action](change, base, last))

    return replace(plan, changes=tuple(one(c) for c in plan.changes))


def _declared(base: DesiredDomain | None, kind: KindName, name: str) -> Resource | None:
    section = base.section(kind) if base else None
    return None if section is None or isinstance(section, Unset) else section.get(name)


def _update(change: Change, base: Resource | None, last: LastKnown | None, otherwise: Direction | None) -> Change:
    def one(field: FieldChange) -> FieldChange:
        return replace(field, direction=_field(change.kind, field, base, last) or otherwise)

    fields = tuple(f if f.sensitive else one(f) for f in change.fields)
    found = {f.direction for f in fields if not f.sensitive}
    direction: Direction | None = None
    if found and None not in found:
        direction = found.pop() if len(found) == 1 else "both"
    return replace(change, fields=fields, direction=direction)


def _field(kind: KindName, field: FieldChange, base: Resource | None, last: LastKnown | None) -> Direction | None:
    applied = last.fields.get(field.name) if last and last.exists else None
    declared = getattr(base, BY_NAME[kind].field(field.name).attribute) if base else None
    if applied is not None and applied == field.before:
        return "git"
    agreed: Value | None = applied if declared is None or isinstance(declared, Unset) else declared
    if agreed is None:
        return None
    if agreed == field.after:
        return "server"
    return "git" if agreed == field.before else "both"


def _creation(change: Change, base: DesiredDomain | None, last: LastKnown | None) -> Direction | None:
    if last and not last.exists:
        return "git"
    if base is None:
        return "server" if last else None
    if _declared(base, change.kind, change.name):
        return "server"
    return "both" if last else "git"


def _deletion(change: Change, base: DesiredDomain | None, last: LastKnown | None) -> Direction | None:
    """Of a deletion, or of the disabling that comes before it."""
    if base is None:
        return _journalled(change, last)
    if change.reason == "pruned":
        declared = _declared(base, change.kind, change.name) is not None
        moved_here = declared or isinstance(base.section(change.kind), Unset)
    else:
        moved_here = all((r.kind, r.name) != (change.kind, change.name) for r in base.removed)
    return "git" if moved_here or _is_as_applied(change, last) else "server"


def _rename(change: Change, base: DesiredDomain | None, last: LastKnown | None) -> Direction | None:
    if base is None:
        return _journalled(change, last)
    moved_here = all((r.kind, r.old, r.new) != (change.kind, change.name, change.new_name) for r in base.renamed)
    return "git" if moved_here or _is_as_applied(change, last) else "server"


def _journalled(change: Change, last: LastKnown | None) -> Direction | None:
    """By the journals alone: a resource is as they know it, or is there again, or differently, after the last apply."""
    if last is None:
        return None
    return "git" if _is_as_applied(change, last) else "server"


def _is_as_applied(change: Change, last: LastKnown | None) -> bool:
    """Whether the resource is as the last apply left it, as far as this change would alter it."""
    if last is None or not last.exists:
        return False
    return all(last.fields.get(f.name, f.before) == f.before for f in change.fields if not f.sensitive)


_WHOLE = {"create": _creation, "update": _deletion, "delete": _deletion, "rename": _rename}
"""How the direction of a change is found that is judged as one; an update among them is a purge pending."""


# Whose a change is: made by this change set, pending without it, or hidden by it. Two plans are compared, purely.
#
# Both are plans of one domain against one and the same read: `base` for the files of a base commit, `head` for those
# here. So what both would do was pending before (drift, or a merge that was not applied), what only head would do comes
# from this change set, and what only base would do is masked by it.


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
    return replace(
        change, attribution=attribution, fields=tuple(replace(f, attribution=attribution) for f in change.fields)
    )


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
