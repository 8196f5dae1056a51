"""Whether there is room for a run's journal and passwords, before the first write.

Nothing is reserved, and somebody else may fill the disk meanwhile: then the run stops, see `engine.journal`. But a run
that cannot come to its end for want of room is better not begun.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from reconciler.core.errors import JournalUnusable
from reconciler.core.plan import Plan
from reconciler.engine.journal import journal_change, state_data

MARGIN = 64 * 1024
"""For what is not counted: the first and last line, protected names, blocks that are begun, other runs."""
_HEAD, _DETAIL, _PASSWORD = 300, 300, 1000
"""Bytes of a line besides its change, of a reason, and of a password as an age message to a few recipients."""


def room_needed(plans: Iterable[Plan]) -> int:
    """Bytes that applying some plans may write down, generously."""
    size = 0
    for plan in plans:
        for change in plan.changes:
            line = _HEAD + len(json.dumps(journal_change(change)))
            state = 0 if change.current is None else len(json.dumps(state_data(change.current)))
            size += 2 * line + state + _DETAIL + (_PASSWORD + len(change.address) if change.password else 0)
    return 2 * size + MARGIN


def check_room(folder: Path, plans: Iterable[Plan]) -> None:
    """Looks whether the disk of a folder, which may not be there yet, has room; no answer where it does not tell.

    Raises:
        JournalUnusable: it has not.
    """
    there = next(p for p in (folder, *folder.parents) if p.is_dir())
    try:
        disk = os.statvfs(there)
    except OSError as e:
        raise JournalUnusable(
            f"the journal's folder {folder} cannot be used: {e.strerror}", hint="nothing was changed"
        ) from e
    needed, free = room_needed(plans), disk.f_bavail * disk.f_frsize
    if disk.f_blocks and free < needed:
        raise JournalUnusable(
            f"there is no room for the journal in {folder}: {_kib(free)} are free, this run may need {_kib(needed)}",
            hint="nothing was changed; make room: every change is written down before it is made",
        )


def _kib(size: int) -> str:
    return f"{-(-size // 1024)} KiB"
