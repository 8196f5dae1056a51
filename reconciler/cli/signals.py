"""SIGINT, SIGTERM and SIGHUP while a run may be writing: the first asks it to stop, a second one ends it at once."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from reconciler.cli.ended import Ended
from reconciler.engine.stopping import Stop

_T = TypeVar("_T")

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What a person, a CI that cancels a job, and a terminal that is closed send."""

ECHO = 0.25
"""Seconds in which the same signal again is the same wish: a terminal sends Ctrl-C to us and to whatever started us
(`timeout`, `make`, a shell script), which passes it on. Nobody's second thought is that quick."""


class Signals:
    """What signals do to one run.

    Args:
        stop: asked by the first signal once writes may have begun. Before that nothing has to be finished.
        say: told, in the event loop, that the run is stopping.
    """

    def __init__(self, stop: Stop, say: Callable[[str], None]) -> None:
        self._stop, self._say = stop, say
        self._asked = 0
        self._asked_at = 0.0
        self._ended_by = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Runs it to its end, or to the end that a signal makes.

        Raises:
            Ended: by a signal, before the first write or by the second one.
        """

        async def task() -> _T:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            return await work

        with _handling(self._on):
            try:
                return asyncio.run(task())
            except asyncio.CancelledError:
                if not self._ended_by:
                    raise
                raise Ended(self._ended_by) from None

    def _on(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if number == self._asked and time.monotonic() < self._asked_at + ECHO:
            return
        if self._stop.writing and not self._asked:
            self._asked, self._asked_at = number, time.monotonic()
            self._stop.ask(f"stopped by {name}")
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._say, name)
            return
        self._ended_by = number
        for one in SIGNALS:  # the third one meets no more care
            if signal.getsignal(one) == self._on:
                signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL)
        if self._task is None or self._loop is None or self._task.done():
            raise Ended(number)
        self._task.cancel()
        self._loop.call_soon_threadsafe(lambda: None)  # wakes it, so that it sees this


@contextmanager
def ending_at_once() -> Iterator[None]:
    """While a question is asked: SIGINT is a no (KeyboardInterrupt), the others end the run, each at once.

    A handler that only took note would be heard when the question is answered.
    """

    def on(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Ended(number)

    with _handling(on):
        yield


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Has signals handled so; not those that whoever started us has ignored (`nohup`), nor outside the main thread."""
    mine = threading.current_thread() is threading.main_thread()
    wanted = [s for s in SIGNALS if mine and signal.getsignal(s) not in (signal.SIG_IGN, None)]
    before = {s: signal.signal(s, handler) for s in wanted}
    try:
        yield
    finally:
        for one, earlier in before.items():
            signal.signal(one, earlier)
