"""Guards for names: names that are in use, and renames that are impossible."""

from collections.abc import Iterable, Mapping

from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.kinds import BY_NAME
from reconciler.core.model import CurrentDomain, DesiredDomain, KindName, Renaming, Unset
from reconciler.core.ownership import protection
from reconciler.core.plan import Change
from reconciler.core.workspace import Policy

_OTHER: Mapping[KindName, KindName] = {"mailbox": "alias", "alias": "mailbox"}
"""A name of a domain belongs to one mailbox or one alias."""


def names_taken(changes: Iterable[Change], current: CurrentDomain) -> tuple[Diagnostic, ...]:
    """NAM005: new or renamed mailboxes and aliases whose name the other kind has and keeps."""
    listed = list(changes)
    # Names of the same kind need no check: there the planner updates the existing resource instead of creating one.
    freed = {(c.kind, c.name) for c in listed if c.action in ("delete", "rename")}
    found: list[Diagnostic] = []
    for change in listed:
        name = change.new_name or change.name
        other = _OTHER.get(change.kind)
        if other is None or change.action not in ("create", "rename"):
            continue
        if name in current.section(other) and (other, name) not in freed:
            word, section = BY_NAME[other].title, BY_NAME[other].section
            text = f"cannot create {change.kind} {name}@{change.domain}: the {word} {name} has that name"
            hint = f"to replace the {word}, list {name} in `removed.{section}`"
            found.append(error("NAM005", text, change.origin, hint=hint))
    return tuple(found)


def twice(changes: Iterable[Change]) -> tuple[Diagnostic, ...]:
    """NAM006: an account that is deleted and created again with the same kind. Its mail would be lost for nothing."""
    listed = list(changes)
    deleted = {(c.kind, c.name) for c in listed if c.action == "delete"}
    return tuple(
        error(
            "NAM006",
            f"{BY_NAME[c.kind].title} {c.name} would be deleted and created again; its content would be lost",
            c.origin,
            hint="remove one of the two entries; only a change of kind (mailbox to alias, or the reverse) needs both",
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
    """GRD005: renames among the changes that are impossible with the current state of the domain."""
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
    """Why a rename is impossible; None if it is possible. The result does not depend on the order of renames."""
    title, old = BY_NAME[renaming.kind].title, renaming.old
    there = current.section(renaming.kind).get(old)
    guard = None if there is None else protection(policy, desired, renaming.kind, there, protected_before)
    hint = "choose a new name that nothing else uses, or remove the rename"
    # An ignored resource may not be renamed either, but `_rename_fault` reports that for both names.
    if guard is not None and guard.code != "REF006":
        fault = guard.reason
        hint = "keep the name, and create an alias with the new one"
        if guard.code == "GRD010":
            hint = f"first declare {old} without `protect: true` and apply; then rename it in a second change"
    else:
        fault = _rename_fault(desired, current, policy, renaming)
    if not fault:
        return None
    return error("GRD005", f"cannot rename {title} {old} to {renaming.new}: {fault}", renaming.origin, hint=hint)


def _rename_fault(desired: DesiredDomain, current: CurrentDomain, policy: Policy, renaming: Renaming) -> str:
    kind, old, new = renaming.kind, renaming.old, renaming.new
    other = _OTHER.get(kind)
    if other is None:
        return "a domain alias has no content to keep; remove the old name and declare the new one"
    section = desired.section(kind)
    declared = set() if isinstance(section, Unset) else set(section)
    removed = {(r.kind, r.name) for r in desired.removed}
    touching = [r for r in desired.renamed if r.kind == kind and r != renaming and {r.old, r.new} & {old, new}]
    # All faults are conflicts within the file or with the server; the first one is enough for a remedy.
    faults = [
        (policy.ignores(kind, old) or policy.ignores(kind, new), "the workspace's policy ignores it"),
        (old in declared, f"the file still declares {old}"),
        (new not in declared, f"the file does not declare {new}"),
        ((kind, old) in removed or (kind, new) in removed, "the file also removes one of the two names"),
        (bool(touching), "another rename uses one of the two names"),
        (new in current.section(kind), f"the name {new} is in use"),
        # A removal of the other kind frees the name in the same plan; pruning does not count, because nobody wrote it.
        (new in current.section(other) and (other, new) not in removed, f"the name {new} is in use"),
    ]
    return next((why for at_fault, why in faults if at_fault), "")
