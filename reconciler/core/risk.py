"""What a change may do to people: the mark that a reviewer sees first."""

from reconciler.core.guards_targets import external_targets
from reconciler.core.kinds import BY_NAME, PASSWORD, Risk
from reconciler.core.ownership import administers
from reconciler.core.plan import Change
from reconciler.core.workspace import Policy


def risk_of(change: Change, internal_domains: frozenset[str], policy: Policy) -> Risk:
    """The worst of what a change may do. Creating a mailbox grants no access to anything that was there.

    Whatever touches an administrator of the domain is a matter of access.
    """
    if change.action == "delete" and change.kind == "mailbox":
        return "mail-loss"
    if external_targets(change, internal_domains, policy):
        return "exfiltration"
    if change.action in ("rename", "update"):
        specs = {f.name: f.risk for f in BY_NAME[change.kind].fields} | {PASSWORD: "access"}
        if change.action == "rename" or (change.current is not None and administers(change.current)):
            return "access"
        if any(specs[f.name] == "access" for f in change.fields):
            return "access"
    return "none"
