"""Guards against deletions: too many of them, and deletions of protected resources or administrators."""

from collections.abc import Iterable, Mapping

from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.kinds import BY_NAME, KINDS
from reconciler.core.model import CurrentDomain, DesiredDomain, KindName
from reconciler.core.ownership import administers, is_hosts_own, protection
from reconciler.core.plan import Change
from reconciler.core.workspace import Policy

PERCENT_FROM = 10
"""The percentage applies only from this many resources of a kind on: one of three is already 33 percent."""


def population(current: CurrentDomain, kind: KindName) -> int:
    """The number of resources of a kind, without the host's own administrator."""
    # The host's account cannot be deleted, so it must not make the percentage of the deletions smaller.
    return sum(not is_hosts_own(r) for r in current.section(kind).values())


def too_many_deletions(changes: Iterable[Change], current: CurrentDomain, policy: Policy) -> tuple[Diagnostic, ...]:
    """GRD002: more deletions of a kind in this domain than `policy.maxDeletions` allows, by count or by percent."""
    found: list[Diagnostic] = []
    deletions = [c for c in changes if c.action == "delete"]
    for kind in KINDS:
        deleted = [c for c in deletions if c.kind == kind.name]
        there = population(current, kind.name)
        above_count = len(deleted) > policy.max_deletions_count
        # Multiplied instead of divided: integers have no rounding at the boundary.
        above_percent = there >= PERCENT_FROM and len(deleted) * 100 > policy.max_deletions_percent * there
        if not (above_count or above_percent):
            continue
        percent = f" and {policy.max_deletions_percent} percent" if there >= PERCENT_FROM else ""
        found.append(
            error(
                "GRD002",
                f"{current.domain}: this plan deletes {len(deleted)} of {there} {kind.plural}; "
                f"policy.maxDeletions allows at most {policy.max_deletions_count}{percent}",
                deleted[0].origin,
                hint="if you intend all deletions, pass --allow-deletions with their exact number in the plan",
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
    """GRD001, GRD003, GRD010, REF006: deletions of protected resources, and updates that disable one before a deletion.

    The planner never plans such a change. A saved plan can contain one if the resource became protected since.
    """
    found: list[Diagnostic] = []
    for change in changes:
        resource = current.section(change.kind).get(change.name)
        # A mailbox that its own line disables (`enabled: false`) is not on its way to a deletion.
        if resource is None or not (change.action == "delete" or change.reason == "purge pending"):
            continue
        guard = protection(policy, desired, change.kind, resource, protected_before)
        if guard is not None:
            text = f"cannot delete {BY_NAME[change.kind].title} {change.address}: {guard.reason}"
            found.append(error(guard.code, text, change.origin, hint=guard.hint))
    return tuple(found)


def locked_out(changes: Iterable[Change], current: CurrentDomain) -> tuple[Diagnostic, ...]:
    """GRD003: administrators of the domain that a change disables.

    Without its administrator nobody can repair the domain, and this program itself may log in with that account.
    """
    found: list[Diagnostic] = []
    for change in changes:
        there = current.mailboxes.get(change.name) if change.kind == "mailbox" else None
        disables = any(f.name == "enabled" and f.after is False for f in change.fields)
        if disables and there is not None and administers(there):
            text = f"cannot disable mailbox {change.address}: it administers the domain"
            hint = "if you intend this, remove the administrator permission in the server's web interface first"
            found.append(error("GRD003", text, change.origin, hint=hint))
    return tuple(found)
