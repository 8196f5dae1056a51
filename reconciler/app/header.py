"""The `generated` object of documents: the only part that differs between two runs over the same input."""

import os
from datetime import UTC, datetime
from pathlib import Path

import reconciler
from reconciler.app.git import commit_of


def generated(root: Path | None) -> dict[str, object]:
    """Time (UTC; SOURCE_DATE_EPOCH is honoured), tool, version, and the workspace's git commit where it has one."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    header: dict[str, object] = {
        "time": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "tool": "reconciler",
        "version": reconciler.__version__,
    }
    commit = commit_of(root) if root else None
    return header | ({"commit": commit} if commit else {})
