"""The log of requests, with which tests check what a client sent."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

KEPT = 200_000
"""Requests in the log; the oldest are dropped."""


class RequestLog:
    """The latest requests, and counters of all requests."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Clear the log and the counters."""
        self.entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.counters: Counter[str] = Counter()
        self._number = 0

    def add(
        self,
        *,
        method: str,
        path: str,
        endpoint: str,
        status: int,
        token: str,
        user: str,
        domain: str,
        effects: list[str],
        faults: list[str],
        is_write: bool,
    ) -> None:
        """Log a request. `status` 0 means that the connection was cut; `endpoint` is the pattern of its route."""
        self._number += 1
        self.entries.append(
            {
                "number": self._number,
                "method": method,
                "path": path,
                "endpoint": endpoint,
                "status": status,
                "token": token,
                "user": user,
                "domain": domain,
                "write": is_write,
                "mutated": bool(effects),
                "effects": effects,
                "faults": faults,
            }
        )
        counters = self.counters
        counters["total"] += 1
        counters["writes"] += is_write
        # Counted apart from writes: a write without a change is no mutation. Tests check that a second
        # run changes nothing.
        counters["mutations"] += bool(effects)
        counters[f"status {status}"] += 1
        counters[f"{method} {endpoint or '(unknown)'}"] += 1

    def as_json(self) -> dict[str, Any]:
        """Counters and entries."""
        return {"counters": dict(sorted(self.counters.items())), "requests": list(self.entries)}
