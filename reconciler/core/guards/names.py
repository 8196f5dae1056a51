"""Guards over names: one that is taken, and a rename that cannot be."""

from collections.abc import Iterable, Mapping

from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.kinds import BY_NAME
from reconciler.core.model import CurrentDomain, DesiredDomain, KindName, Renaming, Unset
from reconciler.core.ownership import shield
from reconciler.core.plan import Change
from reconciler.core.workspace import Policy

_OTHER: Mapping[KindName, KindName] = {"mailbox": "alias", "alias": "mailbox"}
"""Mailboxes and aliases of a domain share their names."""


def names_taken(changes: Iterable[Change], current: CurrentDomain) -> tuple[Diagnostic, ...]:
    """Mailboxes and aliases that would get a name which the other kind has, and which no change gives up."""
    listed = list(changes)
    freed = {(c.kind, c.name) for c in listed if c.action in ("delete", "rename")}
    found: list[Diagnostic] = []
    for change in listed:
        name = change.new_name or change.name
        other = _OTHER.get(change.kind)
        if other is None or change.action not in ("create", "rename"):
            continue
        if name in current.section(other) and (other, name) not in freed:
            word, section = BY_NAME[other].title, BY_NAME[other].section
            text = f"{change.kind} {name}@{change.domain} cannot be made: the {word} {name} has that name and keeps it"
            found.append(error("NAM005", text, change.origin, hint=f"to replace it, name it in `removed.{section}`"))
    return tuple(found)


def twice(changes: Iterable[Change]) -> tuple[Diagnostic, ...]:
    """One account both deleted and created, of one kind: its mail would be lost, and nothing be gained."""
    listed = list(changes)
    deleted = {(c.kind, c.name) for c in listed if c.action == "delete"}
    return tuple(
        error(
            "NAM006",
            f"{BY_NAME[c.kind].title} {c.name} would be deleted and made again, which would lose what is in it",
            c.origin,
            hint="decide for one of the two; only a change of kind (mailbox to alias, or back) may do both",
        )
        for c in listed
        if c.action in ("create", "rename") and (c.kind, c.new_name or c.name) in deleted
    )


def renames_refused(
    changes: Iterable[Change],
    desired: DesiredDomain,
    current: CurrentDomain,
    policy: Policy,
    protected_before: Mapping[str, str],
) -> tuple[Diagnostic, ...]:
    """Renames among the changes that cannot be, as things are now."""
    wanted = (
        Renaming(kind=c.kind, old=c.name, new=c.new_name or c.name, origin=c.origin)
        for c in changes
        if c.action == "rename"
    )
    found = (rename_refused(desired, current, policy, renaming, protected_before) for renaming in wanted)
    return tuple(one for one in found if one is not None)


def rename_refused(
    desired: DesiredDomain,
    current: CurrentDomain,
    policy: Policy,
    renaming: Renaming,
    protected_before: Mapping[str, str],
) -> Diagnostic | None:
    """Why a rename cannot be planned; None if it can. Looks at nothing that depends on the order of renames."""
    title, old = BY_NAME[renaming.kind].title, renaming.old
    there = current.section(renaming.kind).get(old)
    guard = None if there is None else shield(policy, desired, renaming.kind, there, protected_before)
    hint = "a rename needs two names that stand for nothing else; or take it back"
    if guard is not None and guard.code != "REF006":
        fault = guard.reason
        hint = "keep the name, and make an alias of the other one"
        if guard.code == "GRD010":
            hint = f"in two steps: declare {old} without `protect: true` and apply; then rename it"
    else:
        fault = _rename_fault(desired, current, policy, renaming)
    if not fault:
        return None
    return error("GRD005", f"{title} {old} cannot be renamed to {renaming.new}: {fault}", renaming.origin, hint=hint)


def _rename_fault(desired: DesiredDomain, current: CurrentDomain, policy: Policy, renaming: Renaming) -> str:
    kind, old, new = renaming.kind, renaming.old, renaming.new
    other = _OTHER.get(kind)
    if other is None:
        return "a domain alias has nothing but its name; remove the one and declare the other"
    section = desired.section(kind)
    declared = set() if isinstance(section, Unset) else set(section)
    removed = {(r.kind, r.name) for r in desired.removed}
    touching = [r for r in desired.renamed if r.kind == kind and r != renaming and {r.old, r.new} & {old, new}]
    faults = [
        (policy.ignores(kind, old) or policy.ignores(kind, new), "the workspace's policy ignores it"),
        (old in declared, f"{old} is declared too"),
        (new not in declared, f"{new} is not declared"),
        ((kind, old) in removed or (kind, new) in removed, "one of the two names is to be removed too"),
        (bool(touching), "another rename has one of the two names"),
        (new in current.section(kind), f"the name {new} is in use"),
        (new in current.section(other) and (other, new) not in removed, f"the name {new} is in use"),
    ]
    return next((why for at_fault, why in faults if at_fault), "")
