"""The requests at which each fault has a distinct effect."""

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
"""For a read, the client cannot distinguish these from `503`, `drop-before`, `html` and so on."""
_IN_TURN = ("429", "500", "503", "drop-before", "expired-token", "html")
"""Every read gets three of these."""


def all_places(bench: Bench) -> list[int]:
    """Return the number of every request of a run, from 1."""
    return list(range(1, bench.requests + 1))


def places(bench: Bench, fault: str) -> list[int]:
    """Return the requests at which a fault differs from the others; for short lists only those with rows.

    Every write and every login gets all faults. `benchmarks.faults` injects all faults at all requests.
    """
    found = enumerate(bench.ideal.log, 1)
    if fault in LISTS:
        return [n for n, r in found if r["endpoint"] in _ROWS]
    stateful = [n for n, r in found if _is_stateful(r)]
    if fault in _SAME_FOR_READS:
        return stateful
    if fault in _IN_TURN:
        turn = _IN_TURN.index(fault) % 2
        return [n for n in all_places(bench) if n in stateful or n % 2 == turn]
    return all_places(bench)


def _is_stateful(request: Mapping[str, Any]) -> bool:
    """Whether a request changes data or a session."""
    path = str(request["path"])
    return bool(request["mutated"]) or path.startswith("auth/") or "manage-domain" in path


def writes(bench: Bench) -> list[int]:
    """Return the requests that change data."""
    return [n for n, r in enumerate(bench.ideal.log, 1) if r["mutated"]]


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """Make a folder for workspaces, in memory if possible, because each journal line waits for the disk."""
    shm = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(prefix="faults-", dir=shm if shm.is_dir() else None))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
