"""The guards of a run: they look at the plans of all domains together. Every command judges its plans here."""

from collections.abc import Mapping, Sequence

from reconciler.core.guards.run import allowed_deletions, dangling_across
from reconciler.core.plan import Plan
from reconciler.engine.observe import Observation


def judge(
    plans: Sequence[Plan],
    seen: Mapping[str, Observation],
    internal: frozenset[str],
    allowed: int | None,
    *,
    pending: Sequence[Plan] | None = None,
    reviewed: Sequence[Plan] | None = None,
) -> list[Plan]:
    """The plans with the diagnostics of the guards of the run.

    Args:
        seen: the current state of each domain, or why it could not be read.
        internal: the domains that mail does not leave for.
        allowed: the number given with `--allow-deletions`; None = the option is absent.
        pending: the plans with only the changes that are still to be made; None = all of them are.
        reviewed: the plans as a person saw them, whose deletions must be exactly `allowed`; None = these plans.
    """
    found = dangling_across(plans if pending is None else pending, seen, internal)
    judged = [p.with_diagnostics(*(one for domain, one in found if domain == p.domain)) for p in plans]
    # The number is compared with the reviewed plans: some of their deletions may be in place already.
    objection = None if allowed is None else allowed_deletions(plans if reviewed is None else reviewed, allowed)
    if objection is None or not judged:
        return judged
    # Without any deletion one plan still has to carry the refusal, and only a complete plan refuses a run.
    first = next((p for p in judged if p.complete), judged[0]).domain
    return [p.with_diagnostics(objection) if p.count("delete") or p.domain == first else p for p in judged]
