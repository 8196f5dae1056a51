"""Reading an earlier report, to compare with: only what is compared is read, so that an older program's will do."""

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
    """What an earlier report said, and when it was made, in its own words."""

    said: Snapshot
    time: str


def read_earlier(path: Path) -> Earlier:
    """The report in a file: `report.json`, or what `dns check --format json` wrote.

    Raises:
        ReconcilerError: it cannot be read, or is no report.
    """
    hint = "name the report.json of an earlier report"
    try:
        document = json.loads(path.read_bytes())
    except OSError as e:
        raise ReconcilerError(f"{path} cannot be read: {e.strerror or e}", hint=hint) from e
    except (ValueError, RecursionError) as e:
        raise ReconcilerError(f"{path} is not JSON", hint=hint) from e
    if not isinstance(document, dict) or document.get("formatVersion") != FORMAT_VERSION:
        raise ReconcilerError(f"{path} is no report of version {FORMAT_VERSION}", hint=hint)
    try:
        said = dict(_checks(document))
        generated = document["generated"]
        return Earlier(said, _text(generated.get("time", "")))
    except (KeyError, TypeError, AttributeError) as e:
        raise ReconcilerError(f"{path} is no report: it lacks a part, or a part is of another kind", hint=hint) from e


def _checks(document: Any) -> list[tuple[CheckKey, CheckResult]]:
    found = []
    for domain in document["domains"]:
        where = _text(domain["domain"]), _text(domain["server"]), _text(domain.get("aliasOf", ""))
        for check in domain["checks"]:
            status = check["status"]
            if status not in STATUSES:
                raise TypeError(status)
            found.append(((*where, _text(check["id"])), CheckResult(status, _text(check.get("code", "")))))
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
