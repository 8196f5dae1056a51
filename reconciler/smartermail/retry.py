"""Who may send a request again, when, and how often.

Reads: on anything that may pass. Writes: only where the server said that it did nothing (429). Four tries in all,
with growing pauses and jitter; `Retry-After` is the least.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from reconciler.core.errors import Unreachable
from reconciler.smartermail.errors import Again

TRIES = 4
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
JITTER = 0.25
LONGEST_WAIT = 60.0
"""Seconds. A server that asks for more is taken to be away."""

# stamina reports each retry to a logger of its own; without a handler Python would print that to standard error.
logging.getLogger("stamina").addHandler(logging.NullHandler())

T = TypeVar("T")


async def retrying(send: Callable[[bool], Awaitable[T]]) -> T:
    """Calls `send` until it gives something, at most `TRIES` times; it is told whether this is a repetition.

    Raises:
        ReconcilerError: what the last `Again` carried.
    """
    tries = 0

    def pause(error: Exception) -> bool | float:
        if not isinstance(error, Again):
            return False
        if error.retry_after is None:
            return True
        if error.retry_after > LONGEST_WAIT:
            return False
        grown: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))
        return max(error.retry_after, grown) + random.random() * JITTER  # noqa: S311 - spreads load, guards nothing

    try:
        async for attempt in stamina.retry_context(
            on=pause,
            attempts=TRIES,
            timeout=None,
            wait_initial=FIRST_PAUSE,
            wait_max=LONGEST_PAUSE,
            wait_jitter=JITTER,
        ):
            with attempt:
                tries += 1
                return await send(tries > 1)
    except Again as e:
        if e.retry_after is not None and e.retry_after > LONGEST_WAIT:
            text = f"{e.final.message}; it asks to wait {e.retry_after:.0f} seconds"
            raise Unreachable(text, hint="try again then") from e
        raise e.final from e.__cause__
    raise AssertionError("stamina raises the last exception")
