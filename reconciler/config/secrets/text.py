"""Checks that a value can be a secret: one line of text of limited length. Also a time limit for slow libraries."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

MAX_BYTES = 64 * 1024
"""Bytes. A longer value is not a password or token: the reference names the wrong source."""


def one_line(data: bytes) -> str | None:
    """The text without its line end; None unless it is one non-empty line of UTF-8.

    It returns None instead of raising, because a UnicodeDecodeError contains the bytes that it failed on.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    # Editors and `echo` add one line end; a second one is more likely a mistake.
    text = text.removesuffix("\n").removesuffix("\r")
    return text if is_one_line(text) else None


def is_one_line(text: str) -> bool:
    """Whether a text can be a secret: not empty, no line breaks, no NUL, at most 64 KiB."""
    return bool(text) and not any(c in text for c in "\n\r\0") and len(text) <= MAX_BYTES


def within(seconds: float, ask: Callable[[], T]) -> T:
    """The result of a library that may wait forever for a server or for a person. Its exceptions are raised here.

    Raises:
        TimeoutError: it took longer. It keeps waiting in a daemon thread, which does not keep the program running.
    """
    answers: list[T] = []
    faults: list[Exception] = []

    def asking() -> None:
        try:
            answers.append(ask())
        except Exception as e:  # noqa: BLE001  # raised again in the calling thread
            faults.append(e)

    thread = threading.Thread(target=asking, name="secret", daemon=True)
    thread.start()
    thread.join(seconds)
    if faults:
        raise faults[0]
    if not answers:
        raise TimeoutError
    return answers[0]
