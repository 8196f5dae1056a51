"""Guards over all the plans of one run together."""

from collections.abc import Mapping, Sequence

from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.guards.projected import pointers_after
from reconciler.core.guards.targets import departures, left_pointing
from reconciler.core.model import CurrentDomain
from reconciler.core.plan import Plan


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


def dangling_across(
    plans: Sequence[Plan], seen: Mapping[str, object], internal: frozenset[str]
) -> list[tuple[str, Diagnostic]]:
    """Aliases and known forwardings of one domain that the plan of another leaves pointing at what it takes away.

    Args:
        plans: of one run, one a domain.
        seen: what was read of each domain, or why nothing was; only a `CurrentDomain` counts.
        internal: the workspace's domains and their declared aliases.

    Returns:
        The domain whose plan takes the address away, and what is to be said of it.
    """
    read = {domain: current for domain, current in seen.items() if isinstance(current, CurrentDomain)}
    whole = [p for p in plans if p.complete and p.domain in read]
    gone = {p.domain: departures(p.changes, read[p.domain], internal) for p in whole}
    gone = {domain: what for domain, what in gone.items() if what}
    if not gone:
        return []
    planned = {p.domain: p.changes for p in whole}
    found: list[tuple[str, Diagnostic]] = []
    for other, current in sorted(read.items()):
        pointers = tuple(pointers_after(planned.get(other, ()), current))
        found += [(d, one) for d, what in sorted(gone.items()) if d != other for one in left_pointing(what, pointers)]
    return found
