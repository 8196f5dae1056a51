"""Guards against deletions: too many of them, and of what nobody may delete, disable or rename away."""

from collections.abc import Iterable, Mapping

from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.kinds import BY_NAME, KINDS
from reconciler.core.model import CurrentDomain, DesiredDomain, KindName
from reconciler.core.ownership import administers, is_hosts_own, shield
from reconciler.core.plan import Change
from reconciler.core.workspace import Policy

PERCENT_FROM = 10
"""Below so many resources of a kind the percentage says nothing."""


def population(current: CurrentDomain, kind: KindName) -> int:
    """How many of a kind there are, without the host's own administrator."""
    return sum(not is_hosts_own(r) for r in current.section(kind).values())


def too_many_deletions(changes: Iterable[Change], current: CurrentDomain, policy: Policy) -> tuple[Diagnostic, ...]:
    """More deletions of a kind in this domain than `policy.maxDeletions` lets pass, by count or by percent."""
    found: list[Diagnostic] = []
    deletions = [c for c in changes if c.action == "delete"]
    for kind in KINDS:
        doomed = [c for c in deletions if c.kind == kind.name]
        there = population(current, kind.name)
        by_count = len(doomed) > policy.max_deletions_count
        by_share = there >= PERCENT_FROM and len(doomed) * 100 > policy.max_deletions_percent * there
        if not (by_count or by_share):
            continue
        attribution = f", and at most {policy.max_deletions_percent} percent of them," if there >= PERCENT_FROM else ""
        found.append(
            error(
                "GRD002",
                f"{current.domain}: {len(doomed)} of {there} {kind.plural} would be deleted; the policy lets at most "
                f"{policy.max_deletions_count}{attribution} pass",
                doomed[0].origin,
                hint="if all of them are meant, give --allow-deletions with the exact number of deletions in the plan",
            )
        )
    return tuple(found)


def protected(
    changes: Iterable[Change],
    desired: DesiredDomain,
    current: CurrentDomain,
    policy: Policy,
    protected_before: Mapping[str, str],
) -> tuple[Diagnostic, ...]:
    """Deletions, and disablings that prepare one, of what `ownership.shield` protects as things are now.

    The planner plans none of these; a plan that was saved may hold one that has become one since.
    """
    found: list[Diagnostic] = []
    for change in changes:
        resource = current.section(change.kind).get(change.name)
        if resource is None or not (change.action == "delete" or change.reason == "purge pending"):
            continue
        guard = shield(policy, desired, change.kind, resource, protected_before)
        if guard is not None:
            text = f"{BY_NAME[change.kind].title} {change.address} is not deleted: {guard.reason}"
            found.append(error(guard.code, text, change.origin, hint=guard.hint))
    return tuple(found)


def locked_out(changes: Iterable[Change], current: CurrentDomain) -> tuple[Diagnostic, ...]:
    """Administrators of the domain whom a change would disable: then nobody could mend it, ourselves included."""
    found: list[Diagnostic] = []
    for change in changes:
        there = current.mailboxes.get(change.name) if change.kind == "mailbox" else None
        disables = any(f.name == "enabled" and f.after is False for f in change.fields)
        if disables and there is not None and administers(there):
            text = f"mailbox {change.address} administers the domain and is not disabled"
            hint = "take that right away in the server's own interface first, if it is meant"
            found.append(error("GRD003", text, change.origin, hint=hint))
    return tuple(found)
