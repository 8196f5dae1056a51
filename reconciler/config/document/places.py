"""Converts an index into a text to line and column. Only messages need these, so they are computed late."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property

from reconciler.core.source import Span

_BREAK = re.compile(r"\r\n|\r|\n")


class Lines:
    """The lines of one file's text. Line breaks are those of YAML 1.2: CR LF, LF, CR."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text

    @cached_property
    def starts(self) -> Sequence[int]:
        """The index of each line's first character."""
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    def place(self, index: int) -> tuple[int, int]:
        """Line and column, both from 1, of the character at `index`."""
        # Both numbers count from 1, as editors do; columns are code points.
        line = bisect_right(self.starts, index)
        return line, index - self.starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """The location of the characters from `start` to `end`, without the white space at their end."""
        # libyaml ends a block value only at the next token, after line breaks and comments.
        while end > start and self.text[end - 1] in " \t\r\n":
            end -= 1
        return Span(self.file, *self.place(start), *self.place(end))
