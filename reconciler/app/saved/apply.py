"""`apply --plan`: applies the reviewed changes of a saved plan, and no other changes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.app.apply.locking import locked
from reconciler.app.apply.run import ApplyHooks, ApplyResult, apply_plans
from reconciler.app.plan.judging import judge
from reconciler.app.plan.planner import Planner, internal_domains, pending_of
from reconciler.app.saved.guards import objections_now
from reconciler.app.saved.plan_file import SavedPlan
from reconciler.config.workspace import Configuration
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.errors import ReconcilerError
from reconciler.core.model import CurrentDomain, DesiredDomain
from reconciler.core.plan import Outcome, Plan, takes_name
from reconciler.core.planning.recheck import ServerHistory, recheck, refreshed
from reconciler.core.ports import Progress, ReadScope
from reconciler.engine.observe import Observation
from reconciler.engine.verify import not_done, saved_scope


async def run_saved(config: Configuration, saved: SavedPlan, hooks: ApplyHooks, progress: Progress) -> ApplyResult:
    """All of `apply --plan`.

    Only domains that have changes are read, and costly fields only of the objects that the changes touch. If a guard
    refuses the remaining changes of any domain, the run ends before the first write. A domain that cannot be read is
    skipped.
    """
    # A domain without changes needs no lock, so other runs can work on it.
    todo = [p.domain for p in saved.plans if p.changes]
    async with locked(
        config,
        todo,
        command="apply --plan",
        stop=hooks.stop,
        patience=hooks.lock_timeout,
        say=hooks.on_wait,
    ):
        return replace(await apply_plans(_Saved(config, saved), hooks, progress), saved=True)


class _Saved(Planner):
    """Gives the reviewed changes, compared with the current state, in place of a new plan."""

    def __init__(self, config: Configuration, saved: SavedPlan) -> None:
        super().__init__(config, saved.request)
        self.saved = saved
        self.expected = {e.plan.domain: e for e in saved.domains}

    def selected(self) -> list[DesiredDomain]:
        """The domains that have changes, without the resources of their files: the changes decide what to read."""
        return [self.bare(p.domain) for p in self.saved.plans if p.changes]

    def scope(self, desired: DesiredDomain) -> ReadScope:
        """The reads for the fields that the changes set, and that their preconditions compare."""
        expected = self.expected[desired.domain]
        return saved_scope(expected.plan.changes, expected.preconditions)

    def bill_scope(self, desired: DesiredDomain) -> ReadScope:  # noqa: ARG002 - the same for all
        """Nothing: the reviewer has seen the bill."""
        return ReadScope()

    def may_take_away(self, desired: DesiredDomain) -> bool:
        """Whether a change deletes or renames something."""
        return any(takes_name(c) for c in self.expected[desired.domain].plan.changes)

    def plan(self, desired: DesiredDomain, seen: Observation) -> Plan:
        """The saved plan of one domain with the current objects in its changes."""
        if isinstance(seen, ReconcilerError):
            return super().plan(desired, seen)
        return refreshed(self.expected[desired.domain].plan, seen, self._history(desired.server))

    def decided(self, plan: Plan, seen: Observation) -> Mapping[str, Outcome]:
        """The outcomes of changes that are already in place, or whose object changed since the plan."""
        if isinstance(seen, ReconcilerError):
            return {}
        expected = self.expected[plan.domain]
        return recheck(plan, expected.preconditions, self.saved.salt, seen, self._history(plan.server))

    def all_plans(self, seen: Mapping[str, Observation]) -> tuple[Plan, ...]:
        """The plans of all saved domains; the guards look at the changes that are still to be made."""
        self.internal = internal_domains(self.config, seen)
        # Domains without changes were not read. They keep their saved plan, so the output shows all reviewed domains.
        live = {d.domain: self.plan(d, seen[d.domain]) for d in self.selected()}
        pending = [pending_of(p, self.decided(p, seen[p.domain])) for p in live.values()]
        plans = judge(
            [live.get(p.domain, p) for p in self.saved.plans],
            seen,
            self.internal,
            self.request.allow_deletions,
            pending=pending,
            reviewed=self.saved.plans,
        )
        # Only pending changes count: a deletion that is already in place cannot break a guard.
        found = {p.domain: self._objections(p, seen[p.domain]) for p in pending}
        return tuple(p.with_diagnostics(*found.get(p.domain, ())) for p in plans)

    def left(self, plan: Plan, outcomes: Sequence[Outcome], seen: Observation) -> Plan:
        """The saved changes that are not in place; nothing else is looked at."""
        return (
            self.plan(self.bare(plan.domain), seen)
            if isinstance(seen, ReconcilerError)
            else not_done(plan, outcomes, seen)
        )

    def _objections(self, pending: Plan, seen: Observation) -> tuple[Diagnostic, ...]:
        return objections_now(pending, seen, self) if pending.changes and isinstance(seen, CurrentDomain) else ()

    def _history(self, server: str) -> ServerHistory:
        return ServerHistory(
            versions={a: v for (s, a), v in self.inventory.password_versions.items() if s == server},
            asked=self.request.set_passwords,
            begun=frozenset((kind, a) for (s, kind, a) in self.inventory.begun if s == server),
        )
