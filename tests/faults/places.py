"""At which requests a fault can make a difference of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from every_fault import AFTER, LISTS, Bench

_ROWS = (
    "settings/domain/list-users",
    "settings/domain/aliases",
    "settings/domain/domain-aliases",
    "settings/domain/active-sync-mailboxes",
    "settings/domain/mapi-ews-mailboxes",
)
_TWIN = (*(f for f in AFTER if f.endswith("-after")), "429 Retry-After", "503 Retry-After")
"""For a read these are, byte for byte, the fault without `-after`, or differ from it in a pause that tests leave out."""


def all_places(bench: Bench) -> list[int]:
    """Every request of a run, from 1."""
    return list(range(1, bench.requests + 1))


def places(bench: Bench, fault: str) -> list[int]:
    """The requests at which a fault is not the same as another one: of lists, those with rows; of twins, writes."""
    found = enumerate(bench.ideal.log, 1)
    if fault in LISTS:
        return [n for n, r in found if r["endpoint"] in _ROWS]
    if fault in _TWIN:
        return [
            n for n, r in found if r["mutated"] or r["endpoint"].startswith("auth/") or "manage-domain" in r["path"]
        ]
    return all_places(bench)


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
