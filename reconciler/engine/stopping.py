"""Asked to stop in the middle: the change in flight is finished and written down, and no other is begun."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class Stop:
    """Whether a run is to stop, and why.

    Signals ask for it, a journal or an output that cannot be written, a lock that was lost. The first reason stays.

    Attributes:
        reason: why, in words for the outcomes of what is not tried; empty as long as nobody asked.
        lost: not even what was begun may be finished: another run may be writing.
        writing: writes may have begun. Until then whoever is told to stop can end at once.
        check: looks whether the run may go on writing at all; gives the reason if it may not. Asked before each write.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.lost = False
        self.writing = False
        self.check: Callable[[], str] = lambda: ""
        self._wakers: set[Callable[[], None]] = set()

    def ask(self, reason: str, *, lost: bool = False) -> None:
        """Asks the run to stop. May be called by a signal's handler, and by any thread."""
        self.lost = self.lost or lost
        self.reason = self.reason or reason
        for wake in tuple(self._wakers):
            wake()

    def due(self) -> str:
        """Why nothing more may be begun now; empty if it may."""
        if not self.lost:
            fault = self.check()
            if fault:
                self.ask(fault, lost=True)
        return self.reason

    async def unless(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """What some reading gives; None where a stop is asked for before it is done, and then it is broken off."""
        loop = asyncio.get_running_loop()
        asked = loop.create_future()

        def told() -> None:
            if not asked.done():
                asked.set_result(None)

        def wake() -> None:
            loop.call_soon_threadsafe(told)

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
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
