"""Stopping a run early: the current change is finished and journalled, and no other change begins."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class Stop:
    """The request to stop a run, with its reason.

    Signals request it, as well as a journal or an output that cannot be written, and a lost lock. The first reason is
    kept.

    Attributes:
        reason: text for the outcomes of changes that are not tried; empty without a request.
        lost: the lock was lost, so another run may be writing: not even the current change may be finished.
        writing: writes may have begun. Before that a run can end immediately.
        check: returns the reason why the run must not write any more, or an empty text. Called before each write.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.lost = False
        self.writing = False
        self.check: Callable[[], str] = lambda: ""
        self._wakers: set[Callable[[], None]] = set()

    def ask(self, reason: str, *, lost: bool = False) -> None:
        """Requests a stop. Safe in signal handlers and in all threads."""
        # A lost lock is never reset: a later signal must not allow the current change to finish.
        self.lost = self.lost or lost
        self.reason = self.reason or reason
        for wake in tuple(self._wakers):
            wake()

    def due(self) -> str:
        """Why no other change may begin now; empty if one may."""
        if not self.lost:
            fault = self.check()
            if fault:
                self.ask(fault, lost=True)
        return self.reason

    async def unless(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """The result of `work` (a read); None if a stop is requested first, which cancels it."""
        # Only reads are cancelled. A cancelled write would be ambiguous, so writes always finish.
        loop = asyncio.get_running_loop()
        asked = loop.create_future()

        def resolve() -> None:
            if not asked.done():
                asked.set_result(None)

        def wake() -> None:
            loop.call_soon_threadsafe(resolve)

        # Registered before the first look at `reason`: a request between the two would otherwise be missed.
        self._wakers.add(wake)
        task = loop.create_task(work)
        try:
            if self.reason:
                return None
            await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            self._wakers.discard(wake)
            asked.cancel()
            # Wait for the cancelled task, so that its connection is closed before the event loop ends.
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
