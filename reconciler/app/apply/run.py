"""`apply`: confirm, execute, verify. A saved plan takes the same path."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import reconciler
from reconciler.app import header
from reconciler.app.apply.domains import (
    Applied,
    OutcomeReporter,
    close_journal,
    journal_corrections,
    run_concurrently,
    unverified,
)
from reconciler.app.apply.locking import locked
from reconciler.app.apply.passwords import ChangePasswords, check_delivery
from reconciler.app.exits import Exit, of_plans
from reconciler.app.header import generated
from reconciler.app.plan.planner import Planner, PlanRequest, journal_folder, pending_of, state_folder
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
from reconciler.engine.observe import DOMAINS_AT_ONCE, Observation
from reconciler.engine.stopping import Stop
from reconciler.engine.verify import has_converged, verify


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyHooks:
    """How a run asks and informs its caller.

    Attributes:
        agree: shows the plans; False ends the run before the first write.
        on_outcome: receives the outcome of each change, as it happens.
        on_decided: receives, before `agree`, the outcomes of changes of a saved plan that are not made.
        stop: how the caller asks the run to stop.
        lock_timeout: seconds to wait for another run that works on the same domains.
        on_wait: receives a text about the run that this one waits for.
    """

    agree: Callable[[tuple[Plan, ...]], bool]
    on_outcome: Callable[[Outcome], None]
    on_decided: Callable[[tuple[Outcome, ...]], None] = lambda _: None
    stop: Stop = field(default_factory=Stop)
    lock_timeout: float = 0.0
    on_wait: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """The result of an apply.

    Attributes:
        agreed: False if a guard or a person refused the plans: nothing was written.
        left: the plans made after the apply, for the domains that it changed; of a saved plan the changes not in place.
        passwords_file: the file with the generated passwords; None if none was generated.
        journal: the run's journal; None if there was nothing to do.
        saved: whether it was a saved plan: only that plan has converged, other differences are not looked at.
        stopped: why the run stopped early; empty if it finished. After a stop, a plan in `left` that is not `complete`
            lists the changes that were not applied, without a read.
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
        """Whether every selected domain is as declared, or as the saved plan wants it, by a read after the last write.

        Of a saved plan only its own changes count.
        """
        return self.agreed and not self.stopped and all(has_converged(p) and not p.left_out for p in self._last())

    @property
    def left_out(self) -> int:
        """How many changes `--target` left out; 0 as long as anything else is left to do."""
        return sum(p.left_out for p in self._last()) if all(has_converged(p) for p in self._last()) else 0

    @property
    def exit_code(self) -> Exit:
        """Refused before the first write; else partial, if the run stopped, failed or could not read; else done.

        A refused change of a saved plan, whose object changed since the plan, is a refusal if nothing failed.
        """
        before = of_plans(self.plans, detailed=False)
        if not self.agreed:
            return before if before is not Exit.DONE else Exit.REFUSED
        results = self._results()
        if self.stopped:
            return Exit.PARTIAL
        # A domain that could not be read after its changes is not known to be complete.
        if results & {Result.FAILED, Result.NOT_TRIED} or not all(p.complete for p in self.left):
            return Exit.PARTIAL
        # Some domain could not be planned. That makes the run partial if it changed another one.
        if before is not Exit.DONE:
            return Exit.PARTIAL if self.changed else before
        if Result.REFUSED in results:
            return Exit.REFUSED
        return Exit.DONE if all(has_converged(p) for p in self.left) else Exit.PARTIAL

    def _results(self) -> set[Result]:
        return {o.result for row in self.outcomes.values() for o in row}

    def _last(self) -> list[Plan]:
        """The last plan of every selected domain."""
        # A plan in `left` replaces the first plan of its domain.
        return list({p.domain: p for p in (*self.plans, *self.left)}.values())


async def run_apply(config: Configuration, request: PlanRequest, hooks: ApplyHooks, progress: Progress) -> ApplyResult:
    """All of `apply`.

    If a guard refuses the plan of any domain, the run ends before the first write. A domain that cannot be read is
    skipped, and the others are applied.
    """
    async with locked(
        config,
        config.selected,
        command="apply",
        stop=hooks.stop,
        patience=hooks.lock_timeout,
        say=hooks.on_wait,
    ):
        return await apply_plans(Planner(config, request), hooks, progress)


async def apply_plans(planner: Planner, hooks: ApplyHooks, progress: Progress) -> ApplyResult:
    """The stages of every apply, from fresh plans and from a saved one: read, plan, judge, confirm, execute, verify.

    The caller holds the locks, and made the planner after it got them: the journals must not change any more.
    """
    config = planner.config
    names = [d.server for d in planner.selected()]
    async with open_servers(config.workspace, names, config.root, writing=True) as servers:
        seen = await observe_selected(planner, servers, progress)
        plans = planner.all_plans(seen)
        decided = {p.domain: planner.decided(p, seen[p.domain]) for p in plans if p.changes}
        outcomes = [decided[p.domain].get(c.key) for p in plans for c in p.changes]
        hooks.on_decided(tuple(o for o in outcomes if o is not None))
        # An incomplete plan reports an unreadable domain. It has no changes and must not stop the other domains.
        refused = any(p.refused for p in plans if p.complete)
        if not refused:
            # A generated password that cannot be delivered would leave a mailbox that nobody can use.
            check_delivery(config, (pending_of(p, decided[p.domain]) for p in plans if p.changes))
        # The plans are shown even if they are refused.
        if not hooks.agree(plans) or refused:
            return ApplyResult(plans=plans, agreed=False)
        return await _Execution(planner, servers, plans, decided, hooks, progress).result()


