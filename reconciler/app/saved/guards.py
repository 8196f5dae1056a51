"""The guards of a domain for the pending changes of a saved plan, with the current state, files and journals."""

from collections.abc import Sequence
from dataclasses import replace

from reconciler.app.plan.planner import Planner
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.guards.domain import objections
from reconciler.core.model import Alias, CurrentDomain, DesiredDomain, Mailbox, Renaming, Unset
from reconciler.core.plan import Change, Plan
from reconciler.core.product import Limits


def objections_now(pending: Plan, seen: CurrentDomain, planner: Planner) -> tuple[Diagnostic, ...]:
    """The diagnostics of the guards of one domain, for the changes that are still to be made.

    Args:
        pending: the saved plan with only these changes.
        seen: the current state of the domain.
        planner: of the run; its files and journals are those of today, not those of the day of the plan.
    """
    config = planner.config
    desired = config.domains[pending.domain]
    product = config.products.get(desired.product or "")
    before = planner.protected_before(desired, seen)
    desired, protected = _renamed_back(desired, pending.changes)
    return objections(
        pending.changes,
        desired,
        seen,
        planner.policy,
        product.limits if product else Limits(),
        planner.internal,
        deletions_allowed=planner.request.allow_deletions is not None,
        protected_before={**before, **protected},
    )


def _renamed_back(desired: DesiredDomain, changes: Sequence[Change]) -> tuple[DesiredDomain, dict[str, str]]:
    """The file as it would be after the renames of a rollback, which no file asks for.

    The guards refuse a rename if the file still declares the old name. The second value keeps the protection
    of the names before the rename, which the changed file no longer states.
    """
    asked = {(r.kind, r.old, r.new) for r in desired.renamed}
    protected: dict[str, str] = {}
    for change in changes:
        new = change.new_name
        if new is None or (change.kind, change.name, new) in asked:
            continue
        if change.kind == "mailbox":
            # The guards only need the declared names, so a mailbox without fields is sufficient.
            boxes = {} if isinstance(desired.mailboxes, Unset) else dict(desired.mailboxes)
            old = boxes.pop(change.name, None)
            protected |= {change.name: "in the files"} if old is not None and old.protect else {}
            desired = replace(desired, mailboxes={new: Mailbox(name=new), **boxes})
        else:
            aliases = {} if isinstance(desired.aliases, Unset) else dict(desired.aliases)
            aliases.pop(change.name, None)
            desired = replace(desired, aliases={new: Alias(name=new), **aliases})
        renaming = Renaming(kind=change.kind, old=change.name, new=new, origin=change.origin)
        names = {change.name, new}
        # The files still hold the rename that the run applied. It is the opposite of this one.
        kept = tuple(r for r in desired.renamed if r.kind != change.kind or not names & {r.old, r.new})
        gone = tuple(r for r in desired.removed if r.kind != change.kind or r.name not in names)
        desired = replace(desired, renamed=(*kept, renaming), removed=gone)
    return desired, protected
