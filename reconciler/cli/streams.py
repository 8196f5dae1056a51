"""Standard output and error: fit to be written to, or out of the way where they cannot be."""

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO


def open_streams() -> None:
    """Makes standard output and error fit to be written to, whatever their encoding, and also where they are closed.

    A name that the terminal's encoding cannot say is escaped: it must not break off an apply.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, nowhere())
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def nowhere() -> TextIO:
    """A stream that takes everything, open until the process ends."""
    return Path(os.devnull).open("w", encoding="utf-8")


def silence() -> None:
    """Standard output and error go nowhere from now on: whoever read them is gone.

    Their descriptors, too: what is still in a buffer would fail once more when Python writes it at the end.
    """
    with suppress(OSError):
        sink = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # no descriptor of its own, or closed
                os.dup2(sink, stream.fileno())
        os.close(sink)
