"""What all JSON documents share (contract, section 3): the version, one spelling, places, diagnostics."""

import json
from collections.abc import Iterable, Mapping

from reconciler.core.diagnostics import Diagnostic, in_order
from reconciler.core.source import Span

FORMAT_VERSION = 1


def json_text(document: Mapping[str, object]) -> str:
    """The document with sorted keys, in ASCII, with a final newline.

    All but ASCII is escaped, so that nothing in it can steer a terminal and every byte can be encoded.
    """
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=True) + "\n"


def place_data(span: Span | None) -> dict[str, object]:
    """`{file, line, column}`; empty where there is no place in a file."""
    return {"file": span.file, "line": span.line, "column": span.column} if span else {}


def sorted_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """In core's order, each said once; what it holds for equal is sorted too, so that the bytes are the same."""
    return in_order(sorted(diagnostics, key=repr))


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, object]:
    """A diagnostic inside another document; its hint is left out where there is none."""
    data: dict[str, object] = {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "source": place_data(diagnostic.span),
    }
    return data | ({"hint": diagnostic.hint} if diagnostic.hint else {})
