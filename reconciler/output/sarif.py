"""SARIF 2.1.0, the OASIS standard for results of static analysis: diagnostics and the compliance report.

Section numbers refer to the standard. Equal input gives equal bytes, because the log contains no time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote

import reconciler
from reconciler.core.codes import CODES
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.findings import DomainReport, Finding, Report, Status
from reconciler.core.source import Span
from reconciler.output.documents import NO_FILES, NO_PLACE, Fingerprints, json_text, sorted_diagnostics
from reconciler.output.report.words import detail_lines, heading
from reconciler.output.terminal import visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
Level = Literal["error", "warning", "note"]
_BASE = "%SRCROOT%"
_PRINT = "reconciler/v1"
"""The name of our fingerprint and its version (section 3.27.17)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check. `text` is one of our own sentences; `help` points to the documentation."""

    id: str
    text: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SarifResult:
    """One result of a check at one location.

    Attributes:
        text: untrusted.
        about: distinguishes it from other results of the rule in the same file. It must not contain line numbers,
            because lines move.
        logical: the name of a subject that is not a file: `example.com/spf`.
        properties: additional data.
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
        paths: the displayed name of a file -> its path in the repository.
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
        "originalUriBaseIds": {_BASE: {"description": {"text": "The root of the repository."}}},
        "results": [_result(r, index[r.rule], prints, paths) for r in results],
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule) -> dict[str, object]:
    return {"id": rule.id, "shortDescription": {"text": rule.text}, "help": {"text": rule.help}}


def _result(result: SarifResult, index: int, prints: Fingerprints, paths: Mapping[str, str]) -> dict[str, object]:
    # GitHub rejects results without a location.
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
    """The location of a file: relative to the root of the repository (section 3.4.3), or absolute outside of it."""
    quoted = quote(path.encode("utf-8", "surrogateescape" if _is_file_name(path) else "surrogatepass"))
    if PurePosixPath(path).is_absolute():
        return {"uri": f"file://{quoted}"}
    return {"uri": quoted, "uriBaseId": _BASE}


def _is_file_name(path: str) -> bool:
    """Whether the surrogates of the text, if any, represent bytes of a file name that is not UTF-8."""
    try:
        path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _region(span: Span) -> dict[str, int]:
    """Lines and columns count from 1 and the end is exclusive, as in SARIF (section 3.30)."""
    region = {"startLine": max(span.line, 1), "startColumn": max(span.column, 1)}
    # A span without an end has the default end, line 1, which may be before its start.
    if (span.end_line, span.end_column) > (span.line, span.column):
        region |= {"endLine": span.end_line, "endColumn": max(span.end_column, 1)}
    return region


# Diagnostics as SARIF.


_LEVELS: dict[Severity, Level] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}


def render_diagnostics_sarif(diagnostics: Iterable[Diagnostic], paths: Mapping[str, str] = NO_FILES) -> str:
    """The log, with a final newline; its rules are all codes. `paths` as in `sarif_log`."""
    rules = [Rule(id=code, text=text, help=f"docs/diagnostics.md#{code}") for code, text in sorted(CODES.items())]
    return sarif_log(rules, map(_diagnostic_result, sorted_diagnostics(diagnostics)), paths)


def _diagnostic_result(diagnostic: Diagnostic) -> SarifResult:
    hint = f"\nhint: {diagnostic.hint}" if diagnostic.hint else ""
    return SarifResult(
        rule=diagnostic.code,
        level=_LEVELS[diagnostic.severity],
        text=diagnostic.message + hint,
        about=diagnostic.message,
        span=diagnostic.span,
    )


# The compliance report as SARIF: the problems, at the line that declares the domain.


NO_PLACES: Mapping[str, Span] = MappingProxyType({})
_STATUS_LEVELS: Mapping[Status, Level] = MappingProxyType({"fail": "error", "warn": "warning", "error": "warning"})
"""`pass` and `skip` are not results. A failed lookup is a warning, because its status is unknown."""


def render_report_sarif(
    report: Report, places: Mapping[str, Span] = NO_PLACES, paths: Mapping[str, str] = NO_FILES
) -> str:
    """The log, with a final newline.

    Args:
        places: a domain or domain alias -> the location that declares it.
        paths: as in `sarif_log`.
    """
    found = list(_problems(report))
    ids = {check.code: check.id for _, check in found}
    rules = [Rule(id=code, text=f"DNS check {ids[code]}: {code}", help="docs/commands.md") for code in sorted(ids)]
    return sarif_log(rules, (_check_result(domain, check, places) for domain, check in found), paths)


def _problems(report: Report) -> Iterator[tuple[DomainReport, Finding]]:
    return ((domain, check) for domain in report.domains for check in domain.checks if check.status in _STATUS_LEVELS)


def _check_result(domain: DomainReport, check: Finding, places: Mapping[str, Span]) -> SarifResult:
    # The heading names the domain, because a domain and its aliases can share a line.
    first = f"{heading(domain)}: {check.title}"
    if check.status == "error":
        first = f"{heading(domain)}: the lookup failed: {check.title}"
    return SarifResult(
        rule=check.code,
        level=_STATUS_LEVELS[check.status],
        text="\n".join((first, *detail_lines(check), check.reference)).rstrip("\n"),
        about=f"{domain.domain}/{check.id}",
        span=places.get(domain.domain) or places.get(domain.alias_of or ""),
        logical=f"{domain.domain}/{check.id}",
        properties={"check": check.id, "status": check.status},
    )
