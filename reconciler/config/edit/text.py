"""A document's text while it is edited. Replacements are collected and applied together at the end.

Until then every index of the loader stays valid.
"""

import re
from bisect import bisect_right
from typing import NoReturn

from reconciler.config.document.builder import Map, shown
from reconciler.config.document.loader import Document
from reconciler.config.document.places import Lines
from reconciler.config.emit import STEP
from reconciler.core.errors import CannotEdit

Mark = tuple[int, int, int, int]
"""Start and end of a key, start and end of its value."""

_TAIL = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)?")
_BREAK = re.compile(r"\r\n|\r|\n")
_COLON = re.compile(r"[ \t]*:")
_MARKED: dict[str, str] = {"&": "has an anchor", "*": "is an alias", "!": "has a tag"}


class Draft:
    """One document and its collected replacements.

    Attributes:
        newline: the line end of the first line; LF if there is none.
        step: columns of indentation of the first nested mapping.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.text = document.text
        self._lines = Lines(document.file, self.text)
        # Editors use one kind of line end per file, so the first one decides.
        found = _BREAK.search(self.text)
        self.newline = found[0] if found else "\n"
        self.step = self._step(document.value)
        self._splices: list[tuple[int, int, str]] = []

    def _step(self, root: object) -> int:
        if isinstance(root, Map) and self.text[document_start(self.document)] != "{":
            for key, value in root.items():
                if isinstance(value, Map) and value and self.text[root.marks[key][2]] not in "{&*":
                    first = min(mark[0] for mark in value.marks.values())
                    return max(1, self.column(first))
        return STEP

    def refuse(self, at: int, why: str) -> NoReturn:
        """Raises CannotEdit: the text at this index cannot be changed safely."""
        span = self._lines.span(at, at + 1)
        raise CannotEdit(f"{span}: {why}", span=span, hint="edit this line by hand; nothing was written")

    def line_start(self, at: int) -> int:
        """The index of the first character of the line."""
        return self._lines.starts[bisect_right(self._lines.starts, at) - 1]

    def line_end(self, at: int) -> int:
        """The index after the line and its line end."""
        following = bisect_right(self._lines.starts, at)
        return self._lines.starts[following] if following < len(self._lines.starts) else len(self.text)

    def column(self, at: int) -> int:
        """The number of characters before the index on its line."""
        return at - self.line_start(at)

    def is_first(self, at: int) -> bool:
        """Whether only white space is before the index on its line."""
        return not self.text[self.line_start(at) : at].strip(" \t")

    def is_last(self, at: int) -> bool:
        """Whether only white space and a comment follow the index on its line."""
        return _TAIL.match(self.text, at).end() == self.line_end(at)  # type: ignore[union-attr]  # matches the empty text

    def colon(self, mark: Mark) -> int:
        """The index after the colon of a key."""
        found = _COLON.match(self.text, mark[1])
        if not found:
            self.refuse(mark[0], f"{self.key(mark)} is a key with `?`, or a key without a colon")
        return found.end()

    def key(self, mark: Mark) -> str:
        """A key as the file spells it, for messages."""
        return shown(self.text[mark[0] : mark[1]])

    def content_end(self, start: int, end: int) -> int:
        """The end of a value without the trailing white space that a parser includes."""
        return start + len(self.text[start:end].rstrip(" \t\r\n"))

    def region_end(self, start: int, end: int) -> int:
        """The end of the lines of an entry that begins at `start`, which only a `-` may precede on its line.

        Comments below the entry belong to it if they have a deeper indentation.
        """
        end = self.content_end(start, end)
        # Removing complete lines would remove the other text too.
        if not self.is_last(end):
            self.refuse(start, "other text follows on the same line")
        column, at = self.column(start), self.line_end(end)
        below = at
        while below < len(self.text):
            following = self.line_end(below)
            line = self.text[below:following].rstrip("\r\n")
            if line.strip(" \t"):
                indent = len(line) - len(line.lstrip(" \t"))
                # A comment of the same indentation usually describes the next entry.
                if line[indent] != "#" or indent <= column:
                    break
                at = following
            below = following
        return at

    def check(self, mark: Mark, inside: tuple[int, int]) -> None:
        """Checks that the text of a key and its value belongs only to this place.

        Raises:
            CannotEdit: the text comes from an alias or a merge key, or has an anchor that other places may use.
        """
        if mark[0] < inside[0] or mark[3] > inside[1]:
            self.refuse(inside[0], f"{self.key(mark)} comes from another place, by an alias or a merge key")
        for at in (mark[0], mark[2]):
            sign = self.text[at : at + 1]
            if sign in _MARKED:
                self.refuse(at, f"{self.key(mark)} {_MARKED[sign]}, so a change here could change other places too")

    def splice(self, start: int, end: int, text: str) -> None:
        """Replaces the text between two indices."""
        self._splices.append((start, end, text))

    def insert_lines(self, at: int, lines: list[str], indent: int = 0) -> None:
        """Inserts lines before the line that begins at this index, or at the end."""
        text = [" " * indent + line if line else "" for line in lines]
        # A file without a final line end needs one before the new lines and gets none after them.
        if at == len(self.text) and at != self.line_start(at):
            self.splice(at, at, "".join(self.newline + line for line in text))
        else:
            self.splice(at, at, "".join(line + self.newline for line in text))

    def result(self) -> str:
        """The text with all replacements."""
        parts: list[str] = []
        at = 0
        # The sort is stable: insertions at one index keep their order.
        for start, end, text in sorted(self._splices, key=lambda splice: splice[:2]):
            assert start >= at, "edits do not overlap"
            parts += (self.text[at:start], text)
            at = end
        return "".join((*parts, self.text[at:]))


def document_start(document: Document) -> int:
    """The index of the start of the document's value."""
    return document.root[0]
