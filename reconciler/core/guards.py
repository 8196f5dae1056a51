"""What a plan must not do. Each guard gives the numbers and the way out; a guard errs towards refusing."""

from collections.abc import Iterable, Mapping, Sequence

from reconciler.core.diagnostics import Diagnostic, error, warning
from reconciler.core.kinds import BY_NAME, KINDS
from reconciler.core.model import CurrentDomain, DesiredDomain, KindName, Renaming, Unset
from reconciler.core.names import split_address
from reconciler.core.ownership import is_hosts_own
from reconciler.core.plan import Change, Plan
from reconciler.core.product import Limits
from reconciler.core.source import Span
from reconciler.core.workspace import Policy

PERCENT_FROM = 10
"""Below so many resources of a kind the percentage says nothing."""


def population(current: CurrentDomain, kind: KindName) -> int:
    """How many of a kind there are, without the host's own administrator."""
    return sum(not is_hosts_own(r) for r in current.section(kind).values())


def too_many_deletions(changes: Iterable[Change], current: CurrentDomain, policy: Policy) -> tuple[Diagnostic, ...]:
    """More deletions of a kind in this domain than `policy.maxDeletions` lets pass."""
    found: list[Diagnostic] = []
    deletions = [c for c in changes if c.action == "delete"]
    for kind in KINDS:
        doomed = [c for c in deletions if c.kind == kind.name]
        there = population(current, kind.name)
        by_count = len(doomed) > policy.max_deletions_count
        by_share = there >= PERCENT_FROM and len(doomed) * 100 > policy.max_deletions_percent * there
        if not (by_count or by_share):
            continue
        share = f", and at most {policy.max_deletions_percent} percent of them," if there >= PERCENT_FROM else ""
        found.append(
            error(
                "GRD002",
                f"{current.domain}: {len(doomed)} of {there} {kind.plural} would be deleted; the policy lets at most "
                f"{policy.max_deletions_count}{share} pass",
                doomed[0].origin,
                hint="if all of them are meant, give --allow-deletions with the exact number of deletions in the plan",
            )
        )
    return tuple(found)


def allowed_deletions(plans: Sequence[Plan], allowed: int) -> Diagnostic | None:
    """The number given with `--allow-deletions` must be the number of deletions in all plans together."""
    total = sum(p.count("delete") for p in plans)
    if total == allowed:
        return None
    return error(
        "GRD004",
        f"--allow-deletions {allowed} was given, but the plan has {total} deletion{'s' * (total != 1)}",
        hint="look at the plan again; the number must be exact",
    )


def over_limits(
    changes: Iterable[Change], current: CurrentDomain, limits: Limits, origin: Span
) -> tuple[Diagnostic, ...]:
    """More of a kind afterwards than product or server allow, unmanaged ones counted, where the plan adds any."""
    listed = list(changes)
    server = current.limits
    rows: Mapping[KindName, tuple[int | None, int | None]] = {
        "mailbox": (limits.mailboxes or None, server.mailboxes or None),
        "alias": (limits.aliases or None, server.aliases or None),
        "domainAlias": (limits.domain_aliases, server.domain_aliases or None),
    }
    found: list[Diagnostic] = []
    for kind, (sold, served) in rows.items():
        created = [c for c in listed if c.kind == kind and c.action == "create"]
        if not created:
            continue
        deleted = sum(c.kind == kind and c.action == "delete" for c in listed)
        there = population(current, kind)
        after = there + len(created) - deleted
        for owner, limit in (("the product", sold), ("the server", served)):
            if limit is not None and after > limit:
                found.append(
                    error(
                        "GRD008",
                        f"{current.domain}: {there} {BY_NAME[kind].plural} on the server, {len(created)} more and "
                        f"{deleted} fewer make {after}; {owner} allows {limit}",
                        created[0].origin or origin,
                        hint="remove some, or raise the limit; unmanaged ones count too",
                    )
                )
    return tuple(found)


def locked_out(changes: Iterable[Change], current: CurrentDomain) -> tuple[Diagnostic, ...]:
    """Administrators of the domain whom a change would disable: then nobody could mend it, ourselves included."""
    found: list[Diagnostic] = []
    for change in changes:
        there = current.mailboxes.get(change.name) if change.kind == "mailbox" else None
        disables = any(f.name == "enabled" and f.after is False for f in change.fields)
        if disables and there is not None and (there.facts.is_admin or there.facts.is_primary_admin):
            text = f"mailbox {change.address} administers the domain and is not disabled"
            hint = "take that right away in the server's own interface first, if it is meant"
            found.append(error("GRD003", text, change.origin, hint=hint))
    return tuple(found)


def mail_leaving(changes: Iterable[Change], internal_domains: frozenset[str], policy: Policy) -> tuple[Diagnostic, ...]:
    """Targets outside the workspace's domains that a change adds, as `policy.externalForwarding` wants them said."""
    if policy.external_forwarding == "allow":
        return ()
    say = error if policy.external_forwarding == "deny" else warning
    return tuple(
        say(
            "GRD007",
            f"{change.kind} {change.address} would send mail outside, to {', '.join(outside)}",
            change.origin,
            hint="policy.externalForwarding in reconciler.yaml decides whether that is allowed",
        )
        for change in changes
        if (outside := external_targets(change, internal_domains))
    )


def external_targets(change: Change, internal_domains: frozenset[str]) -> tuple[str, ...]:
    """The addresses outside `internal_domains` that a change newly sends mail to."""
    added: set[str] = set()
    for field in change.fields:
        if isinstance(field.after, tuple):
            before = field.before if isinstance(field.before, tuple) else ()
            added |= set(field.after) - set(before)
    return tuple(sorted(t for t in added if split_address(t)[1] not in internal_domains))


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


def rename_fault(desired: DesiredDomain, current: CurrentDomain, policy: Policy, renaming: Renaming) -> str:
    """Why a rename cannot be planned; empty if it can. Looks at nothing that depends on the order of renames."""
    kind, old, new = renaming.kind, renaming.old, renaming.new
    other = _OTHER.get(kind)
    if other is None:
        return "a domain alias has nothing but its name; remove the one and declare the other"
    section = desired.section(kind)
    declared = set() if isinstance(section, Unset) else set(section)
    removed = {(r.kind, r.name) for r in desired.removed}
    touching = [r for r in desired.renamed if r.kind == kind and r != renaming and {r.old, r.new} & {old, new}]
    faults = [
        (is_hosts_own(current.section(kind)[old]), f"{old} administers the domain: it is the host's"),
        (policy.ignores(kind, old) or policy.ignores(kind, new), "the workspace's policy ignores it"),
        (old in declared, f"{old} is declared too"),
        (new not in declared, f"{new} is not declared"),
        ((kind, old) in removed or (kind, new) in removed, "one of the two names is to be removed too"),
        (bool(touching), "another rename has one of the two names"),
        (new in current.section(kind), f"the name {new} is in use"),
        (new in current.section(other) and (other, new) not in removed, f"the name {new} is in use"),
    ]
    return next((why for at_fault, why in faults if at_fault), "")


_OTHER: Mapping[KindName, KindName] = {"mailbox": "alias", "alias": "mailbox"}
"""Mailboxes and aliases of a domain share their names."""
