"""Places in files: where a value of a YAML document was written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of text in a file.

    `file` is the path as users should read it, relative to the workspace where it lies inside. Lines and columns
    count from 1, columns in code points; the end is exclusive, as editors count.
    """

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1

    def __str__(self) -> str:
        """`file:line:column`, which editors and terminals make clickable."""
        return f"{self.file}:{self.line}:{self.column}"
