"""Locations in files: where a value of a YAML document is written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of text in a file.

    `file` is the path for users, relative to the workspace if the file is inside it. Lines and columns start at 1,
    columns count code points, and the end is exclusive, as in editors.
    """

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1

    def __str__(self) -> str:
        """`file:line:column`, which editors and terminals make clickable."""
        return f"{self.file}:{self.line}:{self.column}"
