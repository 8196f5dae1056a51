"""The sandbox's own clock: real time plus what a test added, so that tokens and blocks can expire at once."""

from __future__ import annotations

import time
from datetime import UTC, datetime

NEVER = "0001-01-01T00:00:00"
"""How .NET writes "never" (API reference section 1.4)."""


class Clock:
    """Seconds since the epoch, which `advance` moves forward."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """The sandbox's time in seconds since the epoch."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Let `seconds` go by at once."""
        self._offset += seconds

    def iso(self, moment: float | None = None) -> str:
        """A moment (default: now) as ISO 8601 in UTC, whole seconds."""
        return datetime.fromtimestamp(self.now() if moment is None else moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
