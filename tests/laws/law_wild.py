"""Random situations without restrictions, for the laws about effects that never happen."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain_builders import DOMAIN
from hypothesis import strategies as st
from law_strategies import (
    FRESH,
    NAMES,
    SISTERS,
    Situation,
    currents,
    days,
    maybe,
    options_and_policy,
    wanted_aliases,
    wanted_mailboxes,
)

from reconciler.core.model import CurrentDomain, DesiredDomain, DomainAlias, Removal, Renaming


@st.composite
def wild(draw: Any) -> Situation:
    """A situation with files and a policy that may contain contradictions."""
    current: CurrentDomain = draw(currents())
    options, policy = draw(options_and_policy())
    names = (*NAMES, *FRESH, "admin", "chief")
    kinds: Any = st.sampled_from(["mailbox", "alias", "domainAlias"])
    pairs = st.builds(Removal, kind=kinds, name=st.sampled_from((*names, *SISTERS)), purge_after=days)
    renames = st.builds(
        Renaming,
        kind=st.sampled_from(["mailbox", "alias"]),
        old=st.sampled_from(names),
        new=st.sampled_from(names),
    )
    boxes = draw(st.sets(st.sampled_from(names), max_size=6))
    rows = draw(st.sets(st.sampled_from(names), max_size=6))
    desired = DesiredDomain(
        domain=DOMAIN,
        server="mail1",
        mailboxes=draw(maybe(st.fixed_dictionaries({n: wanted_mailboxes(n, names) for n in sorted(boxes)}))),
        aliases=draw(maybe(st.fixed_dictionaries({n: wanted_aliases(n, names) for n in sorted(rows)}))),
        domain_aliases=draw(maybe(st.sets(st.sampled_from(SISTERS)).map(_sisters))),
        removed=tuple(draw(st.lists(pairs, max_size=6, unique_by=lambda r: (r.kind, r.name)))),
        renamed=tuple(draw(st.lists(renames, max_size=3))),
    )
    ignore: Mapping[Any, tuple[str, ...]] = {"mailbox": tuple(draw(st.sets(st.sampled_from(NAMES), max_size=2)))}
    return Situation(desired, current, replace(policy, ignore=ignore), options)


def _sisters(names: set[str]) -> dict[str, DomainAlias]:
    return {n: DomainAlias(name=n) for n in names}
