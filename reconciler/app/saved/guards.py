"""The guards, asked again for what is left of a saved plan, against the live state and the files as they are now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.app.plan.planner import internal_domains
from reconciler.app.saved.plan_file import SavedPlan
from reconciler.config.workspace import Configuration
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.guards.domain import objections
from reconciler.core.guards.run import allowed_deletions, dangling_across
from reconciler.core.model import Alias, CurrentDomain, DesiredDomain, Mailbox, Renaming, Unset
from reconciler.core.plan import Change, Plan
from reconciler.core.product import Limits
from reconciler.engine.journal.inventory import Inventory


def objections_now(
    rest: Sequence[Plan],
    seen: Mapping[str, CurrentDomain],
    config: Configuration,
    saved: SavedPlan,
    inventory: Inventory,
) -> dict[str, list[Diagnostic]]:
    """What forbids, or is to be said of, what is left of a saved plan: domain -> diagnostics.

    Args:
        rest: the plans with only those changes that are to be made, of domains that were read.
        seen: the live state of these domains.
        inventory: what the journals tell, for protection that outlives its line.
    """
    internal = internal_domains(config, seen)
    said: dict[str, list[Diagnostic]] = {p.domain: [] for p in rest}
    allowed = saved.request.allow_deletions
    if allowed is not None and sum(p.count("delete") for p in rest) > allowed:
        # Fewer is fine: some may be done already. More cannot be, in a plan that this program wrote.
        objection = allowed_deletions(rest, allowed)
        assert objection is not None, "there are more than allowed"
        for plan in rest:
            said[plan.domain] += [objection] if plan.count("delete") else []
    for domain, diagnostic in dangling_across(rest, seen, internal):
        said[domain].append(diagnostic)
    for plan in rest:
        if plan.changes:
            said[plan.domain] += _of_domain(plan, seen[plan.domain], config, saved, inventory, internal)
    return said


def _of_domain(
    rest: Plan,
    seen: CurrentDomain,
    config: Configuration,
    saved: SavedPlan,
    inventory: Inventory,
    internal: frozenset[str],
) -> tuple[Diagnostic, ...]:
    desired = config.domains[rest.domain]
    product = config.products.get(desired.product or "")
    known = inventory.protected(rest.server, rest.domain)
    before = {} if known is None else dict.fromkeys(known[0], f"in the last apply, run {known[1]}")
    desired, protected = _renamed_back(desired, rest.changes)
    return objections(
        rest.changes,
        desired,
        seen,
        config.workspace.policy,
        product.limits if product else Limits(),
        internal,
        deletions_allowed=saved.request.allow_deletions is not None,
        protected_before=before | protected,
    )


def _renamed_back(desired: DesiredDomain, changes: Sequence[Change]) -> tuple[DesiredDomain, dict[str, str]]:
    """The file as the plan's renames would have it, for renames that it does not ask for: those of a rollback.

    The guards refuse a rename that no file asks for, because the file still has the old name. A protection of the old
    name stays: it is given back beside.
    """
    asked = {(r.kind, r.old, r.new) for r in desired.renamed}
    protected: dict[str, str] = {}
    for change in changes:
        new = change.new_name
        if new is None or (change.kind, change.name, new) in asked:
            continue
        if change.kind == "mailbox":
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
        kept = tuple(r for r in desired.renamed if r.kind != change.kind or not names & {r.old, r.new})
        gone = tuple(r for r in desired.removed if r.kind != change.kind or r.name not in names)
        desired = replace(desired, renamed=(*kept, renaming), removed=gone)
    return desired, protected
