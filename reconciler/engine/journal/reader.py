"""Reads journals and checks their hash chains.

Each line of a journal contains the digest of the line before it. So the reader detects lines that were edited, removed,
inserted or reordered, if an unchanged line follows them. It cannot detect an edited last line, or a missing end of the
file, unless the run's `end` record exists. The chain has no key: a person who rewrites every line can forge it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from reconciler.core.errors import ReconcilerError
from reconciler.engine.journal.writer import FORMAT_VERSION, line_digest

Record = dict[str, Any]
Chain = Literal["ok", "broken"]
_LAST_YEAR = 9999
_AWAY = "move the file to another folder to continue without it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One journal, read as far as possible.

    Attributes:
        run: the run's id, from the file name.
        records: (line number, record) of every valid line, in order.
        chain: whether the lines are the original ones.
        fault: `file:line: reason` of the first invalid line; empty without one.
        torn: the last line is incomplete, as after a crash. It is neither a record nor a fault.
    """

    path: Path
    run: str
    records: tuple[tuple[int, Record], ...]
    chain: Chain
    fault: str = ""
    torn: bool = False

    @property
    def start(self) -> Mapping[str, Any]:
        """The first record; empty without one."""
        return self.records[0][1] if self.records else {}

    @property
    def ended(self) -> str:
        """`converged` or `not converged`; empty if the run was interrupted or is still running."""
        last = self.records[-1][1] if self.records else {}
        return str(last.get("detail", "")) if last.get("event") == "end" else ""


def run_files(folder: Path) -> tuple[Path, ...]:
    """The journals of a folder, oldest run first.

    The first line of each has the time of its start. If the clock was behind that of the previous run, the line has an
    additional `turn` with a time after the previous run.

    Raises:
        ReconcilerError: a journal cannot be read.
    """
    return tuple(sorted(folder.glob("*.jsonl"), key=_started)) if folder.is_dir() else ()


def last_turn(folder: Path) -> datetime | None:
    """The start of the last run in the order of `run_files`, independent of its clock; None without a journal.

    Raises:
        ReconcilerError: a journal cannot be read.
    """
    return max((t for t in (_time(_started(path)[0]) for path in run_files(folder)) if t), default=None)


def read_run(path: Path) -> Run:
    """One journal with its faults. Damage is part of the value and raises nothing.

    Raises:
        ReconcilerError: the file cannot be read.
    """
    rows, complete = _rows(path)
    records: list[tuple[int, Record]] = []
    faults: list[tuple[int, str]] = []
    torn = False
    for number, row in enumerate(rows, 1):
        record = _record(row)
        if record is None and number == len(rows) and not complete:
            torn = True
        elif record is None:
            faults.append((number, "not a record"))
        else:
            records.append((number, record))
    faults += _broken_links(rows, dict(records))
    if not records and not torn:
        faults.append((1, "the file is empty"))
    first = min(faults, default=None)
    return Run(
        path=path,
        run=path.stem,
        records=tuple(records),
        chain="broken" if first else "ok",
        fault=f"{path}:{first[0]}: {first[1]}" if first else "",
        torn=torn,
    )


def records_of(folder: Path) -> Iterator[tuple[str, Record]]:
    """(`file:line`, record) of every line of every journal, oldest run first, without incomplete last lines.

    This function does not check the chains; `read_run` does.

    Raises:
        ReconcilerError: a journal cannot be read, is damaged, or was written by a newer version.
    """
    for path in run_files(folder):
        rows, _ = _rows(path)
        for number, row in enumerate(rows, 1):
            record = _record(row)
            # Only the last line can be incomplete after a crash; any other invalid line is damage.
            if record is None and number == len(rows):
                break
            if record is None:
                raise damaged(f"{path}:{number}")
            # A newer format may have events that change the meaning of others, so it cannot be read partly.
            if _version(record) > FORMAT_VERSION:
                raise ReconcilerError(f"{path}:{number}: a newer version of this program wrote the journal", hint=_AWAY)
            yield f"{path}:{number}", record


def damaged(place: str) -> ReconcilerError:
    """The error for a line that is not a record of this program."""
    return ReconcilerError(f"{place}: the journal is damaged", hint=_AWAY)


def _broken_links(rows: list[bytes], records: Mapping[int, Record]) -> list[tuple[int, str]]:
    """The first line that does not follow from the one before, with the reason; empty for an intact chain.

    All later lines are unverifiable, so they are not reported.
    """
    ended = 0
    previous = b""
    for number, row in enumerate(rows, 1):
        record = records.get(number)
        if record is not None:
            if ended:
                return [(number, f"the line comes after the run's end in line {ended}")]
            if record.get("previous") != line_digest(previous):
                return [(number, _why(number))]
            # A complete journal ends here. Lines after the end would be changes that no run made.
            ended = number if record.get("event") == "end" else 0
        previous = row
    return []


def _why(number: int) -> str:
    if number == 1:
        return "not the original first line"
    return f"the line does not follow line {number - 1}: that one was edited, or lines were added, removed or reordered"


def _version(record: Mapping[str, Any]) -> int:
    version = record.get("formatVersion")
    return version if isinstance(version, int) else 0


def _started(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file:
            first = _record(file.readline())
    except OSError as e:
        raise _unreadable(path, e) from e
    # `turn` exists only if the clock was behind; see `FileJournal`.
    start = first or {}
    return (str(start.get("turn") or start.get("time", "")), path.name)


def _time(text: str) -> datetime | None:
    """A time with a time zone; None for other texts. The last year is excluded, because no later time could follow."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and moment.year < _LAST_YEAR else None


def _rows(path: Path) -> tuple[list[bytes], bool]:
    """The lines without their line breaks, and whether the last line has one."""
    try:
        rows = path.read_bytes().split(b"\n")
    except OSError as e:
        raise _unreadable(path, e) from e
    complete = not rows[-1]
    return (rows[:-1] if complete else rows), complete


def _unreadable(path: Path, e: OSError) -> ReconcilerError:
    return ReconcilerError(f"the journal {path} cannot be read: {e.strerror}")


def _record(line: bytes) -> Record | None:
    """The record of a line; None for an invalid line."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
