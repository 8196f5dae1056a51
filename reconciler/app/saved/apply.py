"""Applying a saved plan: read what it touches, see what has moved, guard what is left, ask, apply, and prove it.

Nothing is planned anew: what was reviewed is made, or it is not.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.app.apply.domains import Applied, Teller, closed, side_by_side, take_back, unproven
from reconciler.app.apply.locking import locked
from reconciler.app.apply.passwords import ChangePasswords, check_delivery
from reconciler.app.apply.run import (
    ApplyHooks,
    ApplyResult,
    begin_journal,
    passwords_of,
    protections_to_write,
)
from reconciler.app.plan.planner import Planner, journal_folder
from reconciler.app.plan.reading import never_told
from reconciler.app.saved.guards import objections_now
from reconciler.app.saved.plan_file import SavedPlan
from reconciler.app.saved.serialize import SavedDomain
from reconciler.app.servers import OpenServers, open_servers
from reconciler.config.workspace import Configuration
from reconciler.core.model import CurrentDomain
from reconciler.core.plan import Outcome, Plan, takes_name
from reconciler.core.planning.recheck import ServerHistory, recheck, refreshed
from reconciler.core.ports import Progress, ReadScope
from reconciler.engine.apply import apply_plan
from reconciler.engine.journal.inventory import Inventory, read_inventory
from reconciler.engine.journal.writer import FileJournal
from reconciler.engine.observe import DOMAINS_AT_ONCE, NOTHING_MORE, Observation
from reconciler.engine.verify import observe_saved, proven, saved_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One domain of a saved plan, held against the live state.

    Attributes:
        expected: as it was saved.
        plan: with the live objects in its changes, and what the guards say; incomplete where nothing could be read.
        seen: the live state; None where there was nothing to read, or it could not be read.
        decided: the outcomes of changes that are not to be made, by key.
    """

    expected: SavedDomain
    plan: Plan
    seen: CurrentDomain | None = None
    decided: Mapping[str, Outcome] = field(default_factory=dict)

    @property
    def rest(self) -> Plan:
        """The plan with only what is to be made."""
        return replace(self.plan, changes=tuple(c for c in self.plan.changes if c.key not in self.decided))


async def run_saved(config: Configuration, saved: SavedPlan, hooks: ApplyHooks, progress: Progress) -> ApplyResult:
    """The whole of `apply --plan`.

    Only domains that have changes are read, and nothing costly but of what the changes touch. A guard's refusal of
    what is left, in any domain, refuses the run before the first write. A domain that cannot be read is left alone.
    """
    todo = [e.plan for e in saved.domains if e.plan.changes]
    async with locked(
        config,
        (p.domain for p in todo),
        command="apply --plan",
        stop=hooks.stop,
        patience=hooks.lock_timeout,
        say=hooks.on_wait,
    ):
        return await _run(config, saved, hooks, progress)


async def _run(config: Configuration, saved: SavedPlan, hooks: ApplyHooks, progress: Progress) -> ApplyResult:
    """With the lock: what the journals tell is read now that it was had."""
    names = {e.plan.server for e in saved.domains if e.plan.changes}
    async with open_servers(config.workspace, names, config.root, writing=True) as servers:
        run = _SavedRun(config, saved, servers, hooks, progress)
        judged = run.guarded(await run.judged())
        plans = tuple(j.plan for j in judged)
        hooks.on_decided(tuple(j.decided[c.key] for j in judged for c in j.plan.changes if c.key in j.decided))
        check_delivery(config, (j.rest for j in judged if j.seen is not None))
        if not hooks.agree(plans) or any(p.refused for p in plans if p.complete):
            return ApplyResult(plans=plans, agreed=False, saved=True)
        return await run.applied(judged)