@dataclass(frozen=True, slots=True)
class Protections:
    """The mailboxes that the files protect, as a journal records them.

    Attributes:
        rows: (server, domain, local parts), for each domain where the files or the journals know any.
        news: whether the journals differ. Then a journal is written even without any change, because otherwise a
            protection could never be lifted.
    """

    rows: tuple[tuple[str, str, frozenset[str]], ...]
    news: bool


def protections_to_write(config: Configuration, domains: Iterable[str]) -> Protections:
    """The protected mailboxes of these domains' files, compared with those of the last run that recorded them."""
    inventory = read_inventory(journal_folder(config.root))
    rows, news = [], False
    for name in domains:
        desired = config.domains[name]
        boxes = {} if isinstance(desired.mailboxes, Unset) else desired.mailboxes
        names = frozenset(n for n, m in boxes.items() if m.protect)
        known = inventory.protected(desired.server, name)
        before = frozenset[str]() if known is None else known[0]
        # A domain that never had a protection needs no record.
        if names or before:
            rows.append((desired.server, name, names))
            news = news or names != before
    return Protections(tuple(rows), news)


def begin_journal(config: Configuration, protections: Protections, plans: Sequence[Plan]) -> FileJournal:
    """A new run's journal: user, program, files, and the mailboxes that these protect.

    Raises:
        JournalUnusable: it cannot be written, or there is no room for these plans; nothing was changed.
    """
    folder = journal_folder(config.root)
    # A full disk must be detected before the first write to a server.
    check_room(folder, plans)
    commit = generated(config.root).get("commit")
    journal = FileJournal(
        folder,
        tool=f"reconciler {reconciler.__version__}",
        commit=commit if isinstance(commit, str) else None,
        user=header.user(),
        configuration=config.digest,
        after=last_turn(folder),
    )
    for server, domain, names in protections.rows:
        journal.protected(server, domain, names)
    return journal


class _Execution:
    """The execution of agreed plans: one journal, domains concurrently, the changes of each one after the other."""

    def __init__(
        self,
        planner: Planner,
        servers: OpenServers,
        plans: tuple[Plan, ...],
        decided: Mapping[str, Mapping[str, Outcome]],
        hooks: ApplyHooks,
        progress: Progress,
    ) -> None:
        self.planner, self.servers, self.plans, self.decided = planner, servers, plans, decided
        self.stop, self.progress = hooks.stop, progress
        self.desired = {d.domain: d for d in planner.selected()}
        self.report = OutcomeReporter(progress, hooks.on_outcome, hooks.stop)
        # This limit bounds memory; the client limits the requests.
        self.limits = {name: asyncio.Semaphore(DOMAINS_AT_ONCE) for name in servers.writers}

    async def result(self) -> ApplyResult:
        """Makes the changes. The journal begins only if there is something to record."""
        config, todo = self.planner.config, [p for p in self.plans if p.changes]
        protections = protections_to_write(config, (p.domain for p in self.plans if p.complete))
        if not (protections.news or todo):
            return ApplyResult(plans=self.plans, agreed=True)
        # From here on a signal must not end the process at once, because a write may be in flight.
        self.stop.writing = True
        is_pending = any(c.key not in self.decided[p.domain] for p in todo for c in p.changes)
        journal = begin_journal(config, protections, self.plans) if protections.news or is_pending else None
        passwords = None
        if journal:
            # Named like the journal, so that a person finds the passwords of a run.
            passwords = ChangePasswords(config, state_folder(config.root) / "passwords" / f"{journal.run}.jsonl")
        self.progress.begin("Applying", sum(len(p.changes) for p in todo))
        done = await run_concurrently((self._domain(p, journal, passwords) for p in todo), self.stop)
        self.progress.end()
        result = ApplyResult(
            plans=self.plans,
            agreed=True,
            outcomes={d.plan.domain: d.outcomes for d in done},
            left=tuple(d.left for d in done),
            passwords_file=passwords.path if passwords and passwords.delivered else None,
            journal=journal.path if journal else None,
        )
        return replace(result, stopped=close_journal(journal, done, self.stop, converged=result.converged))

    async def _domain(self, plan: Plan, journal: FileJournal | None, passwords: ChangePasswords | None) -> Applied:
        """Applies one domain, and verifies it by another read."""
        decided = self.decided[plan.domain]
        pending = pending_of(plan, decided)
        if journal is None or passwords is None or not pending.changes:
            return self._nothing_to_make(plan)
        desired = self.desired[plan.domain]
        writer = self.servers.writers[plan.server]
        async with self.limits[plan.server]:
            await passwords.ask_server(writer, pending)
            outcomes = await apply_plan(plan, writer, passwords, journal, self.report, decided, self.stop)

            def left(checked: Sequence[Outcome], seen: Observation) -> Plan:
                return self.planner.left(plan, checked, seen)

            # After a stop the run does not wait for this read: the journal already has the outcomes.
            done = await self.stop.unless(verify(writer, desired, outcomes, left, self.planner.scope(desired)))
        if done is None:
            return unverified(plan, outcomes)
        checked, rest = done
        journal_corrections(journal, plan.server, outcomes, checked, self.stop)
        return Applied(plan=plan, outcomes=checked, left=rest)

    def _nothing_to_make(self, plan: Plan) -> Applied:
        """A domain whose changes were all decided before: the first read is still the last one."""
        outcomes = tuple(self.decided[plan.domain][c.key] for c in plan.changes)
        for outcome in outcomes:
            self.report(outcome)
        refused = tuple(o.change for o in outcomes if o.result is not Result.SKIPPED)
        return Applied(plan=plan, outcomes=outcomes, left=replace(plan, changes=refused, diagnostics=()))
