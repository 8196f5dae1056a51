"""Plan, ask, apply, read back, and show that nothing is left to do."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import reconciler
from reconciler.app import header as who
from reconciler.app.apply.domains import Applied, Teller, closed, side_by_side, take_back, unproven
from reconciler.app.apply.locking import locked
from reconciler.app.apply.passwords import ChangePasswords, check_delivery
from reconciler.app.exits import Exit, of_plans
from reconciler.app.header import generated
from reconciler.app.plan.planner import Planner, PlanRequest, journal_folder, state_folder
from reconciler.app.plan.reading import observe_selected
from reconciler.app.servers import OpenServers, open_servers
from reconciler.config.workspace import Configuration
from reconciler.core.model import Unset
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.ports import Progress
from reconciler.engine.apply import apply_plan
from reconciler.engine.journal.inventory import read_inventory
from reconciler.engine.journal.reader import last_turn
from reconciler.engine.journal.writer import FileJournal, check_room
from reconciler.engine.observe import DOMAINS_AT_ONCE
from reconciler.engine.stopping import Stop
from reconciler.engine.verify import has_converged, verify


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyHooks:
    """What the command line is asked and told meanwhile.

    Attributes:
        agree: shown the plans; False ends the run before the first write.
        on_outcome: told what became of each change, as it happens.
        on_decided: told, before `agree`, which changes of a saved plan are not to be made, and why.
        stop: how the command line asks the run to stop.
        lock_timeout: seconds to wait for another run that works on the same.
        on_wait: told whom it waits for.
    """

    agree: Callable[[tuple[Plan, ...]], bool]
    on_outcome: Callable[[Outcome], None]
    on_decided: Callable[[tuple[Outcome, ...]], None] = lambda _: None
    stop: Stop = field(default_factory=Stop)
    lock_timeout: float = 0.0
    on_wait: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """What an apply did.

    Attributes:
        agreed: False if it was refused: nothing was written then.
        left: the plans made after it, for the domains that it changed; of a saved plan what is left of it.
        passwords_file: where generated passwords were written, if any were.
        journal: the run's journal, None if nothing was to do.
        saved: whether it was a saved plan: what converged is that plan, and nothing is said of anything else.
        stopped: why the run was stopped before its own end; empty if it was not. Then what is left in a domain that
            is not `complete` was not read, but is what was not applied.
    """

    plans: tuple[Plan, ...]
    agreed: bool
    outcomes: Mapping[str, tuple[Outcome, ...]] = field(default_factory=dict)
    left: tuple[Plan, ...] = ()
    passwords_file: Path | None = None
    journal: Path | None = None
    saved: bool = False
    stopped: str = ""

    @property
    def changed(self) -> bool:
        """Whether anything was applied."""
        return Result.APPLIED in self._results()

    @property
    def converged(self) -> bool:
        """Whether every selected domain is, by a read after the last write, as declared, or as the saved plan wants it.

        Of a saved plan only its own changes are looked at.
        """
        return self.agreed and not self.stopped and all(has_converged(p) and not p.left_out for p in self._last())

    @property
    def left_out(self) -> int:
        """How many changes `--target` left out; 0 as long as anything else is left to do."""
        return sum(p.left_out for p in self._last()) if all(has_converged(p) for p in self._last()) else 0

    @property
    def exit_code(self) -> Exit:
        """Refused before the first write; else in part, if it was stopped, failed or could not be read; else done.

        A change of a saved plan that was refused, because its object moved, is a refusal where nothing failed.
        """
        before = of_plans(self.plans, detailed=False)
        if not self.agreed:
            return before if before is not Exit.DONE else Exit.REFUSED
        results = self._results()
        if self.stopped:
            return Exit.PARTIAL
        if results & {Result.FAILED, Result.NOT_TRIED} or not all(p.complete for p in self.left):
            return Exit.PARTIAL
        if before is not Exit.DONE:
            return Exit.PARTIAL if self.changed else before
        if Result.REFUSED in results:
            return Exit.REFUSED
        return Exit.DONE if all(has_converged(p) for p in self.left) else Exit.PARTIAL

    def _results(self) -> set[Result]:
        return {o.result for row in self.outcomes.values() for o in row}

    def _last(self) -> list[Plan]:
        """The last plan of every selected domain."""
        return list({p.domain: p for p in (*self.plans, *self.left)}.values())


async def run_apply(config: Configuration, request: PlanRequest, hooks: ApplyHooks, progress: Progress) -> ApplyResult:
    """The whole of `apply`.

    A guard's refusal in any domain refuses the run before the first write. A domain that could not be read is left
    alone, and the others are applied.
    """
    async with locked(
        config,
        config.selected,
        command="apply",
        stop=hooks.stop,
        patience=hooks.lock_timeout,
        say=hooks.on_wait,
    ):
        return await _run(Planner(config, request), hooks, progress)


async def _run(planner: Planner, hooks: ApplyHooks, progress: Progress) -> ApplyResult:
    """With the lock: what the journals tell was read after it was had."""
    config = planner.config
    names = [d.server for d in planner.selected()]
    async with open_servers(config.workspace, names, config.root, writing=True) as servers:
        plans = planner.all_plans(await observe_selected(planner, servers, progress))
        refused = any(p.refused for p in plans if p.complete)
        if not refused:
            check_delivery(config, plans)
        agreed = hooks.agree(plans) and not refused
        protections = protections_to_write(config, (p.domain for p in plans if p.complete))
        if not agreed or not (protections.news or any(p.changes for p in plans)):
            return ApplyResult(plans=plans, agreed=agreed)
        hooks.stop.writing = True
        journal = begin_journal(config, protections, plans)
        return await _apply_all(planner, servers, plans, hooks, progress, journal)


@dataclass(frozen=True, slots=True)
class Protections:
    """Which mailboxes the files protect, as it is to be written into a journal.

    Attributes:
        rows: (server, domain, local parts), of each domain where there are any, or where the journals know of any.
        news: whether the journals know it otherwise: then it is written though there is nothing else to do, or a
            protection could never be lifted.
    """

    rows: tuple[tuple[str, str, frozenset[str]], ...]
    news: bool


def protections_to_write(config: Configuration, domains: Iterable[str]) -> Protections:
    """What the files say of these domains' protected mailboxes, next to what the last run that said so knew."""
    inventory = read_inventory(journal_folder(config.root))
    rows, news = [], False
    for name in domains:
        desired = config.domains[name]
        boxes = {} if isinstance(desired.mailboxes, Unset) else desired.mailboxes
        names = frozenset(n for n, m in boxes.items() if m.protect)
        known = inventory.protected(desired.server, name)
        before = frozenset[str]() if known is None else known[0]
        if names or before:
            rows.append((desired.server, name, names))
            news = news or names != before
    return Protections(tuple(rows), news)