class _SavedRun:
    """What one apply of a saved plan needs throughout."""

    def __init__(
        self, config: Configuration, saved: SavedPlan, servers: OpenServers, hooks: ApplyHooks, progress: Progress
    ) -> None:
        self.config, self.saved, self.servers, self.hooks, self.progress = config, saved, servers, hooks, progress
        self.inventory: Inventory = read_inventory(journal_folder(config.root))
        self.gates = {name: asyncio.Semaphore(DOMAINS_AT_ONCE) for name in servers.readers}
        self.told = Teller(progress, hooks.on_outcome, hooks.stop)

    async def judged(self) -> list[_Judged]:
        """Every domain, in order; those that have changes are read, side by side."""
        todo = [e for e in self.saved.domains if e.plan.changes]
        self.progress.begin("Reading", len(todo))
        found = {j.plan.domain: j for j in await asyncio.gather(*(self._judge(e) for e in todo))}
        self.progress.end()
        return [found.get(e.plan.domain) or _Judged(expected=e, plan=e.plan) for e in self.saved.domains]

    async def _judge(self, expected: SavedDomain) -> _Judged:
        plan = expected.plan
        seen = await self._read(expected)
        if isinstance(seen, CurrentDomain) and any(takes_name(c) for c in plan.changes):
            # Who forwards to what goes is not among what the changes touch, and has to be known all the same.
            more = await self._read(expected, ReadScope(forwarding=frozenset(seen.mailboxes)))
            # Where the server never tells, the guards go by what was read before; a spoiled answer is no such no.
            seen = seen if never_told(more) else more
        self.progress.step(plan.domain)
        if not isinstance(seen, CurrentDomain):
            return _Judged(expected=expected, plan=self._unread(plan, seen))
        versions = {a: v for (s, a), v in self.inventory.password_versions.items() if s == plan.server}
        begun = frozenset((kind, a) for (s, kind, a) in self.inventory.begun if s == plan.server)
        known = ServerHistory(versions=versions, asked=self.saved.request.set_passwords, begun=begun)
        live = refreshed(plan, seen, known)
        outcomes = recheck(live, expected.preconditions, self.saved.salt, seen, known)
        return _Judged(expected=expected, plan=live, seen=seen, decided=outcomes)

    async def _read(self, expected: SavedDomain, more: ReadScope = NOTHING_MORE) -> Observation:
        plan = expected.plan
        if plan.server in self.servers.unusable:
            return self.servers.unusable[plan.server]
        async with self.gates[plan.server]:
            scope = saved_scope(plan.changes, expected.preconditions) | more
            return await observe_saved(self.servers.readers[plan.server], plan.domain, scope)

    def _unread(self, plan: Plan, seen: Observation) -> Plan:
        """A plan that says why there is none, as `plan` would."""
        planner = Planner(self.config, self.saved.request, inventory=self.inventory)
        return planner.plan(self.config.domains[plan.domain], seen)

    def guarded(self, judged: Sequence[_Judged]) -> tuple[_Judged, ...]:
        """The same with what the guards say of what is left to be made, as things are now."""
        seen = {j.plan.domain: j.seen for j in judged if j.seen is not None}
        rest = [j.rest for j in judged if j.seen is not None]
        said = objections_now(rest, seen, self.config, self.saved, self.inventory)
        return tuple(replace(j, plan=j.plan.with_diagnostics(*said.get(j.plan.domain, ()))) for j in judged)

    async def applied(self, judged: Sequence[_Judged]) -> ApplyResult:
        """Makes what is left, and proves it by another read. The journal begins only if there is something for it."""
        plans = tuple(j.plan for j in judged)
        protections = protections_to_write(self.config, (p.domain for p in plans if p.complete))
        wanted = protections.news or any(j.rest.changes for j in judged)
        self.hooks.stop.writing = True
        journal = begin_journal(self.config, protections, plans) if wanted else None
        passwords = passwords_of(self.config, journal) if journal else None
        todo = [j for j in judged if j.seen is not None]
        self.progress.begin("Applying", sum(len(j.plan.changes) for j in todo))
        done = await side_by_side((self._domain(j, passwords, journal) for j in todo), self.hooks.stop)
        self.progress.end()
        result = ApplyResult(
            plans=plans,
            agreed=True,
            outcomes={d.plan.domain: d.outcomes for d in done},
            left=tuple(d.left for d in done),
            passwords_file=passwords.path if passwords and passwords.delivered else None,
            journal=journal.path if journal else None,
            saved=True,
        )
        return replace(result, stopped=closed(journal, done, self.hooks.stop, converged=result.converged))

    async def _domain(self, judged: _Judged, passwords: ChangePasswords | None, journal: FileJournal | None) -> Applied:
        """Applies one domain, and reads it again if anything was written."""
        assert judged.seen is not None, "only what was read is applied"
        plan, stop = judged.plan, self.hooks.stop
        left = replace(plan, diagnostics=())
        if not judged.rest.changes or journal is None or passwords is None:
            outcomes = tuple(judged.decided[c.key] for c in plan.changes)
            for outcome in outcomes:
                self.told(outcome)
            checked, rest = proven(left, outcomes, judged.seen)
            return Applied(plan=plan, outcomes=checked, left=rest)
        async with self.gates[plan.server]:
            writer = self.servers.writers[plan.server]
            await passwords.ask_server(writer, judged.rest)
            outcomes = await apply_plan(plan, writer, passwords, journal, self.told, judged.decided, stop)
        seen = await stop.unless(self._read(judged.expected))
        if seen is None:
            return unproven(plan, outcomes)
        if not isinstance(seen, CurrentDomain):
            return Applied(plan=plan, outcomes=outcomes, left=self._unread(plan, seen))
        checked, rest = proven(left, outcomes, seen)
        take_back(journal, plan.server, outcomes, checked, stop)
        return Applied(plan=plan, outcomes=checked, left=rest)
