"""Plan, ask, apply, read back, and show that nothing is left to do."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import reconciler
from reconciler.app.exits import Exit, of_plans
from reconciler.app.passwords import ChangePasswords
from reconciler.app.planning import Planner, PlanRequest, journal_folder, observe_selected, state_folder
from reconciler.app.servers import OpenServers, open_servers
from reconciler.config.workspace import Configuration
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.ports import Progress
from reconciler.engine.apply import apply_plan
from reconciler.engine.journal import FileJournal
from reconciler.engine.observe import DOMAINS_AT_ONCE
from reconciler.engine.verify import has_converged, verify


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyHooks:
    """What the command line is asked and told meanwhile.

    Attributes:
        agree: shown the plans; False ends the run before the first write.
        on_outcome: told what became of each change, as it happens.
    """

    agree: Callable[[tuple[Plan, ...]], bool]
    on_outcome: Callable[[Outcome], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """What an apply did.

    Attributes:
        agreed: False if it was refused: nothing was written then.
        left: the plans made after it, for the domains that it changed.
        passwords_file: where generated passwords were written, if any were.
        journal: the run's journal, None if nothing was to do.
    """

    plans: tuple[Plan, ...]
    agreed: bool
    outcomes: Mapping[str, tuple[Outcome, ...]] = field(default_factory=dict)
    left: tuple[Plan, ...] = ()
    passwords_file: Path | None = None
    journal: Path | None = None

    @property
    def converged(self) -> bool:
        """Whether every selected domain is, by a read after the last write, as declared."""
        return self.agreed and all(has_converged(p) and not p.left_out for p in self._last())

    @property
    def left_out(self) -> int:
        """How many changes `--target` left out; 0 as long as anything else is left to do."""
        return sum(p.left_out for p in self._last()) if all(has_converged(p) for p in self._last()) else 0

    @property
    def exit_code(self) -> Exit:
        """Refused before the first write; else in part, if anything failed or could not be read; else done."""
        before = of_plans(self.plans, detailed=False)
        if not self.agreed:
            return before if before is not Exit.DONE else Exit.REFUSED
        if any(o.result is not Result.APPLIED for row in self.outcomes.values() for o in row):
            return Exit.PARTIAL
        if self.left and not all(has_converged(p) for p in self.left):
            return Exit.PARTIAL
        if before is not Exit.DONE:
            return Exit.PARTIAL if self.outcomes else before
        return Exit.DONE

    def _last(self) -> list[Plan]:
        """The last plan of every selected domain."""
        return list({p.domain: p for p in (*self.plans, *self.left)}.values())


async def run_apply(config: Configuration, request: PlanRequest, hooks: ApplyHooks, progress: Progress) -> ApplyResult:
    """The whole of `apply`.

    A guard's refusal in any domain refuses the run before the first write. A domain that could not be read is left
    alone, and the others are applied.
    """
    planner = Planner(config, request)
    names = [d.server for d in planner.selected()]
    async with open_servers(config.workspace, names, config.root, writing=True) as servers:
        plans = planner.all_plans(await observe_selected(planner, servers, progress))
        refused = any(p.refused for p in plans if p.complete)
        todo = [p for p in plans if p.changes]
        agreed = hooks.agree(plans) and not refused
        if not agreed or not todo:
            return ApplyResult(plans=plans, agreed=agreed)
        return await _apply_all(planner, servers, plans, hooks, progress)


async def _apply_all(
    planner: Planner, servers: OpenServers, plans: tuple[Plan, ...], hooks: ApplyHooks, progress: Progress
) -> ApplyResult:
    config = planner.config
    journal = FileJournal(journal_folder(config.root), tool=f"reconciler {reconciler.__version__}")
    passwords = ChangePasswords(config, state_folder(config.root) / "passwords" / f"{journal.run}.jsonl")
    todo = [p for p in plans if p.changes]
    gates = {name: asyncio.Semaphore(DOMAINS_AT_ONCE) for name in servers.writers}
    progress.begin("Applying", sum(len(p.changes) for p in todo))

    def told(outcome: Outcome) -> None:
        progress.step(outcome.change.address)
        hooks.on_outcome(outcome)

    async def one(plan: Plan) -> tuple[tuple[Outcome, ...], Plan]:
        writer = servers.writers[plan.server]
        desired = config.domains[plan.domain]
        async with gates[plan.server]:
            outcomes = await apply_plan(plan, writer, passwords, journal, told)
            again = planner.after(plan, outcomes)
            return await verify(writer, desired, outcomes, lambda seen: again.plan(desired, seen))

    done = await asyncio.gather(*(one(p) for p in todo))
    progress.end()
    left = tuple(plan for _, plan in done)
    result = ApplyResult(
        plans=plans,
        agreed=True,
        outcomes={p.domain: outcomes for p, (outcomes, _) in zip(todo, done, strict=True)},
        left=left,
        passwords_file=passwords.path if passwords.delivered else None,
        journal=journal.path,
    )
    journal.close(converged=result.converged)
    return result
