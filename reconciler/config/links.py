"""Resolves symbolic links in the same way on every Python version."""

import errno
from pathlib import Path


def resolved(path: Path) -> Path | None:
    """The path with all links resolved; the file need not exist. None for a cycle of links, or an impossible name."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError, ValueError):  # before Python 3.13, a cycle is a RuntimeError
        return None
    try:
        path.stat()
    except OSError as e:
        # From Python 3.13 on, `resolve` returns one of the links of a cycle, so that it would look like a file here.
        return None if e.errno == errno.ELOOP else real
    return real
