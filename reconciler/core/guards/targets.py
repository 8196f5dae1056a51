"""Guards over where mail goes: outside the workspace, or nowhere."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.core.diagnostics import Diagnostic, error, warning
from reconciler.core.guards.projected import Pointer, names_after, pointers_after
from reconciler.core.model import CurrentDomain
from reconciler.core.names import split_address
from reconciler.core.plan import Change
from reconciler.core.workspace import Policy


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
            hint="policy.externalForwarding in reconciler.yaml decides whether that is allowed, and "
            "policy.externalForwardingDomains lists where it always is",
        )
        for change in changes
        if (outside := external_targets(change, internal_domains, policy))
    )


def external_targets(change: Change, internal_domains: frozenset[str], policy: Policy) -> tuple[str, ...]:
    """The addresses that a change newly sends mail to, outside `internal_domains` and what the policy lists."""
    added: set[str] = set()
    for field in change.fields:
        if isinstance(field.after, tuple):
            before = field.before if isinstance(field.before, tuple) else ()
            added |= set(field.after) - set(before)
    hosts = {target: split_address(target)[1] for target in added}
    return tuple(sorted(t for t, host in hosts.items() if host not in internal_domains and not policy.lets_out(host)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """What mail can no longer be sent to once a plan is applied.

    Attributes:
        addresses: canonical address, under each of the domain's names -> the change that takes it away.
        hosts: names of the domain that go -> the change.
    """

    addresses: Mapping[str, Change]
    hosts: Mapping[str, Change]

    def taking(self, target: str) -> Change | None:
        """The change that takes a target away; None if it stays."""
        return self.addresses.get(target) or self.hosts.get(split_address(target)[1])

    def __bool__(self) -> bool:
        return bool(self.addresses or self.hosts)


def departures(changes: Iterable[Change], current: CurrentDomain, internal: frozenset[str]) -> Departures:
    """Addresses that the changes delete or rename away, and that nothing in them replaces.

    A name that another kind takes over is replaced; a domain alias that `internal` still has is another domain's now.
    """
    listed = list(changes)
    leaving = {c.name: c for c in listed if c.action in ("delete", "rename") and c.kind != "domainAlias"}
    if not leaving and not any(c.kind == "domainAlias" and c.action == "delete" for c in listed):
        return Departures(addresses={}, hosts={})
    stay = names_after(listed, current, "mailbox") | names_after(listed, current, "alias")
    hosts = {current.domain, *names_after(listed, current, "domainAlias")}
    return Departures(
        addresses={f"{name}@{h}": change for name, change in leaving.items() if name not in stay for h in hosts},
        hosts={
            c.name: c
            for c in listed
            if c.kind == "domainAlias" and c.action == "delete" and c.name not in hosts | internal
        },
    )


def dangling(changes: Iterable[Change], current: CurrentDomain, internal: frozenset[str]) -> tuple[Diagnostic, ...]:
    """Aliases and known forwardings of this domain that the changes leave pointing at what they take away."""
    listed = list(changes)
    gone = departures(listed, current, internal)
    return left_pointing(gone, pointers_after(listed, current)) if gone else ()


def left_pointing(gone: Departures, pointers: Iterable[Pointer]) -> tuple[Diagnostic, ...]:
    """GRD012: an error where nothing else is left to point at, a warning where something is."""
    return tuple(
        _pointing(pointer, lost)
        for pointer in pointers
        if (lost := {t: change for t in pointer.targets if (change := gone.taking(t)) is not None})
    )


def _pointing(pointer: Pointer, lost: Mapping[str, Change]) -> Diagnostic:
    what = f"alias {pointer.address}" if pointer.kind == "alias" else f"the forwarding of mailbox {pointer.address}"
    shown = [*sorted(lost)[:3], *([f"{len(lost) - 3} more"] if len(lost) > 3 else [])]
    first = lost[min(lost)]
    how = "renames" if first.action == "rename" else "deletes"
    left = len(pointer.targets) - len(lost)
    if first.action == "rename":
        way = f"let it point at {first.new_name}"
    elif pointer.kind == "alias":
        way = "declare it with other targets, or name it in `removed.aliases`"
    else:
        way = "give it another target, or `forwarding: {to: []}`"
    if left:
        text = f"{what} would go on pointing at {', '.join(shown)}, which this plan {how}; {left} of its targets stay"
        return warning("GRD012", text, first.origin, hint=f"take it out there: {way}")
    text = f"{what} would point nowhere: this plan {how} all that it points at, {', '.join(shown)}"
    return error("GRD012", text, first.origin, hint=way)
