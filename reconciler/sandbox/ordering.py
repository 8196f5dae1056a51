"""The order of rows: as created, unless the quirk scrambles it (API reference section 10 no. 32)."""

from __future__ import annotations

import json
import zlib
from typing import Any, TypeVar

from reconciler.sandbox.quirks import Quirks

Row = TypeVar("Row")


def in_server_order(rows: list[Row], quirks: Quirks) -> list[Row]:
    """The rows as the server has them; with `unsorted-rows`, in an order that means nothing but is repeatable."""
    if "unsorted-rows" not in quirks:
        return rows
    return sorted(rows, key=_scramble)


def _scramble(row: Any) -> int:
    return zlib.crc32(json.dumps(row, sort_keys=True, default=str).encode())
