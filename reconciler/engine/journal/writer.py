"""Writes the journal of a run: one file of JSON lines, an intent before and an outcome after each write, no secrets.

The journal is the only record of earlier states, of the versions of passwords that were set, and of who changed what
and when. Each line contains the digest of the line before it, so that `reader` can check the file. Before the first
write `check_room` checks the free disk space, because a run that cannot journal its changes must stop halfway.
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
    """Appends to `FOLDER/RUN.jsonl`. Each line is on disk before the call returns, except for changes not tried.

    Args:
        folder: the folder of the journals; created if it is missing.
        tool: program and version.
        commit: the workspace's git commit, None outside git.
        user: the user as reported by the system or the CI.
        configuration: the digest of the files that are applied.
        after: the start of the previous run. If the clock is behind it, the journal gets a `turn` after that time.
        clock: the current time; replaced in tests.

    Raises:
        JournalUnusable: the file cannot be created or written. It is created before the first write to a server.
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
            # Exclusive: two runs must never share a file. Append: no write can overwrite earlier lines.
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            self._write({"event": "start", "tool": tool, **{k: v for k, v in facts.items() if v}})
            _sync_folder(folder)
        except OSError as e:
            raise JournalUnusable(
                f"the journal {self.path} cannot be written: {e.strerror}",
                hint="make the folder writable; nothing was changed, because the journal records each change first",
            ) from e

    def protected(self, server: str, domain: str, names: Iterable[str]) -> None:
        """Records the mailboxes (local parts) of a domain that the files protect in this run, even without any."""
        self._append({"event": "protected", "server": server, "domain": domain, "names": sorted(set(names))})

    def intent(self, server: str, change: Change) -> None:
        """Records a change and its live object, before the write."""
        record = {"event": "intent", "server": server, "domain": change.domain, "change": journal_change(change)}
        state = {} if change.current is None else {"state": state_data(change.current)}
        self._append({**record, **state})

    def outcome(self, server: str, outcome: Outcome) -> None:
        """Records the outcome, after the write or instead of it."""
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
            # A stopped run must record many such lines in a few seconds, and no write depends on them. The next
            # synchronized line makes them durable, too.
            sync=outcome.result is not Result.NOT_TRIED,
        )

    def close(self, *, converged: bool) -> None:
        """Records the end of the run, and whether the final plan was empty."""
        try:
            self._append({"event": "end", "detail": "converged" if converged else "not converged"})
        finally:
            os.close(self._file)

    def _append(self, record: Mapping[str, object], *, sync: bool = True) -> None:
        """Appends a line. After a failure no other line follows, so that an incomplete line is always the last one."""
        reason = "an earlier line could not be written"
        if not self._broken:
            try:
                self._write(record, sync=sync)
                return
            # A partial line breaks the chain, so nothing may be appended after it.
            except OSError as e:
                self._broken, reason = True, e.strerror or str(e)
        raise JournalUnusable(
            f"the journal {self.path} cannot be written: {reason}",
            hint="free disk space, then run `plan` to see the remaining changes; no further change was made",
        )

    def _write(self, record: Mapping[str, object], *, sync: bool = True) -> None:
        time = text_of_time(self._clock())
        head = {"formatVersion": FORMAT_VERSION, "run": self.run, "time": time, "previous": self._previous}
        line = json.dumps({**head, **record}).encode()
        rest = line + b"\n"
        # On a full disk, `os.write` may write only a part and succeed.
        while rest:
            rest = rest[os.write(self._file, rest) :]
        if sync:
            os.fsync(self._file)
        self._previous = line_digest(line)


def text_of_time(moment: datetime) -> str:
    """A time in the form of the journal. These texts sort like the times."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sync_folder(folder: Path) -> None:
    """Makes the directory entry of a new file durable; `fsync` of the file alone does not."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def line_digest(line: bytes) -> str:
    """The digest of a line without its line break, which the next line contains. The first line has that of `b""`."""
    return "sha256:" + hashlib.sha256(line).hexdigest()


def journal_change(change: Change) -> dict[str, object]:
    """A change in the form of the journal: values before and after; of a password only the version."""
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
    """A live object in the form of the journal: all fields that were read, and its facts; no password."""
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


MARGIN = 64 * 1024
"""Bytes for the parts that are not counted: first and last line, protected names, partial blocks, other runs."""
_HEAD, _DETAIL, _PASSWORD = 300, 300, 1000
"""Bytes of a line without its change, of a reason, and of a password as an age message to a few recipients."""


def room_needed(plans: Iterable[Plan]) -> int:
    """An upper estimate of the bytes that an apply of the plans writes to the journal and the password files."""
    size = 0
    for plan in plans:
        for change in plan.changes:
            line = _HEAD + len(json.dumps(journal_change(change)))
            state = 0 if change.current is None else len(json.dumps(state_data(change.current)))
            # Two lines per change: the intent and the outcome.
            size += 2 * line + state + _DETAIL + (_PASSWORD + len(change.address) if change.password else 0)
    return 2 * size + MARGIN


def check_room(folder: Path, plans: Iterable[Plan]) -> None:
    """Checks the free space on the disk of a folder, which may not exist yet. Some file systems report none: accepted.

    Nothing is reserved. If another program fills the disk during the run, `FileJournal` stops the run.

    Raises:
        JournalUnusable: the disk has too little space.
    """
    # The folder is created with the journal; until then its nearest existing parent is on the same disk.
    there = next(p for p in (folder, *folder.parents) if p.is_dir())
    try:
        disk = os.statvfs(there)
    except OSError as e:
        raise JournalUnusable(
            f"the journal's folder {folder} cannot be used: {e.strerror}",
            hint="check that the folder exists and is writable; nothing was changed",
        ) from e
    # `f_bavail` excludes blocks that only root may use. Some network file systems report 0 blocks in total.
    needed, free = room_needed(plans), disk.f_bavail * disk.f_frsize
    if disk.f_blocks and free < needed:
        raise JournalUnusable(
            f"too little disk space for the journal in {folder}: {_kib(free)} free, {_kib(needed)} needed",
            hint="free disk space; nothing was changed, because the journal records each change first",
        )


def _kib(size: int) -> str:
    return f"{-(-size // 1024)} KiB"
