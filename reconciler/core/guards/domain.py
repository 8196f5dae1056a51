"""All guards of one domain. Each message has the numbers or names and a remedy. If facts are missing, a guard refuses.

`objections` calls every guard that looks at one domain. The guards of a complete run are in `guards.run`.
"""

from collections.abc import Iterable, Mapping

from reconciler.core.diagnostics import Diagnostic
from reconciler.core.guards.deletion import locked_out, protected, too_many_deletions
from reconciler.core.guards.limits import features_switched_off, over_limits, quotas
from reconciler.core.guards.names import names_taken, renames_refused, twice
from reconciler.core.guards.projected import inside
from reconciler.core.guards.targets import dangling, mail_leaving
from reconciler.core.model import CurrentDomain, DesiredDomain
from reconciler.core.ownership import NOTHING_KNOWN
from reconciler.core.plan import Change
from reconciler.core.product import Limits
from reconciler.core.workspace import Policy


def objections(
    changes: Iterable[Change],
    desired: DesiredDomain,
    current: CurrentDomain,
    policy: Policy,
    limits: Limits,
    internal: frozenset[str],
    *,
    deletions_allowed: bool,
    protected_before: Mapping[str, str] = NOTHING_KNOWN,
) -> tuple[Diagnostic, ...]:
    """The objections of all guards to the changes of one domain; one error refuses all of them.

    Args:
        changes: all changes of the domain, from a new or a saved plan.
        desired: the domain's file: it tells which resources are declared and protected.
        current: the domain on the server now.
        internal: the workspace's domains and their aliases; other targets are outside.
        deletions_allowed: True if `--allow-deletions` replaces `policy.maxDeletions`.
        protected_before: as in `planner.PlanOptions`.
    """
    listed = list(changes)
    # A domain alias of this plan is internal already: mail to it stays on the server after the apply.
    internal = inside(listed, current, internal)
    return (
        # Only this guard has an override. All other objections are errors in the files or dangers that no number
        # confirms.
        *(() if deletions_allowed else too_many_deletions(listed, current, policy)),
        *protected(listed, desired, current, policy, protected_before),
        *renames_refused(listed, desired, current, policy, protected_before),
        *over_limits(listed, desired, current, policy, limits),
        *features_switched_off(listed, current),
        *quotas(listed, current.limits),
        *names_taken(listed, current),
        *twice(listed),
        *locked_out(listed, current),
        *mail_leaving(listed, internal, policy),
        *dangling(listed, current, internal),
    )
