"""Guards for the targets of mail: addresses outside the workspace, and deleted addresses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.core.diagnostics import Diagnostic, error, warning
from reconciler.core.guards.projected import Reference, names_after, references_after
from reconciler.core.model import CurrentDomain
from reconciler.core.names import split_address
from reconciler.core.plan import Change
from reconciler.core.workspace import Policy


def mail_leaving(changes: Iterable[Change], internal_domains: frozenset[str], policy: Policy) -> tuple[Diagnostic, ...]:
    """GRD007: external targets that a change adds. `policy.externalForwarding` sets the severity."""
    # The risk of such a change is shown in any case; see `planner.risk_of`.
    if policy.external_forwarding == "allow":
        return ()
    severity = error if policy.external_forwarding == "deny" else warning
    return tuple(
        severity(
            "GRD007",
            f"{change.kind} {change.address} would send mail to external addresses: {', '.join(outside)}",
            change.origin,
            hint="remove the target, or add its domain to policy.externalForwardingDomains in reconciler.yaml; "
            "policy.externalForwarding decides about all other domains",
        )
        for change in changes
        if (outside := external_targets(change, internal_domains, policy))
    )


def external_targets(change: Change, internal_domains: frozenset[str], policy: Policy) -> tuple[str, ...]:
    """The targets that a change adds outside `internal_domains` and outside the domains that the policy allows.

    Targets that the resource already has are not reported: the change does not make them worse.
    """
    added: set[str] = set()
    for field in change.fields:
        if isinstance(field.after, tuple):
            before = field.before if isinstance(field.before, tuple) else ()
            added |= set(field.after) - set(before)
    hosts = {target: split_address(target)[1] for target in added}
    external = {target for target, host in hosts.items() if host not in internal_domains}
    return tuple(sorted(target for target in external if not policy.allows_external(hosts[target])))


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedAddresses:
    """The addresses and host names that accept no mail after a plan.

    Attributes:
        addresses: canonical address (under each name of the domain) -> the change that removes it.
        hosts: removed names of the domain -> the change.
    """

    addresses: Mapping[str, Change]
    hosts: Mapping[str, Change]

    def removed_by(self, target: str) -> Change | None:
        """The change that removes a target; None if the target stays."""
        return self.addresses.get(target) or self.hosts.get(split_address(target)[1])

    def __bool__(self) -> bool:
        return bool(self.addresses or self.hosts)


def removed_addresses(changes: Iterable[Change], current: CurrentDomain, internal: frozenset[str]) -> RemovedAddresses:
    """The addresses that the changes delete or rename, and that no other change creates again.

    A name that the other kind takes over still accepts mail. A domain alias that `internal` still contains belongs to
    another domain now.
    """
    listed = list(changes)
    leaving = {c.name: c for c in listed if c.action in ("delete", "rename") and c.kind != "domainAlias"}
    if not leaving and not any(c.kind == "domainAlias" and c.action == "delete" for c in listed):
        return RemovedAddresses(addresses={}, hosts={})
    # Both kinds, because an alias that replaces a mailbox still accepts its mail.
    stay = names_after(listed, current, "mailbox") | names_after(listed, current, "alias")
    hosts = {current.domain, *names_after(listed, current, "domainAlias")}
    return RemovedAddresses(
        addresses={f"{name}@{h}": change for name, change in leaving.items() if name not in stay for h in hosts},
        hosts={
            c.name: c
            for c in listed
            if c.kind == "domainAlias" and c.action == "delete" and c.name not in hosts | internal
        },
    )


def dangling(changes: Iterable[Change], current: CurrentDomain, internal: frozenset[str]) -> tuple[Diagnostic, ...]:
    """GRD012 within one domain: aliases and known forwards that would point at an address which the changes remove."""
    listed = list(changes)
    removed = removed_addresses(listed, current, internal)
    return dangling_references(removed, references_after(listed, current)) if removed else ()


def dangling_references(removed: RemovedAddresses, references: Iterable[Reference]) -> tuple[Diagnostic, ...]:
    """GRD012: an error if a reference loses all targets, a warning if some remain."""
    return tuple(
        _dangling(reference, lost)
        for reference in references
        if (lost := {t: change for t in reference.targets if (change := removed.removed_by(t)) is not None})
    )


def _dangling(reference: Reference, lost: Mapping[str, Change]) -> Diagnostic:
    what = f"alias {reference.address}" if reference.kind == "alias" else f"the forward of mailbox {reference.address}"
    shown = [*sorted(lost)[:3], *([f"{len(lost) - 3} more"] if len(lost) > 3 else [])]
    # One location and one remedy per message: those of the first target. The others are in the text.
    first = lost[min(lost)]
    how = "renames" if first.action == "rename" else "deletes"
    left = len(reference.targets) - len(lost)
    if first.action == "rename":
        remedy = f"change the target to {first.new_name}"
    elif reference.kind == "alias":
        remedy = "declare other targets, or list the alias in `removed.aliases`"
    else:
        remedy = "declare another target, or `forwarding: {to: []}`"
    # With a target left, mail still arrives. Without any, the server would reject it or lose it, so that is an error.
    if left:
        kept = f"{left} other target{'s stay' if left != 1 else ' stays'}"
        text = f"{what} would still point at {', '.join(shown)}, which this plan {how}; {kept}"
        return warning("GRD012", text, first.origin, hint=remedy)
    text = f"{what} would have no target left: this plan {how} {', '.join(shown)}"
    return error("GRD012", text, first.origin, hint=remedy)
