"""`rollback RUN`: the reversal of a run, as plans like any other.

An object is changed only if it is still as the run left it. Every guard applies, and nothing is pruned. Diagnostics
name the changes that cannot be reversed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from reconciler.app.history import find_run
from reconciler.app.plan.planner import Planner, PlanRequest, journal_folder
from reconciler.app.plan.reading import observe_selected
from reconciler.app.servers import open_servers
from reconciler.config.workspace import Configuration
from reconciler.core.diagnostics import Diagnostic, sort_diagnostics, warning
from reconciler.core.errors import ReconcilerError
from reconciler.core.model import CurrentDomain, DesiredDomain, Unset
from reconciler.core.plan import Plan
from reconciler.core.planning.rollback import AppliedStep, inverse, scope_of
from reconciler.core.ports import Progress, ReadScope
from reconciler.engine.journal.reader import Run, read_run, run_files
from reconciler.engine.journal.steps import Place, steps_of
from reconciler.engine.observe import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """The reversal of a run.

    Attributes:
        run: the complete id of the run.
        commit: of the files that the run applied; empty if the journal does not name it.
        plans: one per domain that the run changed and that is in the workspace.
        notes: changes of domains that are not in the workspace; the first plan, if there is one, carries them too.
    """

    run: str
    commit: str
    plans: tuple[Plan, ...]
    notes: tuple[Diagnostic, ...] = ()


async def plan_rollback(config: Configuration, wanted: str, request: PlanRequest, progress: Progress) -> Rollback:
    """Plans the reversal of a run.

    Args:
        config: the workspace with all its domains.
        wanted: the run's id, an unambiguous beginning of it, or `last`.
        request: the day and the number of allowed deletions; a rollback uses nothing else of it.
        progress: shows the reads.

    Raises:
        ReconcilerError: there is no such run, or its journal was changed after the run.
    """
    run, later = _runs(journal_folder(config.root), wanted)
    steps = steps_of(run, later)
    here = {name: s for (server, name), s in steps.items() if _is_here(config, server, name)}
    notes = tuple(_elsewhere(config, place, s) for place, s in steps.items() if not _is_here(config, *place))
    planner = _Reversal(config, request, here)
    async with open_servers(config.workspace, [d.server for d in planner.selected()], config.root) as servers:
        plans = planner.all_plans(await observe_selected(planner, servers, progress))
    if plans:
        # These domains have no plan of their own that could carry the notes.
        plans = (plans[0].with_diagnostics(*notes), *plans[1:])
    return Rollback(run=run.run, commit=str(run.start.get("commit", "")), plans=plans, notes=sort_diagnostics(notes))


def _runs(folder: Path, wanted: str) -> tuple[Run, tuple[Run, ...]]:
    """The run and all later runs, if their journals are unchanged as far as that can be known."""
    path = find_run(folder, wanted)
    files = run_files(folder)
    run, *later = (read_run(p) for p in files[files.index(path) :])
    # Later runs decide whether an object is still as the run left it, so their journals must be intact too.
    for one in (run, *later):
        if one.chain == "broken":
            raise ReconcilerError(
                f"{one.fault}: the journal was changed after its run, so no rollback is planned from it",
                hint="check all journals with `reconciler history --verify`; move the file away to continue without it",
            )
    return run, tuple(later)


def _is_here(config: Configuration, server: str, name: str) -> bool:
    return name in config.domains and config.domains[name].server == server


def _elsewhere(config: Configuration, place: Place, steps: Sequence[AppliedStep]) -> Diagnostic:
    server, name = place
    count = f"{len(steps)} change{'s' * (len(steps) != 1)}"
    declared = config.domains.get(name)
    why = f"is now on the server {declared.server}" if declared else "is no longer in the workspace"
    text = f"{name}: {count} of the run on the server {server} cannot be reversed: the domain {why}"
    hint = "restore the domain's file of that run to reverse them"
    return warning("RBK004", text, declared.origin if declared else None, hint=hint)


class _Reversal(Planner):
    """Plans the reversal of one run's changes in place of the files."""

    def __init__(self, config: Configuration, request: PlanRequest, steps: Mapping[str, Sequence[AppliedStep]]) -> None:
        super().__init__(config, request)
        self.steps = steps
        # Pruning would delete resources that the run never touched.
        self.policy = replace(self.policy, prune=MappingProxyType({}))

    def selected(self) -> list[DesiredDomain]:
        """The domains that the run changed, without the resources of their files: the journal decides what to read."""
        return [self.bare(name) for name in sorted(self.steps)]

    def scope(self, desired: DesiredDomain) -> ReadScope:
        """The reads for the fields that the run changed."""
        return scope_of(self.steps[desired.domain])

    def may_take_away(self, desired: DesiredDomain) -> bool:  # noqa: ARG002 - known only after the read
        """Whether objects that the run created are deleted depends on their current state."""
        return True

    def plan(self, desired: DesiredDomain, seen: Observation) -> Plan:
        """The plan of the reversal in one domain."""
        if isinstance(seen, ReconcilerError):
            return super().plan(desired, seen)
        undone = inverse(desired, self.steps[desired.domain], seen, self.policy)
        plan = super().plan(undone.desired, seen)
        # The reversal declares only objects of the run. All others would count as unmanaged.
        changes = tuple(replace(c, reason="rolled back") for c in plan.changes)
        diagnostics = sort_diagnostics((*plan.diagnostics, *undone.diagnostics))
        return replace(plan, changes=changes, unmanaged=(), diagnostics=diagnostics)

    def domain_plans(self, seen: Mapping[str, Observation]) -> list[Plan]:
        """One plan per domain. All changes have one source, the run, so there is no provenance to add."""
        return [self.plan(desired, seen[desired.domain]) for desired in self.selected()]

    def protected_before(self, desired: DesiredDomain, current: CurrentDomain) -> Mapping[str, str]:
        """The same with the mailboxes that the files protect now: a rollback lifts no protection."""
        file = self.config.domains[desired.domain]
        mailboxes = {} if isinstance(file.mailboxes, Unset) else file.mailboxes
        return {
            **super().protected_before(desired, current),
            **{n: "in the files" for n, m in mailboxes.items() if m.protect},
        }
