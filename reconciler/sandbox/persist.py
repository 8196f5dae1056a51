"""Stores the state as rows in SQLite, so that a sandbox with a data folder keeps it across restarts.

Requests read only the state in memory. A request with changes writes the changed rows, one per object, in one
transaction before its answer.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from reconciler.sandbox.config import SandboxError

FILE_NAME = "sandbox.sqlite3"
RowKey = tuple[str, str, str]
"""Kind (`domain`, `users`, `aliases`, `lists`, `admin`, `zone`), domain, name."""

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS thing (kind TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL, "
    "data TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (kind, domain, name)) WITHOUT ROWID"
)
_WRITE = (
    "INSERT INTO thing (kind, domain, name, data, place) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (kind, domain, name) DO UPDATE SET data = excluded.data"
)


class DataInUseError(SandboxError):
    """The data folder is not usable: another sandbox uses it, or its file is not a sandbox database."""


class Persistence:
    """Rows of JSON in one SQLite file."""

    def __init__(self, folder: Path) -> None:
        path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Without Python's own transactions: `write` begins and ends each one itself.
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=1)
        except (OSError, sqlite3.OperationalError) as error:
            raise DataInUseError(f"cannot use the data folder {folder}: {error}; choose another one") from error
        try:
            # One sandbox per folder: a second one would overwrite the rows of the first without notice.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            # A power failure may lose the last writes, but never damages the file. A test server needs no more.
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(_SCHEMA)
        except sqlite3.OperationalError as error:
            self._db.close()
            remedy = "stop the other sandbox that uses this folder" if _is_locked(error) else "make the folder writable"
            raise DataInUseError(f"cannot open {path} ({error}): {remedy}, or choose another folder") from error
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise DataInUseError(f"{path} is not a sandbox database: {error}; choose another folder") from error
        self._place = int(self._db.execute("SELECT COALESCE(MAX(place), 0) FROM thing").fetchone()[0])
        # The file contains password hashes and private DKIM keys.
        path.chmod(0o600)

    def rows(self) -> Iterator[tuple[RowKey, Any]]:
        """All rows, in the order of their first write."""
        for kind, domain, name, data in self._db.execute("SELECT kind, domain, name, data FROM thing ORDER BY place"):
            yield (kind, domain, name), json.loads(data)

    def write(self, changes: Iterable[tuple[RowKey, Any]], dropped_domains: Iterable[str] = ()) -> None:
        """Write rows in one transaction; a value of None removes its row, a dropped domain all of its rows."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for domain in dropped_domains:
                self._db.execute("DELETE FROM thing WHERE domain = ?", (domain,))
            for key, value in changes:
                if value is None:
                    self._db.execute("DELETE FROM thing WHERE kind = ? AND domain = ? AND name = ?", key)
                else:
                    self._place += 1
                    self._db.execute(_WRITE, (*key, json.dumps(value), self._place))
        # Also for KeyboardInterrupt: an open transaction would make every later write fail.
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _is_locked(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
