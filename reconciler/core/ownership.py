"""Whose a current resource is: managed, unmanaged, ignored, protected, or the domain's administrator."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.core.model import DesiredDomain, KindName, Mailbox, Resource, Unset
from reconciler.core.workspace import ALWAYS_PROTECTED, Policy

NOTHING_KNOWN: Mapping[str, str] = MappingProxyType({})
"""No mailbox is known to have been protected before."""


@dataclass(frozen=True, slots=True)
class Shield:
    """Why a resource may not be deleted: a diagnostic code, the reason in words, and the way out."""

    code: str
    reason: str
    hint: str = "take it out of `removed`"


def shield(
    policy: Policy,
    desired: DesiredDomain,
    kind: KindName,
    resource: Resource,
    protected_before: Mapping[str, str] = NOTHING_KNOWN,
) -> Shield | None:
    """What protects a current resource from being deleted, disabled for deletion, or renamed; None if nothing does.

    Args:
        protected_before: local parts of mailboxes that were `protect: true` before this change of the files -> where
            that is known from, in words; a change may not lift a protection and use that at once.
    """
    name = resource.name
    if isinstance(resource, Mailbox):
        if administers(resource):
            hint = "take that right away in the server's own interface first, if it is meant"
            return Shield("GRD003", "it administers the domain", hint)
        declared = None if isinstance(desired.mailboxes, Unset) else desired.mailboxes.get(name)
        if declared is not None and declared.protect:
            hint = f"in two steps: take `protect: true` away from {name} and apply; then remove it"
            return Shield("GRD001", "it is marked `protect: true`", hint)
    if policy.ignores(kind, name):
        return Shield("REF006", "the workspace's policy ignores it", "take it out here, or narrow `policy.ignore`")
    if kind != "domainAlias" and name in ALWAYS_PROTECTED:
        return Shield("GRD001", f"every domain must accept mail for {name} (RFC 2142)")
    if kind != "domainAlias" and (pattern := policy.protecting(name)) is not None:
        hint = "take it out of `removed`, or change `policy.protect` in reconciler.yaml in a change of its own"
        return Shield("GRD001", f"its name is protected by the policy, by the pattern {pattern}", hint)
    if kind == "mailbox" and name in protected_before:
        hint = f"in two steps: declare {name} without `protect: true` and apply; then remove it"
        where = protected_before[name]
        return Shield("GRD010", f"it is `protect: true` {where}, and that outlives the line that is gone here", hint)
    return None


def administers(resource: Resource) -> bool:
    """Whether it is a mailbox that administers the domain, whoever made it."""
    return isinstance(resource, Mailbox) and (resource.facts.is_admin or resource.facts.is_primary_admin)


def is_hosts_own(resource: Resource) -> bool:
    """Whether it is the account that was created with the domain: never listed, counted or pruned."""
    return isinstance(resource, Mailbox) and resource.facts.is_primary_admin
