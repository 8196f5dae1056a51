"""The `generated` object of documents: the only part that differs between two runs over the same input."""

import getpass
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import reconciler
from reconciler.app.git import commit_of


def generated(root: Path | None) -> dict[str, object]:
    """Time (UTC, or SOURCE_DATE_EPOCH), tool, version, and the workspace's git commit if it has one."""
    # Reproducible builds set this variable, and then all documents must be identical.
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    header: dict[str, object] = {
        "time": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "tool": "reconciler",
        "version": reconciler.__version__,
    }
    commit = commit_of(root) if root else None
    return header | ({"commit": commit} if commit else {})


# The user, machine and job of this run, for the journal and for other runs that wait for the lock.


def user() -> str | None:
    """The user that the CI names, else the user of the system; None if both are unknown."""
    # In CI, the user of the system is only the account of the runner.
    named = os.environ.get("GITHUB_ACTOR") or os.environ.get("GITLAB_USER_LOGIN")
    if named:
        return named
    try:
        return getpass.getuser()
    # A container may run a user id that has no name.
    except (OSError, KeyError, ImportError):
        return None


def host() -> str:
    """This machine's name."""
    return socket.gethostname() or "unknown"


def job() -> str:
    """The URL of the current CI job; empty outside CI."""
    run = os.environ.get("GITHUB_RUN_ID")
    if run:
        base = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{base}/{os.environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
    return os.environ.get("CI_JOB_URL", "")
