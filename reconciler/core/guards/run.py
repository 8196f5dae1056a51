"""Guards for all plans of one run together."""

from collections.abc import Mapping, Sequence

from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.guards.projected import references_after
from reconciler.core.guards.targets import dangling_references, removed_addresses
from reconciler.core.model import CurrentDomain
from reconciler.core.plan import Plan


def allowed_deletions(plans: Sequence[Plan], allowed: int) -> Diagnostic | None:
    """GRD004: the number given with `--allow-deletions` is not the number of deletions in all plans together."""
    total = sum(p.count("delete") for p in plans)
    # The exact number, not a maximum: a plan that changed since its review must not delete other resources instead.
    if total == allowed:
        return None
    return error(
        "GRD004",
        f"--allow-deletions {allowed} does not match the plan, which has {total} deletion{'s' * (total != 1)}",
        hint="review the plan again, then pass the exact number",
    )


def dangling_across(
    plans: Sequence[Plan], seen: Mapping[str, object], internal: frozenset[str]
) -> list[tuple[str, Diagnostic]]:
    """GRD012 across domains: references in one domain to addresses that the plan of another domain removes.

    Args:
        plans: of one run, one per domain.
        seen: the state that was read of each domain; other values (read errors) are skipped.
        internal: the workspace's domains and their declared aliases.

    Returns:
        Pairs of the domain whose plan removes the address, and the diagnostic.
    """
    # The deletion may be in one domain and the reference in another, so no guard of a single domain can find it.
    read = {domain: current for domain, current in seen.items() if isinstance(current, CurrentDomain)}
    # An incomplete plan deletes nothing, and a domain that was not read has no known references.
    complete = [p for p in plans if p.complete and p.domain in read]
    removed = {p.domain: removed_addresses(p.changes, read[p.domain], internal) for p in complete}
    removed = {domain: addresses for domain, addresses in removed.items() if addresses}
    if not removed:
        return []
    planned = {p.domain: p.changes for p in complete}
    found: list[tuple[str, Diagnostic]] = []
    for other, current in sorted(read.items()):
        references = tuple(references_after(planned.get(other, ()), current))
        # References within one domain are the business of `objections`: reported here as well they would appear twice.
        for domain, addresses in sorted(removed.items()):
            if domain != other:
                found += [(domain, one) for one in dangling_references(addresses, references)]
    return found