def begin_journal(config: Configuration, protections: Protections, plans: Sequence[Plan]) -> FileJournal:
    """A new run's journal: who runs what, over which files, and which mailboxes these protect.

    Raises:
        JournalUnusable: it cannot be written, or there is no room for these plans; nothing was changed.
    """
    folder = journal_folder(config.root)
    check_room(folder, plans)
    commit = generated(config.root).get("commit")
    journal = FileJournal(
        folder,
        tool=f"reconciler {reconciler.__version__}",
        commit=commit if isinstance(commit, str) else None,
        user=who.user(),
        configuration=config.digest,
        after=last_turn(folder),
    )
    for server, domain, names in protections.rows:
        journal.protected(server, domain, names)
    return journal


def passwords_of(config: Configuration, journal: FileJournal) -> ChangePasswords:
    """The passwords of a run; generated ones go into a file that is named like its journal."""
    return ChangePasswords(config, state_folder(config.root) / "passwords" / f"{journal.run}.jsonl")


async def _apply_all(
    planner: Planner,
    servers: OpenServers,
    plans: tuple[Plan, ...],
    hooks: ApplyHooks,
    progress: Progress,
    journal: FileJournal,
) -> ApplyResult:
    config, stop = planner.config, hooks.stop
    passwords = passwords_of(config, journal)
    todo = [p for p in plans if p.changes]
    gates = {name: asyncio.Semaphore(DOMAINS_AT_ONCE) for name in servers.writers}
    progress.begin("Applying", sum(len(p.changes) for p in todo))
    told = Teller(progress, hooks.on_outcome, stop)

    async def one(plan: Plan) -> Applied:
        writer = servers.writers[plan.server]
        desired = config.domains[plan.domain]
        async with gates[plan.server]:
            await passwords.ask_server(writer, plan)
            outcomes = await apply_plan(plan, writer, passwords, journal, told, stop=stop)
            again = planner.after(plan, outcomes)
            seen = await stop.unless(verify(writer, desired, outcomes, lambda seen: again.plan(desired, seen)))
            if seen is None:
                return unproven(plan, outcomes)
            proven, rest = seen
            take_back(journal, plan.server, outcomes, proven, stop)
            return Applied(plan=plan, outcomes=proven, left=rest)

    done = await side_by_side((one(p) for p in todo), stop)
    progress.end()
    result = ApplyResult(
        plans=plans,
        agreed=True,
        outcomes={d.plan.domain: d.outcomes for d in done},
        left=tuple(d.left for d in done),
        passwords_file=passwords.path if passwords.delivered else None,
        journal=journal.path,
    )
    return replace(result, stopped=closed(journal, done, stop, converged=result.converged))
