"""Concurrent requests of which one failure cancels the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reconciler.core.errors import ReconcilerError, RefusedCredentials, Unreachable


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises one plain exception: the most informative of those that its tasks raised."""
    chosen: BaseException
    try:
        async with asyncio.TaskGroup() as group:
            yield group
        return
    except BaseExceptionGroup as e:
        chosen = _most_informative(e)
    # Raised outside the `except` block, so that the exception group does not become its context in tracebacks.
    raise chosen from chosen.__cause__


def _most_informative(group: BaseExceptionGroup[BaseException]) -> BaseException:
    flat = [_most_informative(e) if isinstance(e, BaseExceptionGroup) else e for e in group.exceptions]
    # Rejected credentials explain all other failures. Anything that is not one of our errors is a bug: rank 0, first.
    ranks = (RefusedCredentials, Unreachable, ReconcilerError)

    def rank(error: BaseException) -> int:
        return next((i for i, kind in enumerate(ranks, 1) if isinstance(error, kind)), 0)

    return min(flat, key=rank)
