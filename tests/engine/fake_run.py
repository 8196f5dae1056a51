"""Passwords and a journal in memory, and a way to run coroutines."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.errors import ReconcilerError
from reconciler.core.plan import Change, Outcome, Result
from reconciler.core.secret import Secret


@dataclass
class FakePasswords:
    """Passwords that contain the address of their mailbox; `asked` has the changes in order."""

    asked: list[str] = field(default_factory=list)
    fault: ReconcilerError | None = None

    def password_for(self, change: Change) -> Secret:
        self.asked.append(change.key)
        if self.fault is not None:
            raise self.fault
        assert change.password is not None
        return Secret(f"{change.address} v{change.password.version}")


@dataclass
class MemoryJournal:
    """Stores intents and outcomes as (event, key, result), and the versions of passwords that were set."""

    events: list[tuple[str, str, str]] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def intent(self, server: str, change: Change) -> None:
        self.events.append(("intent", change.key, ""))

    def outcome(self, server: str, outcome: Outcome) -> None:
        change = outcome.change
        self.events.append(("outcome", change.key, outcome.result.value))
        if outcome.result is not Result.APPLIED or change.kind != "mailbox":
            return
        if change.action == "delete":
            self.versions.pop(change.address, None)
        elif change.action == "rename" and change.address in self.versions:
            self.versions[f"{change.new_name}@{change.domain}"] = self.versions.pop(change.address)
        elif change.password:
            self.versions[change.address] = change.password.version


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Runs a coroutine in an event loop of its own."""
    return asyncio.run(coroutine)
