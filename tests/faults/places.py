"""At which requests a fault can make a difference of its own."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from every_fault import AFTER, LISTS, Bench

_ROWS = (
    "settings/domain/list-users",
    "settings/domain/aliases",
    "settings/domain/domain-aliases",
    "settings/domain/active-sync-mailboxes",
    "settings/domain/mapi-ews-mailboxes",
)
_SAME_FOR_READS = (
    *(f for f in AFTER if f.endswith("-after")),
    *("429 Retry-After", "503 Retry-After", "502", "drop-mid-body", "truncated-json", "latency"),
)
"""For a read these are, byte for byte or for all that our side makes of them, `503`, `drop-before`, `html` and so on."""
_IN_TURN = ("429", "500", "503", "drop-before", "expired-token", "html")
"""Every read is struck by three of these."""


def all_places(bench: Bench) -> list[int]:
    """Every request of a run, from 1."""
    return list(range(1, bench.requests + 1))


def places(bench: Bench, fault: str) -> list[int]:
    """The requests at which a fault is not the same as another one: of short lists, those with rows.

    All faults strike every write, and signing in; `benchmarks.faults` strikes with all of them everywhere.
    """
    found = enumerate(bench.ideal.log, 1)
    if fault in LISTS:
        return [n for n, r in found if r["endpoint"] in _ROWS]
    told = [n for n, r in found if _is_told(r)]
    if fault in _SAME_FOR_READS:
        return told
    if fault in _IN_TURN:
        turn = _IN_TURN.index(fault) % 2
        return [n for n in all_places(bench) if n in told or n % 2 == turn]
    return all_places(bench)


def _is_told(request: Mapping[str, Any]) -> bool:
    """Whether a request changes something, a session included."""
    path = str(request["path"])
    return bool(request["mutated"]) or path.startswith("auth/") or "manage-domain" in path


def writes(bench: Bench) -> list[int]:
    """The requests that change something."""
    return [n for n, r in enumerate(bench.ideal.log, 1) if r["mutated"]]


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A folder for workspaces, in memory where that is possible: each line of a journal waits for the disk."""
    shm = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(prefix="faults-", dir=shm if shm.is_dir() else None))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
