"""Retries: which requests are sent again, when, and how often.

Reads are retried after every failure that may be temporary. Writes are retried only if the server reports that it did
nothing (429). There are at most four attempts, with increasing, random pauses, never shorter than `Retry-After`. All
requests to a server share one retry budget, so that a run over many domains does not multiply the load of a failing
server.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from reconciler.core.errors import ReconcilerError, Unreachable
from reconciler.smartermail.transport.circuit import Circuit
from reconciler.smartermail.transport.errors import Retryable

ATTEMPTS = 4
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
JITTER = 0.25
LONGEST_WAIT = 60.0
"""Maximum seconds of a Retry-After pause that a request waits. A longer one opens the circuit breaker."""

# stamina logs each retry. Without a handler, Python would print the warnings to standard error.
logging.getLogger("stamina").addHandler(logging.NullHandler())

T = TypeVar("T")


class RetryBudget:
    """The retry budget of a run at one server, after the retry throttling of gRPC.

    It starts full. Every retry takes one, and every successful request returns a fraction of one.
    """

    CAPACITY = 50.0
    REFILL = 0.2

    def __init__(self) -> None:
        self.left = self.CAPACITY

    def take(self) -> bool:
        """Take one retry. Returns False if the budget is empty."""
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def refill(self) -> None:
        """Return a fraction of a retry after a successful request."""
        self.left = min(self.CAPACITY, self.left + self.REFILL)


async def retrying(send: Callable[[bool], Awaitable[T]], budget: RetryBudget, circuit: Circuit) -> T:
    """Call `send` until it succeeds, at most `ATTEMPTS` times. Its argument is True for retries.

    A missing answer, or a long pause that the server requests, is reported to the circuit breaker.

    Raises:
        ReconcilerError: the error that the last `Retryable` contains.
    """
    attempts = 0
    budget_empty = False

    def pause(error: Exception) -> bool | float:
        nonlocal budget_empty
        if not isinstance(error, Retryable) or _pause_too_long(error) or attempts >= ATTEMPTS:
            return False
        budget_empty = not budget.take()
        if budget_empty:
            return False
        # True lets stamina compute the pause; a number replaces it.
        if error.retry_after is None:
            return True
        backoff: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1))
        return max(error.retry_after, backoff) + random.random() * JITTER  # noqa: S311 - spreads load, guards nothing

    try:
        async for attempt in stamina.retry_context(
            on=pause,
            attempts=ATTEMPTS,
            # The number of attempts is the limit: a total time would cancel a pause that the server requested.
            timeout=None,
            wait_initial=FIRST_PAUSE,
            wait_max=LONGEST_PAUSE,
            wait_jitter=JITTER,
        ):
            with attempt:
                attempts += 1
                result = await send(attempts > 1)
                budget.refill()
                return result
    except Retryable as e:
        raise _final_error(e, circuit, budget_empty=budget_empty) from (e.__cause__ or e)
    raise AssertionError("stamina raises the last exception")


def _pause_too_long(error: Retryable) -> bool:
    return error.retry_after is not None and error.retry_after > LONGEST_WAIT


def _final_error(error: Retryable, circuit: Circuit, *, budget_empty: bool) -> ReconcilerError:
    final = error.final
    if error.is_silent:
        circuit.unanswered(final.message)
    if error.retry_after is not None and _pause_too_long(error):
        text = f"{final.message}; the server requests a pause of {error.retry_after:.0f} s"
        paused = Unreachable(text, hint="run the command again after this pause")
        circuit.trip("the server requested a pause", paused, error.retry_after)
        return paused
    if budget_empty:
        return type(final)(
            f"{final.message}; not retried, because the run has used its retry budget for this server",
            hint=final.hint,
        )
    return final
