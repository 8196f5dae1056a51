"""Reading an earlier report to compare with. It reads only the compared fields, so reports of older programs work."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.core.comparison import CheckKey, CheckResult, Snapshot
from reconciler.core.errors import ReconcilerError
from reconciler.core.findings import STATUSES

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Earlier:
    """The results of an earlier report, and its time as it was written."""

    snapshot: Snapshot
    time: str


def read_earlier(path: Path) -> Earlier:
    """The report in a file: `report.json`, or the output of `dns check --format json`.

    Raises:
        ReconcilerError: it cannot be read, or is not a report.
    """
    hint = "name the report.json of an earlier report"
    try:
        document = json.loads(path.read_bytes())
    except OSError as e:
        raise ReconcilerError(f"{path} cannot be read: {e.strerror or e}", hint=hint) from e
    # Deeply nested JSON raises RecursionError.
    except (ValueError, RecursionError) as e:
        raise ReconcilerError(f"{path} is not JSON", hint=hint) from e
    if not isinstance(document, dict) or document.get("formatVersion") != FORMAT_VERSION:
        raise ReconcilerError(f"{path} is not a report of version {FORMAT_VERSION}", hint=hint)
    try:
        checks = dict(_checks(document))
        generated = document["generated"]
        return Earlier(checks, _text(generated.get("time", "")))
    except (KeyError, TypeError, AttributeError) as e:
        raise ReconcilerError(f"{path} is not a report: a field is missing or has a wrong type", hint=hint) from e


def _checks(document: Any) -> list[tuple[CheckKey, CheckResult]]:
    found = []
    for domain in document["domains"]:
        where = _text(domain["domain"]), _text(domain["server"]), _text(domain.get("aliasOf", ""))
        for check in domain["checks"]:
            status = check["status"]
            # A newer program may know more statuses, which this one cannot compare.
            if status not in STATUSES:
                raise TypeError(status)
            found.append(((*where, _text(check["id"])), CheckResult(status, _text(check.get("code", "")))))
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
