"""Several requests at once, of which one failure ends the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reconciler.core.errors import ReconcilerError, RefusedCredentials, Unreachable


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises one plain exception: the most telling of those that its tasks raised."""
    chosen: BaseException
    try:
        async with asyncio.TaskGroup() as group:
            yield group
        return
    except BaseExceptionGroup as e:
        chosen = _chosen(e)
    raise chosen from chosen.__cause__


def _chosen(group: BaseExceptionGroup[BaseException]) -> BaseException:
    flat = [_chosen(e) if isinstance(e, BaseExceptionGroup) else e for e in group.exceptions]
    ranks = (RefusedCredentials, Unreachable, ReconcilerError)

    def rank(error: BaseException) -> int:
        return next((i for i, kind in enumerate(ranks, 1) if isinstance(error, kind)), 0)

    return min(flat, key=rank)
