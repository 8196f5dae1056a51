"""What we say about the user's input: collected as values, never raised."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.source import Span


class Severity(StrEnum):
    """How bad it is. Only errors make a command refuse to go on."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One statement about the input.

    Attributes:
        code: a stable code out of `reconciler.core.codes.CODES`, e.g. `LIM001`.
        message: what is wrong and why, one line, without the place.
        hint: what to do next; empty where the message says it.
        span: where; None only for what has no place in a file (the state of a server).
    """

    severity: Severity
    code: str
    message: str
    span: Span | None = None
    hint: str = ""

    def __str__(self) -> str:
        """`file:line:column: severity: message [CODE]`, the line of compilers."""
        place = f"{self.span}: " if self.span else ""
        return f"{place}{self.severity}: {self.message} [{self.code}]"


def error(code: str, message: str, span: Span | None = None, *, hint: str = "") -> Diagnostic:
    """An error: the command will refuse to go on."""
    return Diagnostic(Severity.ERROR, code, message, span, hint)


def warning(code: str, message: str, span: Span | None = None, *, hint: str = "") -> Diagnostic:
    """A warning: worth reading, stops nothing."""
    return Diagnostic(Severity.WARNING, code, message, span, hint)


def info(code: str, message: str, span: Span | None = None, *, hint: str = "") -> Diagnostic:
    """A note."""
    return Diagnostic(Severity.INFO, code, message, span, hint)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them is an error."""
    return any(d.severity is Severity.ERROR for d in diagnostics)


def sort_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by file, line, column, severity, code, words; each said once."""

    def key(d: Diagnostic) -> tuple[str, int, int, int, str, str, str]:
        span = d.span or Span("", 0, 0)
        return (span.file, span.line, span.column, _RANK[d.severity], d.code, d.message, d.hint)

    return tuple(sorted(dict.fromkeys(diagnostics), key=key))
