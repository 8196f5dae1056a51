"""Writing the journal: one file of JSON lines a run, intent before and outcome after each write, never a secret.

It is what tells, later, who changed what when, what was there before, and which version of a password was set:
nothing else can. Each line holds the digest of the one before it, so that a file is a chain that can be checked.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.core.errors import JournalUnusable
from reconciler.core.kinds import BY_NAME
from reconciler.core.model import Alias, DomainAlias, KindName, Mailbox, Resource, Unset, Value
from reconciler.core.plan import Change, FieldChange, Outcome, Plan, Result

FORMAT_VERSION = 1
_TICK = timedelta(milliseconds=1)


class FileJournal:
    """Appends to `FOLDER/RUN.jsonl`; each line is on disk before the call returns, but for what was not tried.

    Args:
        folder: where the journals are; made if it is not there.
        tool: program and version.
        commit: the workspace's git commit, None outside git.
        user: who runs it, as far as the system or the CI tells.
        configuration: the digest of the files that are applied.
        after: when the last run before counts as begun; a clock that was set back puts this one after it all the same.
        clock: the time; for tests.

    Raises:
        JournalUnusable: the file cannot be made or written. Made before the first write, so nothing has happened then.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tool: str,
        commit: str | None = None,
        user: str | None = None,
        configuration: str | None = None,
        after: datetime | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self.run = f"{clock():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self.path = folder / f"{self.run}.jsonl"
        self._broken = False
        self._previous = line_digest(b"")
        turn = text_of_time(after + _TICK) if after and clock() <= after else None
        facts = {"turn": turn, "commit": commit, "user": user, "configuration": configuration}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            self._write({"event": "start", "tool": tool, **{k: v for k, v in facts.items() if v}})
            _sync_folder(folder)
        except OSError as e:
            raise JournalUnusable(
                f"the journal {self.path} cannot be written: {e.strerror}",
                hint="nothing was changed; make the folder writable, every change is written down before it is made",
            ) from e

    def protected(self, server: str, domain: str, names: Iterable[str]) -> None:
        """Which mailboxes (local parts) of a domain the files protect in this run; none is an answer too."""
        self._append({"event": "protected", "server": server, "domain": domain, "names": sorted(set(names))})

    def intent(self, server: str, change: Change) -> None:
        """Before a write: the change, and the object as it is until then."""
        record = {"event": "intent", "server": server, "domain": change.domain, "change": journal_change(change)}
        state = {} if change.current is None else {"state": state_data(change.current)}
        self._append({**record, **state})

    def outcome(self, server: str, outcome: Outcome) -> None:
        """After a write, or instead of one that was not tried."""
        change = outcome.change
        self._append(
            {
                "event": "outcome",
                "server": server,
                "domain": change.domain,
                "change": journal_change(change),
                "result": outcome.result.value,
                "detail": outcome.detail,
                **({"passwordSet": True} if outcome.password_set else {}),
            },
            # No write depends on a line that says that there was none, and a run that is stopped has many to write
            # in the seconds that it is given: the next line that matters takes them along.
            sync=outcome.result is not Result.NOT_TRIED,
        )

    def close(self, *, converged: bool) -> None:
        """Writes that the run ended, and whether a new plan was empty."""
        try:
            self._append({"event": "end", "detail": "converged" if converged else "not converged"})
        finally:
            os.close(self._file)

    def _append(self, record: Mapping[str, object], *, sync: bool = True) -> None:
        """A line after which nothing follows if it could not be written whole, so that it is always the last."""
        reason = "an earlier line could not be written"
        if not self._broken:
            try:
                self._write(record, sync=sync)
                return
            except OSError as e:
                self._broken, reason = True, e.strerror or str(e)
        raise JournalUnusable(
            f"the journal {self.path} cannot be written: {reason}",
            hint="nothing more is changed; make room, then run `plan` to see what is left to do",
        )

    def _write(self, record: Mapping[str, object], *, sync: bool = True) -> None:
        time = text_of_time(self._clock())
        head = {"formatVersion": FORMAT_VERSION, "run": self.run, "time": time, "previous": self._previous}
        line = json.dumps({**head, **record}).encode()
        rest = line + b"\n"
        while rest:
            rest = rest[os.write(self._file, rest) :]
        if sync:
            os.fsync(self._file)
        self._previous = line_digest(line)


