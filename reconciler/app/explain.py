"""The explanation of a code: its meaning, an example and the remedy. Codes belong to diagnostics or to findings."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from reconciler.compliance import verdict
from reconciler.compliance.checks import CHECKS
from reconciler.core.codes import EXPLANATIONS

EXAMPLES = "finding_examples.json"
"""Examples of findings from the tested zones. docs/generate.py writes the file, so that the wheel has them."""

_SITUATIONS: Mapping[str, Mapping[str, Any]] = {
    "DANE_NOT_VALIDATED": {"lines": ["dns: {resolvers: [192.0.2.53]}    # a resolver that does not validate DNSSEC"]},
    "MTA_STS_NOT_FETCHED": {"lines": ["reconciler dns check    # without --https"], "status": "pass"},
    "NOT_SENDING": {"lines": ["dns: {sends: false}"], "status": "skip"},
    "SPF_ALIAS_AND_DATA": {"lines": ["@  CNAME  www.example.net.", '@  TXT    "v=spf1 -all"']},
}
"""Examples that no tested zone can show."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A code with its explanation.

    Attributes:
        kind: `diagnostic`, or `finding of the check NAME`.
        example: lines that cause it; empty if none is needed.
        remedy: lines: an instruction, or records to publish.
    """

    code: str
    kind: str
    meaning: str
    example: tuple[str, ...]
    remedy: tuple[str, ...]


def all_codes() -> tuple[str, ...]:
    """All codes of diagnostics and findings, in order."""
    return tuple(sorted({*EXPLANATIONS, *_findings()}))


def explain_code(code: str) -> Explained | None:
    """The explanation of a code; None if the code is unknown."""
    found = EXPLANATIONS.get(code)
    if found is not None:
        meaning = found.meaning[:1].upper() + found.meaning[1:] + "."
        return Explained(code, "diagnostic", meaning, tuple(found.example.split("\n")), (found.remedy,))
    if code not in _findings():
        return None
    check, text = _findings()[code]
    example: Mapping[str, Any] = _examples().get(code, _SITUATIONS.get(code, {}))
    return Explained(
        code,
        f"finding of the check {check}" if check else "finding of any check",
        text,
        tuple(example.get("lines", ())),
        _remedy(example),
    )


def _remedy(example: Mapping[str, Any]) -> tuple[str, ...]:
    if example.get("fix"):
        return ("In this example, publish:", *(f"  {row}" for row in example["fix"]))
    if example.get("elsewhere"):
        return ("In this example, others must publish:", *(f"  {row}" for row in example["elsewhere"]))
    if example.get("status") in ("pass", "skip"):
        return ("None is needed.",)
    return ("Follow the instruction above.",)


@cache
def _findings() -> Mapping[str, tuple[str, str]]:
    """Code of a finding -> its check (empty: any) and its text."""
    return dict(_rows())


def _rows() -> Iterator[tuple[str, tuple[str, str]]]:
    for code, text in verdict.CODES.items():
        yield code, ("", text)
    for check in CHECKS:
        table: Mapping[str, str] = import_module(check.questions.__module__).CODES
        for code, text in table.items():
            yield code, (check.id, text)


@cache
def _examples() -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = json.loads((files("reconciler.app") / EXAMPLES).read_text("utf-8"))
    return found
