"""Reading the domains of a run: the fields that the changes touch, and the fields that only guards and bill need."""

from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.app.servers import OpenServers, open_servers
from reconciler.config.workspace import Configuration
from reconciler.core.errors import NoSuchEndpoint, RefusedByServer, UnexpectedAnswer
from reconciler.core.model import CurrentDomain, DesiredDomain
from reconciler.core.plan import Plan
from reconciler.core.ports import Progress, ReadScope
from reconciler.engine.observe import Observation, observe_all

_NOT_RETURNED = (RefusedByServer, UnexpectedAnswer)
"""Answers of a server that does not return one thing; it may still return the rest of the domain."""


async def observe_selected(
    planner: Planner, servers: OpenServers, progress: Progress, *, guards: bool = True, title: str = "Reading"
) -> dict[str, Observation]:
    """The current state of every domain of a run; for a server that cannot be used, the reason.

    Args:
        guards: whether to read also the fields that only the guards and the bill need.
    """
    domains = planner.selected()
    readable = [d for d in domains if d.server in servers.readers]
    progress.begin(title, len(readable))

    def needed(desired: DesiredDomain) -> ReadScope:
        scope = planner.scope(desired)
        return scope | planner.bill_scope(desired) if guards else scope

    def with_base(desired: DesiredDomain) -> ReadScope:
        return needed(desired) | planner.base_scope(desired)

    seen = await observe_all(servers.readers, readable, progress.step, with_base)
    # A field that only the base commit manages must not prevent the plan of these files.
    again = [d for d in readable if isinstance(seen[d.domain], _NOT_RETURNED) and planner.base_asks_more(d, needed(d))]
    if again:
        seen |= await observe_all(servers.readers, again, lambda _: None, needed)
    # Any mailbox may forward to a deleted or renamed address, also one that no file and no change names.
    losing = [d for d in readable if guards and planner.takes_away(d, seen[d.domain])]
    if losing:
        complete = {d.domain: with_base(d) | _all_forwarding(seen[d.domain]) for d in losing}
        more = await observe_all(servers.readers, losing, lambda _: None, lambda d: complete[d.domain])
        # A server that never returns forwards must not prevent every deletion. A spoiled answer must.
        seen |= {name: found for name, found in more.items() if not isinstance(found, RefusedByServer | NoSuchEndpoint)}
    progress.end()
    return seen | {d.domain: servers.unusable[d.server] for d in domains if d.server in servers.unusable}


def _all_forwarding(seen: Observation) -> ReadScope:
    return ReadScope(forwarding=frozenset(seen.mailboxes)) if isinstance(seen, CurrentDomain) else ReadScope()


async def make_plans(config: Configuration, request: PlanRequest, progress: Progress) -> tuple[Plan, ...]:
    """Plans every selected domain."""
    planner = Planner(config, request)
    names = [d.server for d in planner.selected()]
    # Merged files were reviewed. The plan of a pull request must not send credentials to an address that only the pull
    # request names.
    refused = planner.base.refused_servers(config) if planner.base and not request.base_applied else {}
    async with open_servers(config.workspace, names, config.root, refused=refused) as servers:
        return planner.all_plans(await observe_selected(planner, servers, progress))
