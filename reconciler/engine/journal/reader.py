"""Reading journals, and seeing whether a file is still the one that was written.

Each line of a journal holds the digest of the line before it. So a line that was edited, taken out, put in or moved is
found, as long as an untouched line follows it.
Two things a file cannot tell of itself: that its last line was edited, and that its tail was cut off, unless the run's
`end` is there, after which nothing comes. Nor is there a key in the chain: who rewrites every line can forge it.
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
_AWAY = "move the file away to go on without it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One journal, read as far as it can be read.

    Attributes:
        run: the run's id, by the name of its file.
        records: (number of the line, record) of every line that holds one, in order.
        chain: whether the lines are those that were written.
        fault: `file:line: why` of the first line that is wrong; empty if none is.
        torn: the last line was cut short, as by a crash; it is no record, and no fault.
    """

    path: Path
    run: str
    records: tuple[tuple[int, Record], ...]
    chain: Chain
    fault: str = ""
    torn: bool = False

    @property
    def start(self) -> Mapping[str, Any]:
        """The first record; empty where the file holds none."""
        return self.records[0][1] if self.records else {}

    @property
    def ended(self) -> str:
        """`converged` or `not converged`; empty if the run did not come to its end, or is still going on."""
        last = self.records[-1][1] if self.records else {}
        return str(last.get("detail", "")) if last.get("event") == "end" else ""


def run_files(folder: Path) -> tuple[Path, ...]:
    """The journals of a folder, oldest run first, as their first lines tell.

    That is by the time of their start; one whose clock was behind the run before says after which time it comes.

    Raises:
        ReconcilerError: one cannot be read.
    """
    return tuple(sorted(folder.glob("*.jsonl"), key=_started)) if folder.is_dir() else ()


def last_turn(folder: Path) -> datetime | None:
    """When the last run counts as begun, whatever its clock said; None where no journal tells.

    Raises:
        ReconcilerError: a journal cannot be read.
    """
    return max((t for t in (_time(_started(path)[0]) for path in run_files(folder)) if t), default=None)


def read_run(path: Path) -> Run:
    """A journal with all that is wrong with it; damage is in the value.

    Raises:
        ReconcilerError: the file cannot be read.
    """
    rows, whole = _rows(path)
    records: list[tuple[int, Record]] = []
    faults: list[tuple[int, str]] = []
    torn = False
    for number, row in enumerate(rows, 1):
        record = _record(row)
        if record is None and number == len(rows) and not whole:
            torn = True
        elif record is None:
            faults.append((number, "it is no record"))
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
    """(`file:line`, record) of every line of every journal, oldest run first; a last line cut short is left out.

    The chains are not checked here: that is `read_run`.

    Raises:
        ReconcilerError: a journal cannot be read, is damaged, or was written by a newer version.
    """
    for path in run_files(folder):
        rows, _ = _rows(path)
        for number, row in enumerate(rows, 1):
            record = _record(row)
            if record is None and number == len(rows):
                break
            if record is None:
                raise damaged(f"{path}:{number}")
            if _version(record) > FORMAT_VERSION:
                raise ReconcilerError(f"{path}:{number}: a newer version of this program wrote the journal", hint=_AWAY)
            yield f"{path}:{number}", record


def damaged(place: str) -> ReconcilerError:
    """What is raised where a line is no record, or none of ours."""
    return ReconcilerError(f"{place}: the journal is damaged", hint=_AWAY)


def _broken_links(rows: list[bytes], records: Mapping[int, Record]) -> list[tuple[int, str]]:
    """Lines that do not follow from the one before; the first of them names the place."""
    ended = 0
    previous = b""
    for number, row in enumerate(rows, 1):
        record = records.get(number)
        if record is not None:
            if ended:
                return [(number, f"it stands after the run's end in line {ended}")]
            if record.get("previous") != line_digest(previous):
                return [(number, _why(number))]
            ended = number if record.get("event") == "end" else 0
        previous = row
    return []


def _why(number: int) -> str:
    if number == 1:
        return "it is not the first line that was written"
    return f"it does not follow from line {number - 1}: that one was changed, or lines were put in, taken out or moved"


def _version(record: Mapping[str, Any]) -> int:
    version = record.get("formatVersion")
    return version if isinstance(version, int) else 0


def _started(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file:
            first = _record(file.readline())
    except OSError as e:
        raise _unreadable(path, e) from e
    start = first or {}
    return (str(start.get("turn") or start.get("time", "")), path.name)


def _time(text: str) -> datetime | None:
    """A time, if it is one after which there can be another."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and moment.year < _LAST_YEAR else None


def _rows(path: Path) -> tuple[list[bytes], bool]:
    """The lines without their breaks, and whether the last one has one."""
    try:
        rows = path.read_bytes().split(b"\n")
    except OSError as e:
        raise _unreadable(path, e) from e
    whole = not rows[-1]
    return (rows[:-1] if whole else rows), whole


def _unreadable(path: Path, e: OSError) -> ReconcilerError:
    return ReconcilerError(f"the journal {path} cannot be read: {e.strerror}")


def _record(line: bytes) -> Record | None:
    """A line's record; None if it holds none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
