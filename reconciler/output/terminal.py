"""Text for terminals and CI logs: invisible characters made visible, cells counted, lines wrapped, color."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that Unicode calls printable although they are invisible (Default_Ignorable_Code_Point, blank Braille)."""

_IDEOGRAPHIC_SPACE = "\u3000"
MIN_WIDTH = 40


def visible(text: str) -> str:
    r"""Untrusted text with each invisible or reordering character as `\u{202e}`.

    These are control characters (newline and ESC, so ANSI sequences too), bidi marks, overrides and isolates,
    zero-width and unassigned characters, lone surrogates, and spaces that look like another space.
    """
    # Nearly all text is printable ASCII, so the fast check comes first: plans of large servers have many addresses.
    if text.isprintable() and (text.isascii() or not _INVISIBLE.search(text)):
        return text
    return "".join(c if _is_seen(c) else f"\\u{{{ord(c):x}}}" for c in text)


def _is_seen(char: str) -> bool:
    return (char.isprintable() and not _INVISIBLE.match(char)) or char == _IDEOGRAPHIC_SPACE


def safe(text: str) -> str:
    """`visible`, and without commands to a CI runner that reads the log (`::error::`, `##[...]`, `##vso[`)."""
    text = visible(text)
    # These commands work anywhere in a line, so an escape at the line start is not enough.
    if "##" in text:
        text = text.replace("##", "#\\u{23}")
    return at_line_start(text)


def at_line_start(text: str) -> str:
    """Text that may begin a line. GitHub's runner executes a line that begins with `::` as a command."""
    return "\\u{3a}:" + text[2:] if text.startswith("::") else text


def columns(text: str) -> int:
    """The cells of a text on a terminal: two for wide East Asian characters, none for combining characters."""
    if text.isascii():
        return len(text)
    return sum(char_columns(c) for c in text)


def char_columns(char: str) -> int:
    """The cells of one character."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}


class Style:
    """Color, on or off: `Style(color)("text", "bold", "red")`. The text must already be safe."""

    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, *names: str) -> str:
        """The text in these styles, named as in the table above."""
        # An empty text would still give escape sequences, which fill logs.
        if not (self.color and names and text):
            return text
        return f"\033[{';'.join(_CODES[n] for n in names)}m{text}\033[0m"


class Piece(NamedTuple):
    """A part of a line, already safe.

    Attributes:
        gap: spaces before it, unless it begins a line.
        solid: it is never cut, even if it is longer than a line (an address).
    """

    text: str
    styles: tuple[str, ...] = ()
    gap: int = 1
    solid: bool = False


def words(text: str, *styles: str, gap: int = 1) -> list[Piece]:
    """A text that may wrap at its spaces."""
    first, *rest = text.split(" ")
    return [Piece(first, styles, gap), *(Piece(word, styles) for word in rest)]


def flow(pieces: Iterable[Piece], *, indent: int, hang: int, width: int, style: Style) -> Iterator[str]:
    """Lines of at most `width` cells: the first is indented by `indent`, the others by `hang`.

    A piece that does not fit begins the next line. A piece longer than a line is cut, unless it is solid.
    """
    # A terminal may report a width of 0, and a very narrow one would give one word per line.
    width = max(width, MIN_WIDTH)
    line, used, empty = " " * indent, indent, True
    for text, styles, gap, solid in pieces:
        size = columns(text)
        if not empty:
            if used + gap + size <= width:
                line += " " * gap + style(text, *styles)
                used += gap + size
                continue
            yield line
            line, used = " " * hang, hang
        # Wrapping moves text to the start of a line, where a runner would execute it.
        text = at_line_start(text)
        while not solid and columns(text) > width - used:
            head, text = _cut(text, width - used)
            yield line + style(head, *styles)
            line, used, text = " " * hang, hang, at_line_start(text)
        line += style(text, *styles)
        used += columns(text)
        empty = False
    if not empty:
        yield line


def _cut(text: str, cells: int) -> tuple[str, str]:
    """The text in two parts; the first has at least one character and at most so many cells."""
    used = 0
    for n, char in enumerate(text):
        used += char_columns(char)
        # At least one character is taken, otherwise a wide character in a narrow line would never end the loop.
        if used > cells and n:
            return text[:n], text[n:]
    return text, ""


def count(number: int, one: str, many: str = "") -> str:
    """`1 mailbox`, `2 mailboxes`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
