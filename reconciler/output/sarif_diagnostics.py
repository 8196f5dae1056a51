"""Diagnostics as SARIF."""

from collections.abc import Iterable, Mapping

from reconciler.core.codes import CODES
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.output.documents import NO_FILES, sorted_diagnostics
from reconciler.output.sarif import Level, SarifResult, Rule, sarif_log

_LEVELS: dict[Severity, Level] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}


def render_diagnostics_sarif(diagnostics: Iterable[Diagnostic], paths: Mapping[str, str] = NO_FILES) -> str:
    """The log, with a final newline; its rules are all codes there are. `paths` as in `sarif_log`."""
    rules = [Rule(id=code, text=text, help=f"docs/diagnostics.md#{code}") for code, text in sorted(CODES.items())]
    return sarif_log(rules, map(_result, sorted_diagnostics(diagnostics)), paths)


def _result(diagnostic: Diagnostic) -> SarifResult:
    hint = f"\nhint: {diagnostic.hint}" if diagnostic.hint else ""
    return SarifResult(
        rule=diagnostic.code,
        level=_LEVELS[diagnostic.severity],
        text=diagnostic.message + hint,
        about=diagnostic.message,
        span=diagnostic.span,
    )
