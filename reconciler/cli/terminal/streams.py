"""Standard output and error: writable in any encoding, or redirected to nowhere if they are closed."""

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO


def open_streams() -> None:
    """Make standard output and error writable in any encoding, also if they are closed.

    A name that the encoding of the terminal lacks is escaped. It must not interrupt an apply.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        # Python sets a stream to None if its descriptor is closed (`>&-`). Each write would then raise an
        # AttributeError.
        if stream is None:
            setattr(sys, name, nowhere())
        # Only the default is replaced. A user who set PYTHONIOENCODING with another handler keeps it.
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def nowhere() -> TextIO:
    """A stream that discards everything. It stays open until the process ends."""
    return Path(os.devnull).open("w", encoding="utf-8")


def silence() -> None:
    """Discard standard output and error from now on, because their reader is gone.

    This includes the descriptors: Python writes the buffers at exit, and would fail again.
    """
    with suppress(OSError):
        sink = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # The stream has no descriptor, or is closed.
                os.dup2(sink, stream.fileno())
        os.close(sink)
