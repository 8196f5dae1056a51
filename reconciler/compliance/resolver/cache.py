"""Answers kept on disk between runs, for as long as their TTLs allow. Off unless a file is named.

The file holds what DNS said, which is hostile: it is JSON, and every value is looked at before it is believed. It is
written at once or not at all, readable for its owner only, and one that others could have written is not believed.
Not kept: what could not be looked up, and what authoritative servers said when asked directly.
"""

import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, get_args

from reconciler.core.lookups import Address, Answer, Host, Mx, Outcome, Rdata, RecordType, Soa, Srv, Tlsa, Txt

FORMAT = 1
"""Of the file; another is not read."""
MAX_BYTES = 256 * 2**20
MAX_SECONDS = 86_400
"""For which a record is kept, whatever its TTL."""
MAX_SECONDS_ABSENT = 10_800
"""For which an absence is kept (RFC 2308 section 5: one to three hours work well)."""

_SHAPES: dict[str, tuple[Callable[..., Rdata], tuple[type, ...]]] = {
    "Mx": (Mx, (int, str)),
    "Srv": (Srv, (int, int, int, str)),
    "Address": (Address, (str,)),
    "Host": (Host, (str,)),
    "Soa": (Soa, (int, str)),
    "Tlsa": (Tlsa, (int, int, int, str)),
}
_KEPT: tuple[Outcome, ...] = ("records", "nodata", "nxdomain")


class AnswerCache:
    """Answers of one list of recursive servers: others may say something else.

    Attributes:
        problem: why what was in the file is not used; empty where it is, or there is no file.
    """

    def __init__(self, path: Path, servers: Sequence[tuple[str, int]], *, now: Callable[[], float] = time.time) -> None:
        """Reads the file, if there is one. Args: `now`: the clock, in seconds since 1970."""
        self._path = path
        self._servers = [f"{host} {port}" for host, port in servers]
        self._now = now
        self._answers: dict[tuple[str, RecordType], tuple[Answer, float]] = {}
        self.problem = ""
        try:
            self._load()
        except FileNotFoundError:
            return
        except (OSError, ValueError, RecursionError) as e:
            self._answers = {}
            why = (e.strerror or type(e).__name__) if isinstance(e, OSError) else str(e)[:200]
            self.problem = f"the DNS cache {path} is not used: {why}; it is written anew"

    def get(self, name: str, rtype: RecordType) -> Answer | None:
        """The answer, if it is still good; its TTL is what is left of it."""
        kept = self._answers.get((name, rtype))
        left = int(kept[1] - self._now()) if kept else 0
        return replace(kept[0], ttl=left) if kept and left > 0 else None

    def put(self, answer: Answer) -> None:
        """Keeps an answer that may be kept."""
        if answer.outcome in _KEPT and answer.ttl:
            most = MAX_SECONDS if answer.outcome == "records" else MAX_SECONDS_ABSENT
            self._answers[answer.name, answer.rtype] = answer, self._now() + min(answer.ttl, most)

    def save(self) -> str:
        """Writes the file; why it could not be, or nothing."""
        now = self._now()
        rows = [_row(answer, until) for answer, until in self._answers.values() if until > now]
        text = json.dumps({"dnsCache": FORMAT, "servers": self._servers, "answers": rows}, separators=(",", ":"))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            try:
                # mkstemp makes it readable for its owner only.
                with os.fdopen(number, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as e:
            return f"the DNS cache {self._path} cannot be written: {e.strerror or e}"
        return ""

    def _load(self) -> None:
        with self._path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError("it is no file")
            if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
                raise ValueError("others may have written it")
            if status.st_size > MAX_BYTES:
                raise ValueError(f"it has more than {MAX_BYTES} bytes")
            found = _json(file.read(MAX_BYTES + 1))
        rows = found.get("answers") if isinstance(found, dict) and found.get("dnsCache") == FORMAT else None
        if not isinstance(rows, list):
            raise ValueError(f"it is not of the format {FORMAT}")  # noqa: TRY004  (the caller tells what is wrong)
        if found.get("servers") != self._servers:
            raise ValueError("it holds the answers of other resolvers")
        now = self._now()
        for row in rows:
            answer, until = _answer(row)
            if now < until <= now + MAX_SECONDS:
                self._answers[answer.name, answer.rtype] = answer, until


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as e:
        raise ValueError("it is damaged") from e


def _row(answer: Answer, until: float) -> list[object]:
    return [
        answer.name,
        answer.rtype,
        answer.outcome,
        [_plain(record) for record in answer.records],
        list(answer.aliases),
        answer.text,
        answer.authenticated,
        int(until),
    ]


def _plain(record: Rdata) -> list[object]:
    if isinstance(record, Txt):
        return ["Txt", *record.strings]
    return [type(record).__name__, *(getattr(record, name) for name in record.__dataclass_fields__)]


def _answer(row: object) -> tuple[Answer, float]:
    """One row of the file.

    Raises:
        ValueError: it is not what `_row` makes.
    """
    if not isinstance(row, list) or len(row) != 8:
        raise ValueError("it is damaged")
    name, rtype, outcome, records, aliases, text, authenticated, until = row
    good = (
        isinstance(name, str)
        and rtype in get_args(RecordType)
        and outcome in _KEPT
        and isinstance(records, list)
        and bool(records) is (outcome == "records")
        and isinstance(aliases, list)
        and all(isinstance(alias, str) for alias in aliases)
        and isinstance(text, str)
        and (authenticated is None or isinstance(authenticated, bool))
        and type(until) is int
    )
    if not good:
        raise ValueError("it is damaged")
    answer = Answer(
        name=name,
        rtype=rtype,
        outcome=outcome,
        records=tuple(_rdata(record) for record in records),
        aliases=tuple(aliases),
        text=text,
        authenticated=authenticated,
    )
    return answer, until


def _rdata(found: object) -> Rdata:
    if not isinstance(found, list) or not found:
        raise ValueError("it is damaged")
    kind, *values = found
    if kind == "Txt" and values and all(isinstance(value, str) for value in values):
        return Txt(tuple(values))
    make, types = _SHAPES.get(kind, (None, ())) if isinstance(kind, str) else (None, ())
    if make is None or tuple(map(type, values)) != types:
        raise ValueError("it is damaged")
    if kind == "Address":
        ip_address(values[0])
    return make(*values)
