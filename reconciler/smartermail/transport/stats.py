"""Counters of requests, updated where requests are sent."""

from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class RequestStats:
    """Live counters of one server. Every attempt counts, also one without an answer.

    Attributes:
        requests: all attempts: reads, writes, login and logout.
        writes: requests that may change something on the server.
        logins: login requests that were sent.
        retries: attempts after the first one.
        by_endpoint: `METHOD path/{template}` -> attempts.
    """

    requests: int = 0
    reads: int = 0
    writes: int = 0
    logins: int = 0
    retries: int = 0
    by_endpoint: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class RequestCounts:
    """The number of requests of one task, e.g. the read of a domain."""

    requests: int = 0


CURRENT_COUNTS: ContextVar[RequestCounts | None] = ContextVar("reconciler_smartermail_tally", default=None)
"""The counter of the current task.

A context variable, because asyncio tasks that a task starts inherit it: concurrent reads of domains stay separate.
"""
