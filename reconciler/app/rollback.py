"""`rollback RUN`: the inverse of what a run changed, as plans like any other.

Each object only if it is still as the run left it; every guard holds; nothing is pruned. What cannot be undone is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from reconciler.app.history import find_run
from reconciler.app.plan.planner import Planner, PlanRequest, internal_domains, journal_folder
from reconciler.app.servers import OpenServers, open_servers
from reconciler.config.workspace import Configuration
from reconciler.core.billing import cost_of
from reconciler.core.diagnostics import Diagnostic, sort_diagnostics, warning
from reconciler.core.errors import ReconcilerError
from reconciler.core.guards.run import allowed_deletions, dangling_across
from reconciler.core.model import DesiredDomain, Unset
from reconciler.core.plan import Change, Plan
from reconciler.core.planning.planner import PlanOptions, plan_domain
from reconciler.core.planning.rollback import AppliedStep, inverse, scope_of
from reconciler.core.ports import Progress, ReadScope
from reconciler.core.product import Limits
from reconciler.engine.journal.inventory import Inventory, read_inventory
from reconciler.engine.journal.reader import Run, read_run, run_files
from reconciler.engine.journal.steps import Place, steps_of
from reconciler.engine.observe import Observation, observe_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """What would undo a run.

    Attributes:
        run: the whole id of the run.
        commit: of the files that the run applied; empty where the journal does not tell.
        plans: one a domain that the run changed and that is in the workspace.
        notes: what could not be made a plan at all; the first plan, if there is any, says it too.
    """

    run: str
    commit: str
    plans: tuple[Plan, ...]
    notes: tuple[Diagnostic, ...] = ()


async def plan_rollback(config: Configuration, wanted: str, request: PlanRequest, progress: Progress) -> Rollback:
    """Plans the inverse of a run.

    Args:
        config: the workspace, all of it.
        wanted: the run's id, an unambiguous beginning of it, or `last`.
        request: the day, and the deletions that are allowed; everything else of it is not for a rollback.
        progress: told what is read.

    Raises:
        ReconcilerError: there is no such run, or its journal is not the one that was written.
    """
    folder = journal_folder(config.root)
    run, later = _runs(folder, wanted)
    steps = steps_of(run, later)
    mine = {name: s for (server, name), s in steps.items() if _is_here(config, server, name)}
    notes = tuple(_elsewhere(config, place, s) for place, s in steps.items() if not _is_here(config, *place))
    planner = _Planner(config, request, mine, read_inventory(folder))
    async with open_servers(config.workspace, planner.servers(), config.root) as servers:
        plans = planner.all_plans(await _observe(planner, servers, progress))
    if plans:
        plans = (plans[0].with_diagnostics(*notes), *plans[1:])
    return Rollback(run=run.run, commit=str(run.start.get("commit", "")), plans=plans, notes=sort_diagnostics(notes))


def _runs(folder: Path, wanted: str) -> tuple[Run, tuple[Run, ...]]:
    """The run, and those after it; each as it was written, as far as that can be known."""
    path = find_run(folder, wanted)
    files = run_files(folder)
    run, *later = (read_run(p) for p in files[files.index(path) :])
    for one in (run, *later):
        if one.chain == "broken":
            raise ReconcilerError(
                f"{one.fault}: this journal is not the one that was written, so nothing is planned from it",
                hint="`reconciler history --verify` checks them all; move the file away to go on without it",
            )
    return run, tuple(later)


def _is_here(config: Configuration, server: str, name: str) -> bool:
    return name in config.domains and config.domains[name].server == server


def _elsewhere(config: Configuration, place: Place, steps: Sequence[AppliedStep]) -> Diagnostic:
    server, name = place
    count = f"{len(steps)} change{'s' * (len(steps) != 1)}"
    declared = config.domains.get(name)
    why = f"is on the server {declared.server} now" if declared else "is not in the workspace any more"
    text = f"{name}: {count} of the run on the server {server} stay as they are: the domain {why}"
    hint = "to undo them, put the domain's file back as it was then"
    return warning("RBK004", text, declared.origin if declared else None, hint=hint)


class _Planner:
    """Plans the inverse of one run's steps, domain by domain."""

    def __init__(
        self,
        config: Configuration,
        request: PlanRequest,
        steps: Mapping[str, Sequence[AppliedStep]],
        inventory: Inventory,
    ) -> None:
        self.config, self.request, self.steps, self.inventory = config, request, steps, inventory
        self.internal = internal_domains(config)
        policy = config.workspace.policy
        self.policy = replace(policy, prune=MappingProxyType({}))

    def servers(self) -> list[str]:
        """The servers of the domains that the run changed."""
        return [self.config.domains[name].server for name in self.steps]

    def bare(self, name: str) -> DesiredDomain:
        """A domain of which nothing is managed: what is to be read comes from the steps alone."""
        file = self.config.domains[name]
        return DesiredDomain(domain=file.domain, server=file.server, product=file.product, origin=file.origin)

    def scope(self, desired: DesiredDomain) -> ReadScope:
        """What undoing needs to know, and the bill."""
        bill = Planner(self.config, self.request, {}).bill_scope(desired)
        return scope_of(self.steps[desired.domain]) | bill

    def all_plans(self, seen: Mapping[str, Observation]) -> tuple[Plan, ...]:
        """The plans, with what the guards over all of them say."""
        self.internal = internal_domains(self.config, seen)
        plans = [self.plan(name, seen[name]) for name in sorted(self.steps)]
        pointing = dangling_across(plans, seen, self.internal)
        plans = [p.with_diagnostics(*(said for domain, said in pointing if domain == p.domain)) for p in plans]
        allowed = self.request.allow_deletions
        objection = None if allowed is None else allowed_deletions(plans, allowed)
        if objection is not None and plans:
            plans[0] = plans[0].with_diagnostics(objection)
        return tuple(plans)

    def plan(self, name: str, seen: Observation) -> Plan:
        """The plan of one domain, or one that says why there is none."""
        bare = self.bare(name)
        if isinstance(seen, ReconcilerError):
            return Planner(self.config, self.request, {}).plan(bare, seen)
        undone = inverse(bare, self.steps[name], seen, self.policy)
        product = self.config.products.get(bare.product or "")
        options = PlanOptions(
            today=self.request.today,
            internal_domains=self.internal,
            protected_before=self._protected(name),
            deletions_allowed=self.request.allow_deletions is not None,
        )
        limits = product.limits if product else Limits()
        plan = plan_domain(undone.desired, seen, self.policy, limits, options)
        plan = replace(plan, changes=tuple(_rolled_back(c) for c in plan.changes), unmanaged=())
        plan = replace(plan, diagnostics=sort_diagnostics((*plan.diagnostics, *undone.diagnostics)))
        return replace(plan, cost=cost_of(plan, seen, product.billing)) if product else plan

    def _protected(self, name: str) -> dict[str, str]:
        """Mailboxes that the files protect, or protected when they were last applied: a rollback lifts nothing."""
        file = self.config.domains[name]
        names, run = self.inventory.protected(file.server, name) or (frozenset(), "")
        before = dict.fromkeys(names, f"in the last apply, run {run}")
        mailboxes = {} if isinstance(file.mailboxes, Unset) else file.mailboxes
        return before | {n: "in the files" for n, m in mailboxes.items() if m.protect}


def _rolled_back(change: Change) -> Change:
    return replace(change, reason="rolled back")


async def _observe(planner: _Planner, servers: OpenServers, progress: Progress) -> dict[str, Observation]:
    """What the servers say now of every domain that the run changed."""
    domains = [planner.bare(name) for name in sorted(planner.steps)]
    readable = [d for d in domains if d.server in servers.readers]
    progress.begin("Reading", len(readable))
    seen = await observe_all(servers.readers, readable, progress.step, planner.scope)
    progress.end()
    return seen | {d.domain: servers.unusable[d.server] for d in domains if d.server in servers.unusable}
