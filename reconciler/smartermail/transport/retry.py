"""Who may send a request again, when, and how often.

Reads: on anything that may pass. Writes: only where the server said that it did nothing (429). Four tries in all,
with growing pauses and jitter; `Retry-After` is the least. And all requests to a server share one store of retries, so
that a run over many domains does not multiply the load of a server that is sick.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from reconciler.core.errors import ReconcilerError, Unreachable
from reconciler.smartermail.transport.circuit import Circuit
from reconciler.smartermail.transport.errors import Again

TRIES = 4
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
JITTER = 0.25
LONGEST_WAIT = 60.0
"""Seconds. A server that asks for more is taken to be away."""

# stamina reports each retry to a logger of its own; without a handler Python would print that to standard error.
logging.getLogger("stamina").addHandler(logging.NullHandler())

T = TypeVar("T")


class Retries:
    """The retries of a run at one server, as gRPC throttles them: a store that every retry takes from.

    It begins full, and every request that succeeds puts a part of one back.
    """

    FULL = 50.0
    SHARE = 0.2

    def __init__(self) -> None:
        self.left = self.FULL

    def take(self) -> bool:
        """Whether there is one left, which is then taken."""
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def put_back(self) -> None:
        """A request succeeded."""
        self.left = min(self.FULL, self.left + self.SHARE)


async def retrying(send: Callable[[bool], Awaitable[T]], retries: Retries, circuit: Circuit) -> T:
    """Calls `send` until it gives something, at most `TRIES` times; it is told whether this is a repetition.

    A server that stays without an answer, or asks for a long pause, is told to its circuit.

    Raises:
        ReconcilerError: what the last `Again` carried.
    """
    tries = 0
    used_up = False

    def pause(error: Exception) -> bool | float:
        nonlocal used_up
        if not isinstance(error, Again) or _asks_too_much(error) or tries >= TRIES:
            return False
        used_up = not retries.take()
        if used_up:
            return False
        if error.retry_after is None:
            return True
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
                result = await send(tries > 1)
                retries.put_back()
                return result
    except Again as e:
        raise _given_up(e, circuit, used_up=used_up) from (e.__cause__ or e)
    raise AssertionError("stamina raises the last exception")


def _asks_too_much(error: Again) -> bool:
    return error.retry_after is not None and error.retry_after > LONGEST_WAIT


def _given_up(error: Again, circuit: Circuit, *, used_up: bool) -> ReconcilerError:
    final = error.final
    if error.is_silent:
        circuit.unanswered(final.message)
    if error.retry_after is not None and _asks_too_much(error):
        text = f"{final.message}; it asks to wait {error.retry_after:.0f} seconds"
        away = Unreachable(text, hint="try again then")
        circuit.trip("it asks for a pause", away, error.retry_after)
        return away
    if used_up:
        return type(final)(
            f"{final.message}; it is not tried again, for the run has used up its retries at this server",
            hint=final.hint,
        )
    return final
