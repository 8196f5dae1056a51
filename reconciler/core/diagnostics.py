"""Diagnostics: statements about the user's input, collected as values and never raised."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.source import Span


class Severity(StrEnum):
    """The severity of a diagnostic. Only an error stops a command."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One statement about the input.

    Attributes:
        code: a stable code of `reconciler.core.codes.CODES`, e.g. `LIM001`.
        message: the fault with its value, one line, without the location.
        hint: the next step as an imperative; empty if the message is enough.
        span: the location; None only for faults without one in a file (the state of a server).
    """

    severity: Severity
    code: str
    message: str
    span: Span | None = None
    hint: str = ""

    def __str__(self) -> str:
        """`file:line:column: severity: message [CODE]`, the format of compilers."""
        place = f"{self.span}: " if self.span else ""
        return f"{place}{self.severity}: {self.message} [{self.code}]"


def error(code: str, message: str, span: Span | None = None, *, hint: str = "") -> Diagnostic:
    """An error: the command stops."""
    return Diagnostic(Severity.ERROR, code, message, span, hint)


def warning(code: str, message: str, span: Span | None = None, *, hint: str = "") -> Diagnostic:
    """A warning: the command continues."""
    return Diagnostic(Severity.WARNING, code, message, span, hint)


def info(code: str, message: str, span: Span | None = None, *, hint: str = "") -> Diagnostic:
    """A note."""
    return Diagnostic(Severity.INFO, code, message, span, hint)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them is an error."""
    return any(d.severity is Severity.ERROR for d in diagnostics)


def sort_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by file, line, column, severity, code and text, without duplicates."""

    def key(d: Diagnostic) -> tuple[str, int, int, int, str, str, str]:
        # Diagnostics without a location come first: they concern the complete domain or server.
        span = d.span or Span("", 0, 0)
        return (span.file, span.line, span.column, _RANK[d.severity], d.code, d.message, d.hint)

    # Two checks may report the same fault at the same place. The user must fix it only once.
    return tuple(sorted(dict.fromkeys(diagnostics), key=key))
