"""Diagnostics as JSON (`schemas/diagnostics.schema.json`)."""

from collections.abc import Iterable, Mapping

from reconciler.core.diagnostics import Diagnostic
from reconciler.core.source import Span
from reconciler.output.documents import FORMAT_VERSION, NO_FILES, json_text, place_data, sorted_diagnostics


def diagnostics_document(diagnostics: Iterable[Diagnostic], generated: Mapping[str, object]) -> dict[str, object]:
    """The document of contract section 3; `generated` is the header: time, tool, version, commit."""
    return {
        "formatVersion": FORMAT_VERSION,
        "generated": dict(generated),
        "diagnostics": [
            {
                "severity": d.severity.value,
                "code": d.code,
                "message": d.message,
                "hint": d.hint,
                "source": _span_data(d.span),
            }
            for d in sorted_diagnostics(diagnostics)
        ],
    }


def render_diagnostics_json(
    diagnostics: Iterable[Diagnostic], generated: Mapping[str, object], files: Mapping[str, str] = NO_FILES
) -> str:
    """The document as text, with a final newline; `files` as in `json_text`."""
    return json_text(diagnostics_document(diagnostics, generated), files)


def _span_data(span: Span | None) -> dict[str, object]:
    ends = {"endLine": span.end_line, "endColumn": span.end_column} if span else {}
    # Documents of plans have no end of a range. Editors need it to underline the value, so only this document adds it.
    return place_data(span) | ends
