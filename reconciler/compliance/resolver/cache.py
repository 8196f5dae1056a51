"""Keeps answers on disk between runs, within their TTLs. Off unless the configuration names a file.

The file contains untrusted text from DNS. So it is JSON, and the program validates every value that it reads. Writes
are atomic, only the owner can read the file, and the program ignores a file that other users can write. The cache keeps
neither failed lookups nor answers from direct queries to authoritative servers.
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
"""Version of the file format. Other versions are ignored."""
MAX_BYTES = 256 * 2**20
MAX_SECONDS = 86_400
"""Limit of seconds to keep a record, regardless of its TTL."""
MAX_SECONDS_ABSENT = 10_800
"""Limit of seconds to keep an absence (RFC 2308 section 5 recommends one to three hours)."""

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
    """Answers of one list of recursive servers, because other servers may give other answers.

    Attributes:
        problem: why the existing file is not used; empty if it is used or does not exist.
    """

    def __init__(self, path: Path, servers: Sequence[tuple[str, int]], *, now: Callable[[], float] = time.time) -> None:
        """Reads the file if it exists. Args: `now`: the clock, in seconds since 1970."""
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
            self.problem = f"the DNS cache {path} is ignored: {why}. The run writes a new one."

    def get(self, name: str, rtype: RecordType) -> Answer | None:
        """The answer with its remaining TTL; None if it is unknown or expired."""
        kept = self._answers.get((name, rtype))
        left = int(kept[1] - self._now()) if kept else 0
        return replace(kept[0], ttl=left) if kept and left > 0 else None

    def put(self, answer: Answer) -> None:
        """Keeps an answer if it may be cached."""
        if answer.outcome in _KEPT and answer.ttl:
            most = MAX_SECONDS if answer.outcome == "records" else MAX_SECONDS_ABSENT
            self._answers[answer.name, answer.rtype] = answer, self._now() + min(answer.ttl, most)

    def save(self) -> str:
        """Writes the file. Returns the error message; empty on success."""
        now = self._now()
        rows = [_row(answer, until) for answer, until in self._answers.values() if until > now]
        text = json.dumps({"dnsCache": FORMAT, "servers": self._servers, "answers": rows}, separators=(",", ":"))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            try:
                # mkstemp creates a file that only the owner can read.
                with os.fdopen(number, "w", encoding="utf-8") as file:
                    file.write(text)
                    # Without fsync, a crash after the rename could leave an empty file.
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
                raise ValueError("it is not a regular file")
            # Another user could plant answers that hide a fault or propose false records.
            if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
                raise ValueError("other users can write it")
            # A huge file must not exhaust the memory.
            if status.st_size > MAX_BYTES:
                raise ValueError(f"it is larger than {MAX_BYTES} bytes")
            found = _json(file.read(MAX_BYTES + 1))
        rows = found.get("answers") if isinstance(found, dict) and found.get("dnsCache") == FORMAT else None
        if not isinstance(rows, list):
            raise ValueError(f"its format is not {FORMAT}")  # noqa: TRY004  (the caller reports the message)
        if found.get("servers") != self._servers:
            raise ValueError("it contains answers of other resolvers")
        now = self._now()
        for row in rows:
            answer, until = _answer(row)
            # A time too far in the future comes from a wrong clock, so the row is not trustworthy.
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
    """Parses one row of the file.

    Raises:
        ValueError: the row does not have the form of `_row`.
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
    # The constructors do not validate values, and later code relies on valid addresses.
    if kind == "Address":
        ip_address(values[0])
    return make(*values)
