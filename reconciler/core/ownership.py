"""Whose a current resource is: managed, unmanaged, ignored, protected, or the domain's administrator."""

from dataclasses import dataclass

from reconciler.core.model import DesiredDomain, KindName, Mailbox, Resource, Unset
from reconciler.core.workspace import Policy


@dataclass(frozen=True, slots=True)
class Shield:
    """Why a resource may not be deleted: a diagnostic code and the reason in words."""

    code: str
    reason: str


def shield(policy: Policy, desired: DesiredDomain, kind: KindName, resource: Resource) -> Shield | None:
    """What protects a current resource from deletion; None if nothing does."""
    if isinstance(resource, Mailbox):
        if resource.facts.is_admin or resource.facts.is_primary_admin:
            return Shield("GRD003", "it administers the domain")
        declared = None if isinstance(desired.mailboxes, Unset) else desired.mailboxes.get(resource.name)
        if declared is not None and declared.protect:
            return Shield("GRD001", "it is marked `protect: true`")
    if policy.ignores(kind, resource.name):
        return Shield("REF006", "the workspace's policy ignores it")
    if kind != "domainAlias" and policy.protects(resource.name):
        return Shield("GRD001", "its name is protected by the policy, or is one that every domain must have")
    return None


def is_hosts_own(resource: Resource) -> bool:
    """Whether it is the account that was created with the domain: never listed, counted or pruned."""
    return isinstance(resource, Mailbox) and resource.facts.is_primary_admin
