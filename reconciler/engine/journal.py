"""The journal: one file of JSON lines a run, intent before and outcome after each write, never a secret.

It is what tells, later, who changed what when, and which version of a password was set: nothing else can.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.core.errors import ReconcilerError
from reconciler.core.plan import Change, FieldChange, Outcome, Result

FORMAT_VERSION = 1


class FileJournal:
    """Appends to `FOLDER/RUN.jsonl`; each line is on disk before the call returns.

    Raises:
        ReconcilerError: the file cannot be made or written. Made before the first write, so nothing has happened then.
    """

    def __init__(self, folder: Path, *, tool: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self.run = f"{clock():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self.path = folder / f"{self.run}.jsonl"
        self._broken = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            self._write({"event": "start", "tool": tool})
        except OSError as e:
            raise ReconcilerError(
                f"the journal {self.path} cannot be written: {e.strerror}",
                hint="nothing was changed; make the folder writable, every change is written down before it is made",
            ) from e

    def intent(self, server: str, change: Change) -> None:
        """Before a write."""
        self._append({"event": "intent", "server": server, "domain": change.domain, "change": change_data(change)})

    def outcome(self, server: str, outcome: Outcome) -> None:
        """After a write, or instead of one that was not tried."""
        change = outcome.change
        self._append(
            {
                "event": "outcome",
                "server": server,
                "domain": change.domain,
                "change": change_data(change),
                "result": outcome.result.value,
                "detail": outcome.detail,
                **({"passwordSet": True} if outcome.password_set else {}),
            }
        )

    def close(self, *, converged: bool) -> None:
        """Writes that the run ended, and whether a new plan was empty."""
        self._append({"event": "end", "detail": "converged" if converged else "not converged"})
        os.close(self._file)

    def _append(self, record: Mapping[str, object]) -> None:
        """A line after which nothing follows if it could not be written whole, so that it is always the last."""
        reason = "an earlier line could not be written"
        if not self._broken:
            try:
                self._write(record)
                return
            except OSError as e:
                self._broken, reason = True, e.strerror or str(e)
        raise ReconcilerError(
            f"the journal {self.path} cannot be written: {reason}",
            hint="nothing more is changed; make room, then run `plan` to see what is left to do",
        )

    def _write(self, record: Mapping[str, object]) -> None:
        time = self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"formatVersion": FORMAT_VERSION, "run": self.run, "time": time, **record})
        rest = line.encode() + b"\n"
        while rest:
            rest = rest[os.write(self._file, rest) :]
        os.fsync(self._file)


def change_data(change: Change) -> dict[str, object]:
    """A change as the journal holds it: values before and after, for a password only its version."""
    data: dict[str, object] = {
        "action": change.action,
        "kind": change.kind,
        "address": change.address,
        "fields": {f.name: _field(f) for f in change.fields},
    }
    if change.new_name:
        data["newAddress"] = f"{change.new_name}@{change.domain}"
    return data


def _field(field: FieldChange) -> dict[str, object]:
    if field.secret is not None:
        return {"sensitive": True, "version": field.secret.version}
    sides = {"before": field.before, "after": field.after}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in sides.items() if v is not None}


def password_versions(folder: Path) -> dict[tuple[str, str], int]:
    """(server, address) -> the version of the password that was last set, as far as the journals tell.

    Raises:
        ReconcilerError: a journal cannot be read, or is damaged.
    """
    known: dict[tuple[str, str], int] = {}
    for place, record in _records(folder):
        made = record.get("result") == Result.APPLIED.value or record.get("passwordSet") is True
        if record.get("event") != "outcome" or not made:
            continue
        try:
            _follow(known, record)
        except (KeyError, TypeError, ValueError) as e:
            raise _damaged(place) from e
    return known


def _follow(known: dict[tuple[str, str], int], record: Mapping[str, Any]) -> None:
    """What a change that was applied, or at least its password set, does to what is known.

    KeyError, TypeError or ValueError if it is no record of ours.
    """
    change = record["change"]
    if change["kind"] != "mailbox":
        return
    key = (record["server"], change["address"])
    match change["action"]:
        case "delete":
            known.pop(key, None)
        case "rename":
            if key in known:
                known[record["server"], change["newAddress"]] = known.pop(key)
        case _:
            password = change["fields"].get("password")
            if password:
                known[key] = int(password["version"])


def _records(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file:line, record) of every line, oldest run first. A last line cut short by a crash is no outcome."""
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.jsonl"), key=_started):
        lines = _lines(path)
        for number, line in enumerate(lines, 1):
            record = _record(line)
            if record is None and number == len(lines):
                break
            if record is None:
                raise _damaged(f"{path}:{number}")
            yield f"{path}:{number}", record


def _started(path: Path) -> tuple[str, str]:
    """When a run began: its name tells the second, its first record the millisecond."""
    lines = _lines(path)
    first = _record(lines[0]) if lines else None
    return (str((first or {}).get("time", "")), path.name)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", errors="replace").splitlines()
    except OSError as e:
        raise ReconcilerError(f"the journal {path} cannot be read: {e.strerror}") from e


def _record(line: str) -> dict[str, Any] | None:
    """A line's record; None if it holds none."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _damaged(place: str) -> ReconcilerError:
    return ReconcilerError(f"{place}: the journal is damaged", hint="move the file away to go on without it")
