"""Domains applied concurrently: a reason to stop stops all of them, each after its change in flight."""

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
        left: the remaining plan, from a read after the last write; without it, the changes that were not applied.
        verified: whether there was that read.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    left: Plan
    verified: bool = True


class OutcomeReporter:
    """Reports each outcome as it happens. An output can fail: then the run stops in order, and is not cut off."""

    def __init__(self, progress: Progress, report: Callable[[Outcome], None], stop: Stop) -> None:
        self._progress, self._report, self._stop = progress, report, stop
        self._lost = False

    def __call__(self, outcome: Outcome) -> None:
        """Reports one outcome; nothing more after an output failed, because it would fail again."""
        if self._lost:
            return
        try:
            self._progress.step(outcome.change.address)
            self._report(outcome)
        except (OSError, ReconcilerError) as e:
            self._lost = True
            reason = e.message if isinstance(e, ReconcilerError) else f"the output is gone: {e.strerror or e}"
            self._stop.ask(f"stopped: {reason}")


async def run_concurrently(work: Iterable[Coroutine[Any, Any, _T]], stop: Stop) -> list[_T]:
    """Runs the domains' coroutines. An unexpected exception in one stops the others first, and is raised then."""

    async def one(domain: Coroutine[Any, Any, _T]) -> _T:
        try:
            return await domain
        # A cancellation is not an `Exception`: it is passed on without a message.
        except Exception as e:
            stop.ask(f"stopped by an unexpected {type(e).__name__} in another domain")
            raise

    # With the default, the first exception would leave the other domains running unattended.
    done = await asyncio.gather(*(one(d) for d in work), return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return [r for r in done if not isinstance(r, BaseException)]


def unverified(plan: Plan, outcomes: tuple[Outcome, ...]) -> Applied:
    """A domain that was stopped before it could be read again: only the answers show which changes are left."""
    made = {o.change.key for o in outcomes if o.result in (Result.APPLIED, Result.SKIPPED)}
    # Incomplete, because no read confirms it.
    left = replace(plan, changes=tuple(c for c in plan.changes if c.key not in made), diagnostics=(), complete=False)
    return Applied(plan=plan, outcomes=outcomes, left=left, verified=False)


def journal_corrections(
    journal: FileJournal, server: str, reported: Sequence[Outcome], verified: Sequence[Outcome], stop: Stop
) -> None:
    """Journals each outcome that the verification changed: the journal must not record an unmade change as made."""
    for before, after in zip(reported, verified, strict=True):
        # The journal already holds the reported outcome; the later record wins.
        if before.result is not after.result:
            try:
                journal.outcome(server, after)
            except ReconcilerError as e:
                stop.ask(e.message)


def close_journal(journal: FileJournal | None, done: Sequence[Applied], stop: Stop, *, converged: bool) -> str:
    """Closes the journal.

    Returns:
        Why the run did not finish; empty if it finished, even if a stop was requested meanwhile.
    """
    cut = bool(stop.reason) and not all(
        d.verified and all(o.result is not Result.NOT_TRIED for o in d.outcomes) for d in done
    )
    if journal:
        try:
            journal.close(converged=converged and not cut)
        except ReconcilerError as e:
            stop.ask(e.message)
            # A journal without its last record counts as interrupted, and so must the run.
            return stop.reason
    return stop.reason if cut else ""
