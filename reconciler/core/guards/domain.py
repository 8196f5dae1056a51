"""What a plan must not do. Each guard gives the numbers and the way out; a guard errs towards refusing.

The guards themselves are in the modules beside this one, by noun; `objections` asks all of them that look at one
domain, and `guards_run` has those that look at a whole run.
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
    """What the guards say of these changes to a domain that is as `current` tells; an error forbids all of them.

    Args:
        changes: all that is to be done in the domain, whoever planned it and when.
        desired: the domain's file, for who is declared and protected.
        internal: the workspace's domains and their aliases; other targets are outside.
        deletions_allowed: True where `--allow-deletions` takes the place of `policy.maxDeletions`.
        protected_before: as in `planner.PlanOptions`.
    """
    listed = list(changes)
    internal = inside(listed, current, internal)
    return (
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
