"""Who runs this, and where: for the journal, and for whoever waits for the lock."""

import getpass
import os
import socket


def user() -> str | None:
    """Whom the CI names, else the system's user; None where neither tells."""
    named = os.environ.get("GITHUB_ACTOR") or os.environ.get("GITLAB_USER_LOGIN")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def host() -> str:
    """This machine's name."""
    return socket.gethostname() or "unknown"


def job() -> str:
    """The address of the CI job that this runs in; empty where there is none."""
    run = os.environ.get("GITHUB_RUN_ID")
    if run:
        base = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{base}/{os.environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
    return os.environ.get("CI_JOB_URL", "")
