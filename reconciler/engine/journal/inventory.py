"""What all journals together tell: which resources are there and how, which passwords were set, who was protected.

It is what a run is known to have done, or found done; nothing is concluded from a change that failed, nor from one
whose outcome was never written. What people did on the server since then is not in it.
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
"""After these the resource is as the change wanted it; by whom it was made so is another question."""


@dataclass(frozen=True, slots=True)
class Known:
    """The last that the journals tell of one resource.

    Attributes:
        exists: False after its deletion, or its renaming to another name.
        fields: field name (as in `core.kinds`) -> last value known: what was read before the last change of it, and
            what changes wrote. A field that is not in it was neither read nor written. Never a password.
        run: the run that told it last.
    """

    exists: bool
    fields: Mapping[str, Value]
    run: str


Key = tuple[str, str, str]
"""(server, kind, address)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All journals of a workspace, folded.

    Attributes:
        resources: (server, kind, address) -> the last that is known of it.
        password_versions: (server, address) -> the version of the mailbox's password that was last set.
        protections: (server, domain) -> local parts of the mailboxes that were `protect: true` in the files at the
            last run that said so, and that run; who was told of last comes last.
        begun: creations that were begun, and of which no later line says that they were made: killed, or failed.
    """

    resources: Mapping[Key, Known]
    password_versions: Mapping[tuple[str, str], int]
    protections: Mapping[tuple[str, str], tuple[frozenset[str], str]]
    begun: frozenset[Key] = frozenset()

    def resource(self, server: str, kind: KindName, address: str) -> Known | None:
        """The last that is known of a resource; None if no journal tells anything of it."""
        return self.resources.get((server, kind, address))

    def protected(self, server: str, domain: str) -> tuple[frozenset[str], str] | None:
        """Local parts that the files protected in the last run that said so, and that run; None if none did.

        Where no run said so of this server, the last one of any other counts: a server that is called otherwise in
        the files, or a domain that has moved, lifts no protection.
        """
        own = self.protections.get((server, domain))
        if own is not None:
            return own
        elsewhere = [told for (_, name), told in self.protections.items() if name == domain]
        return elsewhere[-1] if elsewhere else None


def read_inventory(folder: Path) -> Inventory:
    """Reads every journal of a folder once, oldest run first. A folder that is not there holds none.

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
    """(server, address) -> the version of the password that was last set, as far as the journals tell.

    Raises:
        ReconcilerError: a journal cannot be read, or is damaged.
    """
    return read_inventory(folder).password_versions


class _Fold:
    """What is known after the records taken so far. KeyError, TypeError, ValueError or AttributeError: none of ours."""

    def __init__(self) -> None:
        self.resources: dict[Key, Known] = {}
        self.password_versions: dict[tuple[str, str], int] = {}
        self.protections: dict[tuple[str, str], tuple[frozenset[str], str]] = {}
        self.begun: set[Key] = set()
        self._states: dict[Key, Mapping[str, Value]] = {}
        self._before: dict[tuple[Key, str], dict[Key, Known | None]] = {}
        self._run = ""

    def take(self, record: Record) -> None:
        """One record; those of a run come together, in order."""
        match record.get("event"):
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
        """What an earlier line of this run said was made was not: a read at the end has shown it."""
        for place, known in self._before.pop((key, str(change["action"])), {}).items():
            if known is None:
                self.resources.pop(place, None)
            else:
                self.resources[place] = known

    def _fields(self, key: Key) -> Mapping[str, Value]:
        known = self.resources.get(key)
        return known.fields if known else {}

    def _password(self, server: str, change: Mapping[str, Any], *, done: bool, applied: bool) -> None:
        """The version that a change leaves: one that another hand had made so sets no password."""
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
    """The fields of an intent's `state`, as values. KeyError, TypeError, ValueError or AttributeError: none of ours."""
    return {str(name): value(held) for name, held in state["fields"].items()}


def value(held: object) -> Value:
    """A value as the journal holds it. ValueError if a journal holds no such thing."""
    if isinstance(held, list):
        return tuple(str(item) for item in held)
    if isinstance(held, str | int):  # bool is an int
        return held
    raise ValueError(held)


def _key(record: Record) -> Key:
    change = record["change"]
    server, kind, address = record["server"], change["kind"], change["address"]
    if kind not in _KINDS or not isinstance(server, str) or not isinstance(address, str):
        raise ValueError(kind)
    return server, kind, address
