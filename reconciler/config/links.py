"""Resolves symbolic links in the same way on every Python version."""

import errno
from pathlib import Path


def resolved(path: Path) -> Path:
    """The absolute path without links. The last parts need not exist.

    Until Python 3.12 `Path.resolve` raises RuntimeError for a cycle of links. Since 3.13 it returns the path as if
    nothing were wrong, so a check such as "is inside the workspace" would accept the link.

    Raises:
        OSError: with errno ELOOP, a link leads to itself; otherwise, as the system reports it.
        ValueError: no file can have this name.
    """
    try:
        real = path.resolve()
    except RuntimeError as e:
        raise OSError(errno.ELOOP, "cycle of symbolic links", str(path)) from e
    try:
        real.stat()
    except OSError as e:
        if e.errno == errno.ELOOP:
            raise
    return real
