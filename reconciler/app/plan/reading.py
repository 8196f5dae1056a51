"""Reading the selected domains: what the files manage, and what the guards have to know besides."""

from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.app.servers import OpenServers, open_servers
from reconciler.config.workspace import Configuration
from reconciler.core.errors import RefusedByServer, UnexpectedAnswer
from reconciler.core.model import CurrentDomain, DesiredDomain
from reconciler.core.plan import Plan
from reconciler.core.ports import Progress, ReadScope
from reconciler.engine.observe import Observation, observe_all

_NOT_TOLD = (RefusedByServer, UnexpectedAnswer)
"""How a server answers that does not tell something; what else can be read of the domain is not in doubt by it."""


async def observe_selected(
    planner: Planner, servers: OpenServers, progress: Progress, *, bill: bool = True
) -> dict[str, Observation]:
    """What the servers say of every selected domain; a server that cannot be used answers with its reason.

    Args:
        bill: whether to read also what only the bill and the guards need.
    """
    domains = planner.selected()
    readable = [d for d in domains if d.server in servers.readers]
    progress.begin("Reading", len(readable))

    def needed(desired: DesiredDomain) -> ReadScope:
        return planner.bill_scope(desired) if bill else ReadScope()

    seen = await observe_all(servers.readers, readable, progress.step, lambda d: needed(d) | planner.base_scope(d))
    # What only the base commit manages, and the server does not tell, must not keep these files from being planned.
    again = [d for d in readable if isinstance(seen[d.domain], _NOT_TOLD) and planner.base_asks_more(d, needed(d))]
    if again:
        seen |= await observe_all(servers.readers, again, lambda _: None, needed)
    # Who forwards to what goes is not managed by anybody, and has to be known all the same.
    losing = [d for d in readable if bill and planner.takes_away(d, seen[d.domain])]
    if losing:
        whole = {d.domain: needed(d) | planner.base_scope(d) | _all_forwarding(seen[d.domain]) for d in losing}
        more = await observe_all(servers.readers, losing, lambda _: None, lambda d: whole[d.domain])
        # Where the server never tells, the guards go by what was read before; an answer that was spoiled is no such no.
        seen |= {name: found for name, found in more.items() if not never_told(found)}
    progress.end()
    return seen | {d.domain: servers.unusable[d.server] for d in domains if d.server in servers.unusable}


def never_told(found: Observation) -> bool:
    """Whether the server refuses to say it, or has no endpoint that does."""
    from reconciler.smartermail.calls import NoSuchEndpoint

    return isinstance(found, RefusedByServer | NoSuchEndpoint)


def _all_forwarding(seen: Observation) -> ReadScope:
    return ReadScope(forwarding=frozenset(seen.mailboxes)) if isinstance(seen, CurrentDomain) else ReadScope()


async def make_plans(config: Configuration, request: PlanRequest, progress: Progress) -> tuple[Plan, ...]:
    """Plans every selected domain."""
    planner = Planner(config, request)
    names = [d.server for d in planner.selected()]
    # What is merged was reviewed. A pull request was not: its plan must not follow what it brings itself.
    fresh = planner.base.refused_servers(config) if planner.base and not request.base_applied else {}
    async with open_servers(config.workspace, names, config.root, refused=fresh) as servers:
        return planner.all_plans(await observe_selected(planner, servers, progress))
