"""The `generated` object of documents: the only part that differs between two runs over the same input."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import reconciler


def generated(root: Path | None) -> dict[str, object]:
    """Time (UTC; SOURCE_DATE_EPOCH is honoured), tool, version, and the workspace's git commit where it has one."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    header: dict[str, object] = {
        "time": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "tool": "reconciler",
        "version": reconciler.__version__,
    }
    commit = _commit(root) if root else None
    return header | ({"commit": commit} if commit else {})


def _commit(root: Path) -> str | None:
    """The commit that is checked out; None outside git, or where git is not installed."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", "-C", str(root), "rev-parse", "HEAD"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
