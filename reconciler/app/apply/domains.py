"""Domains applied side by side: what stops one stops all, each after its change in flight."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from reconciler.core.errors import ReconcilerError
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.ports import Progress
from reconciler.engine.journal.writer import FileJournal
from reconciler.engine.stopping import Stop

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One domain after its changes.

    Attributes:
        left: what is left to do, by a read after the last write; where there was none, what was not applied.
        proven: whether there was that read.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    left: Plan
    proven: bool = True


class Teller:
    """Tells of each outcome as it happens. What is told to can fail, and then the run stops: it is not cut off."""

    def __init__(self, progress: Progress, tell: Callable[[Outcome], None], stop: Stop) -> None:
        self._progress, self._tell, self._stop = progress, tell, stop
        self._lost = False

    def __call__(self, outcome: Outcome) -> None:
        """Tells one; nothing more once an output failed, for it would fail again."""
        if self._lost:
            return
        try:
            self._progress.step(outcome.change.address)
            self._tell(outcome)
        except (OSError, ReconcilerError) as e:
            self._lost = True
            said = e.message if isinstance(e, ReconcilerError) else f"the output is gone: {e.strerror or e}"
            self._stop.ask(f"stopped: {said}")


async def side_by_side(work: Iterable[Coroutine[Any, Any, _T]], stop: Stop) -> list[_T]:
    """Runs the domains' coroutines. A fault of ours in one stops the others first, and goes on then."""

    async def one(domain: Coroutine[Any, Any, _T]) -> _T:
        try:
            return await domain
        except Exception as e:
            stop.ask(f"stopped by an unexpected {type(e).__name__} in another domain")
            raise

    done = await asyncio.gather(*(one(d) for d in work), return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return [r for r in done if not isinstance(r, BaseException)]


def unproven(plan: Plan, outcomes: tuple[Outcome, ...]) -> Applied:
    """A domain that was stopped before it could be read again: what is left is known from the answers only."""
    made = {o.change.key for o in outcomes if o.result in (Result.APPLIED, Result.SKIPPED)}
    left = replace(plan, changes=tuple(c for c in plan.changes if c.key not in made), diagnostics=(), complete=False)
    return Applied(plan=plan, outcomes=outcomes, left=left, proven=False)


def take_back(
    journal: FileJournal, server: str, said: Sequence[Outcome], proven: Sequence[Outcome], stop: Stop
) -> None:
    """Writes down what the end has changed: the journal must not go on saying that it was made."""
    for before, after in zip(said, proven, strict=True):
        if before.result is not after.result:
            try:
                journal.outcome(server, after)
            except ReconcilerError as e:
                stop.ask(e.message)


def closed(journal: FileJournal | None, done: Sequence[Applied], stop: Stop, *, converged: bool) -> str:
    """Ends the journal. Why the run has not come to its own end; empty if it has, though a stop was asked for."""
    cut = bool(stop.reason) and not all(
        d.proven and all(o.result is not Result.NOT_TRIED for o in d.outcomes) for d in done
    )
    if journal:
        try:
            journal.close(converged=converged and not cut)
        except ReconcilerError as e:
            stop.ask(e.message)
            return stop.reason
    return stop.reason if cut else ""
