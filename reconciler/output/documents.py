"""Parts that all JSON documents share (contract section 3): version, serialization, locations, diagnostics."""

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
"""The file for entries without a location. Forges reject entries without a file."""


def json_text(document: Mapping[str, object], files: Mapping[str, str] = NO_FILES) -> str:
    """The document with sorted keys, in ASCII, with a final newline.

    All other characters are escaped, so that no text can control a terminal and every text can be encoded.

    Args:
        files: the displayed name of a file -> its name in the workspace. Displayed names depend on the current
            folder; a document must not.
    """
    # The files are renamed at the end and not where documents are made, so that no document can forget it.
    document = _renamed(document, files) if files else document
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=True) + "\n"


def _renamed(data: Any, files: Mapping[str, str]) -> Any:
    """The data, with workspace names for the files in every `source`."""
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
    """`{file, line, column}`; empty without a location."""
    return {"file": span.file, "line": span.line, "column": span.column} if span else {}


def sorted_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics in the order of the core, without duplicates. Ties are sorted too, so that output is stable."""
    return sort_diagnostics(sorted(diagnostics, key=repr))


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, object]:
    """A diagnostic inside another document. An empty hint is omitted."""
    data: dict[str, object] = {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "source": place_data(diagnostic.span),
    }
    return data | ({"hint": diagnostic.hint} if diagnostic.hint else {})


# Fingerprints identify an entry of a report from one run to the next, even if its line moves.


class Fingerprints:
    """Creates the fingerprints of one report. They are stable and unique."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, ...]] = Counter()

    def of(self, *parts: str) -> str:
        """The SHA-256, in hex, of the check, file and subject of an entry, but not of its line.

        Equal entries are numbered, because forges show only one of several entries with the same fingerprint.
        """
        number = self._seen[parts]
        self._seen[parts] += 1
        # JSON keeps the parts apart: joined with a separator, two different entries could give the same text.
        return hashlib.sha256(json.dumps([*parts, number]).encode("ascii")).hexdigest()


def record_data(record: Record) -> dict[str, object]:
    """`{name, type, ttl, value}`; `ttl` is null in records found."""
    return {"name": record.name, "type": record.type, "ttl": record.ttl, "value": record.value}
