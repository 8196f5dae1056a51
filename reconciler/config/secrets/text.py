"""What a fetched value must be to serve as a secret: one line of text, of a sane length. Says why not, never what."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

MAX_BYTES = 64 * 1024
"""More than this is no password or token: somebody named the wrong place."""


def one_line(data: bytes) -> str | None:
    """The text without its one line end; None for what is no single line, not empty, of UTF-8.

    None instead of an exception: a UnicodeDecodeError carries the bytes it failed on.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    text = text.removesuffix("\n").removesuffix("\r")
    return text if is_one_line(text) else None


def is_one_line(text: str) -> bool:
    """Whether a text can be a secret: not empty, no line breaks, no NUL, at most 64 KiB."""
    return bool(text) and not any(c in text for c in "\n\r\0") and len(text) <= MAX_BYTES


def within(seconds: float, ask: Callable[[], T]) -> T:
    """The answer of a library that may wait for ever, for a server or for a person; what it raises is raised here.

    Raises:
        TimeoutError: it took longer. It is left waiting in a thread that does not keep the program from ending.
    """
    answers: list[T] = []
    faults: list[Exception] = []

    def asking() -> None:
        try:
            answers.append(ask())
        except Exception as e:  # noqa: BLE001  # it is raised where the answer is waited for
            faults.append(e)

    thread = threading.Thread(target=asking, name="secret", daemon=True)
    thread.start()
    thread.join(seconds)
    if faults:
        raise faults[0]
    if not answers:
        raise TimeoutError
    return answers[0]
