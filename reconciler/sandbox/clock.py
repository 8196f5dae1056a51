"""The sandbox's clock: real time plus an offset that tests set, so that tokens and blocks expire without waiting."""

from __future__ import annotations

import time
from datetime import UTC, datetime

NEVER = "0001-01-01T00:00:00"
"""The "never" of .NET (API reference section 1.4)."""

_EARLIEST, _LATEST = 0.0, datetime(9000, 1, 1, tzinfo=UTC).timestamp()


class Clock:
    """Seconds since the epoch, with an offset that `advance` changes."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """The sandbox's time in seconds since the epoch."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Add `seconds` to the clock.

        Raises ValueError outside of the years 1970 to 9000, because tokens could not have an expiry date then.
        """
        if not _EARLIEST <= self.now() + seconds <= _LATEST:
            raise ValueError(f"the clock is limited to the years 1970 to 9000; {seconds:g} seconds are too many")
        self._offset += seconds

    def iso(self, moment: float | None = None) -> str:
        """A time (default: now) as ISO 8601 in UTC, without fractions of seconds."""
        return datetime.fromtimestamp(self.now() if moment is None else moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
