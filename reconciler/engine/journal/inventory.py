"""The state according to all journals together: resources, versions of passwords, and protected mailboxes.

It contains only changes that are known to be made or already in place. A failed change, or one without an outcome,
proves nothing. Changes that people made on the server later are not included.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.core.model import KindName, Value
from reconciler.core.plan import Result
from reconciler.engine.journal.reader import Record, damaged, records_of

_KINDS: frozenset[str] = frozenset({"mailbox", "alias", "domainAlias"})
_DONE = frozenset({Result.APPLIED.value, Result.SKIPPED.value})
"""With these results the resource has the planned state. `already in place` does not mean that the run made it."""


@dataclass(frozen=True, slots=True)
class Known:
    """The last known state of one resource.

    Attributes:
        exists: False after a deletion, or under the old name of a rename.
        fields: field name (as in `core.kinds`) -> last known value, read before a change or written by one. A missing
            field was neither read nor written. Never a password.
        run: the last run that recorded the resource.
    """

    exists: bool
    fields: Mapping[str, Value]
    run: str


Key = tuple[str, str, str]
"""(server, kind, address)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All journals of a workspace, folded into one state.

    Attributes:
        resources: (server, kind, address) -> its last known state.
        password_versions: (server, address) -> the version of the mailbox's password that was set last.
        protections: (server, domain) -> local parts of the mailboxes with `protect: true` at the last run that recorded
            them, and that run; in the order of the runs.
        begun: creations with an intent and without a later success: the run was killed, or the creation failed.
    """

    resources: Mapping[Key, Known]
    password_versions: Mapping[tuple[str, str], int]
    protections: Mapping[tuple[str, str], tuple[frozenset[str], str]]
    begun: frozenset[Key] = frozenset()

    def resource(self, server: str, kind: KindName, address: str) -> Known | None:
        """The last known state of a resource; None if no journal mentions it."""
        return self.resources.get((server, kind, address))

    def protected(self, server: str, domain: str) -> tuple[frozenset[str], str] | None:
        """The local parts that the files protected in the last run that recorded them, and that run; None without one.

        Without a record for this server, the last one of any other server counts: neither a new server name in the
        files nor a migration of the domain lifts a protection.
        """
        own = self.protections.get((server, domain))
        if own is not None:
            return own
        elsewhere = [found for (_, name), found in self.protections.items() if name == domain]
        return elsewhere[-1] if elsewhere else None


def read_inventory(folder: Path) -> Inventory:
    """Reads every journal of a folder once, oldest run first. A missing folder contains no journals.

    Raises:
        ReconcilerError: a journal cannot be read, is damaged, or was written by a newer version of this program.
    """
    fold = _Fold()
    for place, record in records_of(folder):
        try:
            fold.take(record)
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            raise damaged(place) from e
    return Inventory(
        resources=fold.resources,
        password_versions=fold.password_versions,
        protections=fold.protections,
        begun=frozenset(fold.begun),
    )


def password_versions(folder: Path) -> Mapping[tuple[str, str], int]:
    """(server, address) -> the version of the password that was set last, according to the journals.

    Raises:
        ReconcilerError: a journal cannot be read, or is damaged.
    """
    return read_inventory(folder).password_versions


class _Fold:
    """The state after the records so far. Foreign records raise KeyError, TypeError, ValueError or AttributeError."""

    def __init__(self) -> None:
        self.resources: dict[Key, Known] = {}
        self.password_versions: dict[tuple[str, str], int] = {}
        self.protections: dict[tuple[str, str], tuple[frozenset[str], str]] = {}
        self.begun: set[Key] = set()
        self._states: dict[Key, Mapping[str, Value]] = {}
        self._before: dict[tuple[Key, str], dict[Key, Known | None]] = {}
        self._run = ""

    def take(self, record: Record) -> None:
        """Adds one record. The records of a run come together and in order."""
        match record.get("event"):
            # Intents of a run that was killed must not be matched with outcomes of the next one.
            case "start":
                self._run = str(record.get("run", ""))
                self._states.clear()
                self._before.clear()
            case "intent":
                if record["change"]["action"] == "create":
                    self.begun.add(_key(record))
                if state := record.get("state"):
                    self._states[_key(record)] = state_fields(state)
            case "outcome":
                self._outcome(record)
            case "protected":
                # Removed and inserted again, so that the latest record of a domain comes last.
                names = frozenset(str(n) for n in record["names"])
                place = str(record["server"]), str(record["domain"])
                self.protections.pop(place, None)
                self.protections[place] = (names, self._run)
            case _:
                pass

    def _outcome(self, record: Record) -> None:
        done = record["result"] in _DONE
        if done:
            self.begun.discard(_key(record))
            self._resource(_key(record), record["change"])
        # The last read of a run may turn an earlier success into a failure.
        elif record["result"] == Result.FAILED.value:
            self._take_back(_key(record), record["change"])
        if record["change"]["kind"] == "mailbox":
            applied = record["result"] == Result.APPLIED.value or record.get("passwordSet") is True
            self._password(record["server"], record["change"], done=done, applied=applied)

    def _resource(self, key: Key, change: Mapping[str, Any]) -> None:
        state = self._states.pop(key, {})
        after = {name: value(f["after"]) for name, f in change["fields"].items() if "after" in f}
        server, kind, _ = key
        places = (key, (server, kind, change["newAddress"])) if change["action"] == "rename" else (key,)
        # Kept for `_take_back`: the state before this record, under both names of a rename.
        self._before[key, str(change["action"])] = {place: self.resources.get(place) for place in places}
        match change["action"]:
            case "delete":
                self.resources[key] = Known(exists=False, fields={}, run=self._run)
            case "create":
                self.resources[key] = Known(exists=True, fields=after, run=self._run)
            case "rename":
                fields = {**self._fields(key), **state, **after}
                self.resources[key] = Known(exists=False, fields={}, run=self._run)
                self.resources[server, kind, change["newAddress"]] = Known(exists=True, fields=fields, run=self._run)
            case "update":
                fields = {**self._fields(key), **state, **after}
                self.resources[key] = Known(exists=True, fields=fields, run=self._run)
            case _:
                raise ValueError(change["action"])

    def _take_back(self, key: Key, change: Mapping[str, Any]) -> None:
        """Reverses a success that this run recorded earlier: the read at its end showed that it had no effect."""
        for place, known in self._before.pop((key, str(change["action"])), {}).items():
            if known is None:
                self.resources.pop(place, None)
            else:
                self.resources[place] = known

    def _fields(self, key: Key) -> Mapping[str, Value]:
        known = self.resources.get(key)
        return known.fields if known else {}

    def _password(self, server: str, change: Mapping[str, Any], *, done: bool, applied: bool) -> None:
        """Updates the version of a password. A change that was already in place did not set one."""
        known, key = self.password_versions, (server, change["address"])
        match change["action"]:
            case "delete":
                if done:
                    known.pop(key, None)
            case "rename":
                if done and key in known:
                    known[server, change["newAddress"]] = known.pop(key)
            case _:
                password = change["fields"].get("password")
                if applied and password:
                    if not isinstance(password["version"], int):
                        raise ValueError(password["version"])
                    known[key] = password["version"]


def state_fields(state: Mapping[str, Any]) -> dict[str, Value]:
    """The fields of an intent's `state`. Foreign records raise KeyError, TypeError, ValueError or AttributeError."""
    return {str(name): value(held) for name, held in state["fields"].items()}


def value(held: object) -> Value:
    """A value from its form in the journal. Raises ValueError for other types."""
    if isinstance(held, list):
        return tuple(str(item) for item in held)
    if isinstance(held, str | int):  # This includes bool, which is an int.
        return held
    raise ValueError(held)


def _key(record: Record) -> Key:
    change = record["change"]
    server, kind, address = record["server"], change["kind"], change["address"]
    if kind not in _KINDS or not isinstance(server, str) or not isinstance(address, str):
        raise ValueError(kind)
    return server, kind, address
