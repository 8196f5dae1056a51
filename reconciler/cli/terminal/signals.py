"""SIGINT, SIGTERM and SIGHUP during a run that writes: the first requests a stop, the second ends the run at once."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from reconciler.cli.terminal.ended import Ended
from reconciler.engine.stopping import Stop

_T = TypeVar("_T")

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals of Ctrl-C, of a CI that cancels a job, and of a closed terminal."""

ECHO = 0.25
"""Seconds in which a repeated signal counts as one. A terminal sends Ctrl-C to the program and to its parent, such as
`timeout` or `make`, which forwards it. No person presses the keys twice that fast."""


class Signals:
    """Handles the signals of one run.

    Args:
        stop: the first signal sets it once writes may have begun. Before that, there is no change to finish.
        say: called in the event loop with the name of the signal when the run starts to stop.
    """

    def __init__(self, stop: Stop, say: Callable[[str], None]) -> None:
        self._stop, self._say = stop, say
        self._asked = 0
        self._asked_at = 0.0
        self._ended_by = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine until it ends or a signal ends it.

        Raises:
            Ended: a signal arrived before the first write, or a second one.
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
        # Once writes have begun, an immediate end would leave a change half made and its outcome out of the journal.
        if self._stop.writing and not self._asked:
            self._asked, self._asked_at = number, time.monotonic()
            self._stop.ask(f"stopped by {name}")
            if self._loop is not None and not self._loop.is_closed():
                # A handler can interrupt a write to the same stream, and a nested write fails. The loop prints the
                # message instead.
                self._loop.call_soon_threadsafe(self._say, name)
            return
        # The exception leaves the loop as a cancellation, so the number must be kept for the exit code.
        self._ended_by = number
        for one in SIGNALS:  # A third signal gets the default handling.
            if signal.getsignal(one) == self._on:
                signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL)
        if self._task is None or self._loop is None or self._task.done():
            raise Ended(number)
        # Cancellation lets the task close its connections and release its locks.
        self._task.cancel()
        self._loop.call_soon_threadsafe(lambda: None)  # Wakes the loop, which otherwise waits for I/O.


@contextmanager
def ending_at_once() -> Iterator[None]:
    """During a question, SIGINT refuses (KeyboardInterrupt) and the other signals end the run at once.

    A handler that only sets a flag would act after the answer.
    """

    def on(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Ended(number)

    with _handling(on):
        yield


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Install a handler, except for signals that the parent process ignores (`nohup`), and outside the main thread."""
    mine = threading.current_thread() is threading.main_thread()
    wanted = [s for s in SIGNALS if mine and signal.getsignal(s) not in (signal.SIG_IGN, None)]
    before = {s: signal.signal(s, handler) for s in wanted}
    try:
        yield
    finally:
        for one, earlier in before.items():
            signal.signal(one, earlier)
