"""What a run cost, counted where requests are sent."""

from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class RequestStats:
    """Live counters of one server; every attempt counts, those that got no answer too.

    Attributes:
        requests: all of them: reads, writes, sign-in and sign-out.
        writes: requests that may change something on the server.
        logins: sign-ins that were sent.
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
    """Requests of one piece of work, e.g. the read of a domain."""

    requests: int = 0


TALLY: ContextVar[RequestCounts | None] = ContextVar("reconciler_smartermail_tally", default=None)
"""The tally of the work that a task belongs to; tasks started inside it inherit it."""