def text_of_time(moment: datetime) -> str:
    """A time as a journal holds it: such texts sort as the times do."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sync_folder(folder: Path) -> None:
    """Puts the new file's name on the disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def line_digest(line: bytes) -> str:
    """The digest of a line without its line break, as the next line holds it; of nothing, as the first line does."""
    return "sha256:" + hashlib.sha256(line).hexdigest()


def journal_change(change: Change) -> dict[str, object]:
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


def state_data(resource: Resource) -> dict[str, object]:
    """A live object as the journal holds it: every field that was read, and what is known besides; no password."""
    read = {spec.name: getattr(resource, spec.attribute) for spec in BY_NAME[_kind(resource)].fields}
    data: dict[str, object] = {"fields": {k: _plain(v) for k, v in read.items() if not isinstance(v, Unset)}}
    if isinstance(resource, Mailbox):
        facts = {"usageBytes": resource.facts.usage_bytes, "lastLogin": resource.facts.last_login}
        data |= {k: v for k, v in facts.items() if v is not None}
    return data


def _kind(resource: Resource) -> KindName:
    match resource:
        case Mailbox():
            return "mailbox"
        case Alias():
            return "alias"
        case DomainAlias():
            return "domainAlias"


def _field(field: FieldChange) -> dict[str, object]:
    if field.secret is not None:
        return {"sensitive": True, "version": field.secret.version}
    sides = {"before": field.before, "after": field.after}
    return {k: _plain(v) for k, v in sides.items() if v is not None}


def _plain(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


# Whether there is room for a run's journal and passwords, before the first write.
#
# Nothing is reserved, and somebody else may fill the disk meanwhile: then the run stops, see `engine.journal`. But a
# run that cannot come to its end for want of room is better not begun.


MARGIN = 64 * 1024
"""For what is not counted: the first and last line, protected names, blocks that are begun, other runs."""
_HEAD, _DETAIL, _PASSWORD = 300, 300, 1000
"""Bytes of a line besides its change, of a reason, and of a password as an age message to a few recipients."""


def room_needed(plans: Iterable[Plan]) -> int:
    """Bytes that applying some plans may write down, generously."""
    size = 0
    for plan in plans:
        for change in plan.changes:
            line = _HEAD + len(json.dumps(journal_change(change)))
            state = 0 if change.current is None else len(json.dumps(state_data(change.current)))
            size += 2 * line + state + _DETAIL + (_PASSWORD + len(change.address) if change.password else 0)
    return 2 * size + MARGIN


def check_room(folder: Path, plans: Iterable[Plan]) -> None:
    """Looks whether the disk of a folder, which may not be there yet, has room; no answer where it does not tell.

    Raises:
        JournalUnusable: it has not.
    """
    there = next(p for p in (folder, *folder.parents) if p.is_dir())
    try:
        disk = os.statvfs(there)
    except OSError as e:
        raise JournalUnusable(
            f"the journal's folder {folder} cannot be used: {e.strerror}", hint="nothing was changed"
        ) from e
    needed, free = room_needed(plans), disk.f_bavail * disk.f_frsize
    if disk.f_blocks and free < needed:
        raise JournalUnusable(
            f"there is no room for the journal in {folder}: {_kib(free)} are free, this run may need {_kib(needed)}",
            hint="nothing was changed; make room: every change is written down before it is made",
        )


def _kib(size: int) -> str:
    return f"{-(-size // 1024)} KiB"
