"""What all JSON documents share (contract section 3): the version, one spelling, places, diagnostics."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from reconciler.core.diagnostics import Diagnostic, sort_diagnostics
from reconciler.core.findings import Record
from reconciler.core.source import Span

FORMAT_VERSION = 1


NO_FILES: Mapping[str, str] = MappingProxyType({})
NO_PLACE = "reconciler.yaml"
"""The file at which forges show what has no place in a file: they take nothing without."""


def json_text(document: Mapping[str, object], files: Mapping[str, str] = NO_FILES) -> str:
    """The document with sorted keys, in ASCII, with a final newline.

    All but ASCII is escaped, so that nothing in it can steer a terminal and every byte can be encoded.

    Args:
        files: a file's name for people -> its name in the workspace. People read names from where they stand; a
            document is the same wherever it was made.
    """
    document = _renamed(document, files) if files else document
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=True) + "\n"


def _renamed(data: Any, files: Mapping[str, str]) -> Any:
    """The data with the files in every `source` named as in the workspace."""
    if isinstance(data, list):
        return [_renamed(item, files) for item in data]
    if not isinstance(data, Mapping):
        return data
    inside = {key: _renamed(value, files) for key, value in data.items()}
    source = inside.get("source")
    if isinstance(source, dict) and source.get("file") in files:
        inside["source"] = source | {"file": files[source["file"]]}
    return inside


def place_data(span: Span | None) -> dict[str, object]:
    """`{file, line, column}`; empty where there is no place in a file."""
    return {"file": span.file, "line": span.line, "column": span.column} if span else {}


def sorted_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """In core's order, each said once; what it holds for equal is sorted too, so that the bytes are the same."""
    return sort_diagnostics(sorted(diagnostics, key=repr))


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, object]:
    """A diagnostic inside another document; its hint is left out where there is none."""
    data: dict[str, object] = {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "source": place_data(diagnostic.span),
    }
    return data | ({"hint": diagnostic.hint} if diagnostic.hint else {})


# What a report's entry is known by from one run to the next, wherever in its file it has moved meanwhile.


class Fingerprints:
    """Makes the fingerprints of one report: stable, and no two alike."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, ...]] = Counter()

    def of(self, *parts: str) -> str:
        """SHA-256, in hex, of what the entry is about: its check, its file, its subject; never of its line.

        Where a report says the same twice, the second is counted: forges show only one of two that are alike.
        """
        number = self._seen[parts]
        self._seen[parts] += 1
        return hashlib.sha256(json.dumps([*parts, number]).encode("ascii")).hexdigest()


def record_data(record: Record) -> dict[str, object]:
    """`{name, type, ttl, value}`; `ttl` is null in records found."""
    return {"name": record.name, "type": record.type, "ttl": record.ttl, "value": record.value}
