"""SARIF 2.1.0, the OASIS standard for results of static analysis: what its two reports have in common.

Section numbers are those of the standard. The log is the same bytes for the same input: it holds no time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import quote

import reconciler
from reconciler.core.source import Span
from reconciler.output.documents import NO_PLACE, json_text
from reconciler.output.fingerprints import Fingerprints
from reconciler.output.terminal import visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
Level = Literal["error", "warning", "note"]
_BASE = "%SRCROOT%"
_PRINT = "reconciler/v1"
"""The name of our fingerprint and its version (section 3.27.17)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check. `text` is one of our own sentences; `help` says where to read on."""

    id: str
    text: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SarifResult:
    """What one check found at one place.

    Attributes:
        text: hostile text still.
        about: what tells it from other results of the rule in the same file; nothing that moves with lines.
        logical: the name of what it is about, where that is no file: `example.com/spf`.
        properties: more, for who looks.
    """

    rule: str
    level: Level
    text: str
    about: str
    span: Span | None = None
    logical: str = ""
    properties: Mapping[str, str] | None = None


def sarif_log(rules: Sequence[Rule], results: Iterable[SarifResult], paths: Mapping[str, str]) -> str:
    """The log as text, with a final newline.

    Args:
        rules: sorted by id; each result's rule is one of them.
        paths: a file's name for people -> its path in the repository.
    """
    index = {rule.id: n for n, rule in enumerate(rules)}
    prints = Fingerprints()
    run = {
        "tool": {
            "driver": {
                "name": "reconciler",
                "semanticVersion": reconciler.__version__,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_BASE: {"description": {"text": "The top of the repository."}}},
        "results": [_result(r, index[r.rule], prints, paths) for r in results],
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule) -> dict[str, object]:
    return {"id": rule.id, "shortDescription": {"text": rule.text}, "help": {"text": rule.help}}


def _result(result: SarifResult, index: int, prints: Fingerprints, paths: Mapping[str, str]) -> dict[str, object]:
    span = result.span or Span(NO_PLACE)
    path = paths.get(span.file, span.file)
    location: dict[str, object] = {"physicalLocation": {"artifactLocation": _artifact(path), "region": _region(span)}}
    if result.logical:
        location["logicalLocations"] = [{"fullyQualifiedName": visible(result.logical)}]
    data: dict[str, object] = {
        "ruleId": result.rule,
        "ruleIndex": index,
        "level": result.level,
        "message": {"text": visible_lines(result.text)},
        "locations": [location],
        "partialFingerprints": {_PRINT: prints.of(result.rule, path, result.about)},
    }
    return data | ({"properties": dict(result.properties)} if result.properties else {})


def visible_lines(text: str) -> str:
    """`visible`, line by line."""
    return "\n".join(visible(line) for line in text.split("\n"))


def _artifact(path: str) -> dict[str, str]:
    """Where the file is: relative to the top of the repository (section 3.4.3), or absolute for one outside of it."""
    quoted = quote(path.encode("utf-8", "surrogateescape" if _is_file_name(path) else "surrogatepass"))
    if PurePosixPath(path).is_absolute():
        return {"uri": f"file://{quoted}"}
    return {"uri": quoted, "uriBaseId": _BASE}


def _is_file_name(path: str) -> bool:
    """Whether its surrogates, if any, stand for bytes of a name that is not UTF-8."""
    try:
        path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _region(span: Span) -> dict[str, int]:
    """Lines and columns count from 1 and the end is exclusive, as in SARIF (section 3.30)."""
    region = {"startLine": max(span.line, 1), "startColumn": max(span.column, 1)}
    if (span.end_line, span.end_column) > (span.line, span.column):
        region |= {"endLine": span.end_line, "endColumn": max(span.end_column, 1)}
    return region
