"""Brute-force detection per client address (API reference section 2.10): first delays, then a block."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from reconciler.sandbox.clock import Clock
from reconciler.sandbox.config import Thresholds

_FORGIVEN = 2
_FORGIVE_EVERY = 300.0


@dataclass(slots=True)
class _Record:
    failures: deque[float] = field(default_factory=deque)
    blocked_until: float = 0.0
    forgiven_at: float = float("-inf")


class Ids:
    """Failures and blocks by client address. Wrong passwords, wrong 2FA codes and bad refresh tokens all count."""

    def __init__(self, clock: Clock, thresholds: Thresholds) -> None:
        self.thresholds = thresholds
        self._clock = clock
        self._records: dict[str, _Record] = {}

    def delay(self, address: str) -> float:
        """Seconds by which the next login of this address is delayed."""
        record = self._records.get(address)
        if record is None or not record.failures:
            return 0.0
        recent = self._within(record, self.thresholds.window)
        return self.thresholds.delay_seconds if recent >= self.thresholds.delay_after else 0.0

    def is_blocked(self, address: str) -> bool:
        """Whether the address is blocked now."""
        record = self._records.get(address)
        return record is not None and record.blocked_until > self._clock.now()

    def failed(self, address: str) -> None:
        """Count a failure, and block the address at the threshold."""
        limits = self.thresholds
        now = self._clock.now()
        record = self._records.setdefault(address, _Record())
        record.failures.append(now)
        # Older failures count in neither window, and an attacker must not fill the memory.
        while record.failures and record.failures[0] <= now - max(limits.window, limits.long_window):
            record.failures.popleft()
        if self._within(record, limits.long_window) >= limits.long_block_after:
            record.blocked_until = max(record.blocked_until, now + limits.long_block_seconds)
        elif self._within(record, limits.window) >= limits.block_after:
            record.blocked_until = max(record.blocked_until, now + limits.block_seconds)

    def succeeded(self, address: str) -> None:
        """Forgive two failures after a success, at most once in five minutes."""
        record = self._records.get(address)
        now = self._clock.now()
        if record is None or now - record.forgiven_at < _FORGIVE_EVERY:
            return
        record.forgiven_at = now
        for _ in range(min(_FORGIVEN, len(record.failures))):
            record.failures.popleft()

    def blocked(self) -> list[dict[str, object]]:
        """The blocked addresses with the end of their block."""
        now = self._clock.now()
        return [
            {
                "ip": address,
                "ruleType": "PasswordBruteForce",
                "failures": len(record.failures),
                "secondsLeft": int(record.blocked_until - now),
                "expires": self._clock.iso(record.blocked_until),
            }
            for address, record in sorted(self._records.items())
            if record.blocked_until > now
        ]

    def counts(self) -> dict[str, int]:
        """Failures within the longer window, by address."""
        return {
            address: self._within(record, max(self.thresholds.window, self.thresholds.long_window))
            for address, record in sorted(self._records.items())
        }

    def forgive(self, addresses: list[str] | None = None) -> int:
        """Forget failures and blocks of these addresses (None: all). Returns how many were blocked."""
        chosen = list(self._records) if addresses is None else addresses
        count = sum(self.is_blocked(address) for address in chosen)
        for address in chosen:
            self._records.pop(address, None)
        return count

    def _within(self, record: _Record, seconds: float) -> int:
        since = self._clock.now() - seconds
        return sum(moment > since for moment in record.failures)
