"""The sandbox's own clock: real time plus what a test added, so that tokens and blocks can expire at once."""

from __future__ import annotations

import time
from datetime import UTC, datetime

NEVER = "0001-01-01T00:00:00"
"""How .NET writes "never" (API reference section 1.4)."""

_EARLIEST, _LATEST = 0.0, datetime(9000, 1, 1, tzinfo=UTC).timestamp()


class Clock:
    """Seconds since the epoch, which `advance` moves forward."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """The sandbox's time in seconds since the epoch."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Let `seconds` go by at once.

        Raises ValueError when that leads out of the years in which tokens can be given an expiry.
        """
        if not _EARLIEST <= self.now() + seconds <= _LATEST:
            raise ValueError(f"the clock goes from 1970 to 9000: {seconds:g} seconds are too many")
        self._offset += seconds

    def iso(self, moment: float | None = None) -> str:
        """A moment (default: now) as ISO 8601 in UTC, whole seconds."""
        return datetime.fromtimestamp(self.now() if moment is None else moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
