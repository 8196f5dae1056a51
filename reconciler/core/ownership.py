"""Who owns a current resource: the files, nobody (unmanaged or ignored), or the host; and whether it is protected."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.core.model import DesiredDomain, KindName, Mailbox, Resource, Unset
from reconciler.core.workspace import ALWAYS_PROTECTED, Policy

NOTHING_KNOWN: Mapping[str, str] = MappingProxyType({})
"""No earlier protection is known."""


@dataclass(frozen=True, slots=True)
class Protection:
    """Why a resource must not be deleted: a diagnostic code, the reason, and the remedy."""

    code: str
    reason: str
    hint: str = "remove it from `removed`"


def protection(
    policy: Policy,
    desired: DesiredDomain,
    kind: KindName,
    resource: Resource,
    protected_before: Mapping[str, str] = NOTHING_KNOWN,
) -> Protection | None:
    """The protection of a current resource against deletion, disabling before a deletion, and renaming; None without.

    Args:
        protected_before: local part of each mailbox that was `protect: true` before this change of the files -> the
            source, as text for the message. One change must not lift a protection and use that immediately.
    """
    # The order matters: the first reason is shown, and administrators need an action on the server, not in the files.
    name = resource.name
    if isinstance(resource, Mailbox):
        if administers(resource):
            hint = "if you intend this, remove the administrator permission in the server's web interface first"
            return Protection("GRD003", "it administers the domain", hint)
        declared = None if isinstance(desired.mailboxes, Unset) else desired.mailboxes.get(name)
        if declared is not None and declared.protect:
            hint = f"first remove `protect: true` from {name} and apply; then delete it in a second change"
            return Protection("GRD001", "it is marked `protect: true`", hint)
    if policy.ignores(kind, name):
        return Protection("REF006", "the workspace's policy ignores it", "remove the entry, or narrow `policy.ignore`")
    # Domain aliases are not local parts, so neither RFC 2142 nor patterns for local parts apply to them.
    if kind != "domainAlias" and name in ALWAYS_PROTECTED:
        return Protection("GRD001", f"every domain must accept mail for {name} (RFC 2142)")
    if kind != "domainAlias" and (pattern := policy.protecting(name)) is not None:
        hint = "remove it from `removed`, or change `policy.protect` in reconciler.yaml in a separate change"
        return Protection("GRD001", f"policy.protect contains the pattern {pattern}", hint)
    # Last, because the other reasons are still valid after the two steps of this remedy.
    if kind == "mailbox" and name in protected_before:
        hint = f"first declare {name} without `protect: true` and apply; then delete it in a second change"
        where = protected_before[name]
        return Protection("GRD010", f"it is `protect: true` {where}, and the same change removes that protection", hint)
    return None


def administers(resource: Resource) -> bool:
    """Whether it is a mailbox that administers the domain: the host's own account, or one with the permission."""
    return isinstance(resource, Mailbox) and (resource.facts.is_admin or resource.facts.is_primary_admin)


def is_hosts_own(resource: Resource) -> bool:
    """Whether it is the account that was created with the domain. It is never listed, counted or pruned."""
    return isinstance(resource, Mailbox) and resource.facts.is_primary_admin
