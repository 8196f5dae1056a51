"""MTA-STS: the TXT record and the policy (RFC 8461 sections 3.1 and 3.2)."""

import re
from dataclasses import dataclass
from typing import Literal

from reconciler.compliance.records import tags

Mode = Literal["enforce", "testing", "none"]

MAX_AGE = 31_557_600
"""Limit of seconds for which senders cache a policy (RFC 8461 section 3.2)."""

_VERSION = re.compile(r"v[ \t]*=[ \t]*STSv1[ \t]*;")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_MODES: dict[str, Mode] = {"enforce": "enforce", "testing": "testing", "none": "none"}
_PATTERN = re.compile(r"(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


def is_record(text: str) -> bool:
    """Whether a TXT record is an MTA-STS record. Senders ignore all others (RFC 8461 section 3.1)."""
    return _VERSION.match(text) is not None


def record_faults(text: str) -> tuple[str, ...]:
    """The faults of a record, as clauses of a message; empty if it is valid."""
    found = tags.parse(text)
    faults = list(found.faults)
    policy_id = found.get("id")
    if policy_id is None:
        faults.append("it has no id=")
    elif not _ID.fullmatch(policy_id):
        faults.append(f"id={policy_id[:60]} is not 1 to 32 letters and digits")
    return tuple(faults)


def fixed_record(text: str) -> str:
    """A valid record. It keeps the valid part of the id, because a new id makes senders fetch the policy again."""
    # An id with hyphens or dots, such as a date, is a common mistake.
    kept = re.sub(r"[^A-Za-z0-9]", "", tags.parse(text).get("id") or "")[:32]
    return compose_mta_sts(kept or "1")


def compose_mta_sts(policy_id: str) -> str:
    """The text of the record for a policy id."""
    return f"v=STSv1; id={policy_id};"


@dataclass(frozen=True, slots=True, kw_only=True)
class MtaStsPolicy:
    """A policy. Senders ignore a policy with `faults`.

    Attributes:
        max_age: seconds.
        mx: patterns of host names, lower case.
    """

    mode: Mode | None
    max_age: int | None
    mx: tuple[str, ...]
    faults: tuple[str, ...]

    def allows(self, host: str) -> bool:
        """Whether an MX host matches a pattern. `*.` matches exactly one label (RFC 8461 section 4.1)."""
        return any(
            host == pattern or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:])
            for pattern in self.mx
        )


def parse_policy(text: str) -> MtaStsPolicy:
    """Parses a policy file. For keys other than mx, the first value counts."""
    values: dict[str, str] = {}
    mx: list[str] = []
    faults: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        key, colon, value = line.partition(":")
        key, value = key.strip(" \t"), value.strip(" \t")
        if not line.strip(" \t"):
            continue
        if not colon:
            faults.append(f"“{line.strip()[:60]}” is not of the form key: value")
        elif key == "mx":
            mx.append(value.lower().removesuffix("."))
        else:
            values.setdefault(key, value)
    if values.get("version") != "STSv1":
        faults.append("it does not contain version: STSv1")
    mode = _MODES.get(values.get("mode", ""))
    if mode is None:
        faults.append("its mode is not one of enforce, testing, none")
    age = values.get("max_age", "")
    max_age = int(age) if re.fullmatch(r"[0-9]{1,10}", age) else None
    if max_age is None or max_age > MAX_AGE:
        faults.append(f"its max_age is not a number of seconds up to {MAX_AGE}")
    faults.extend(f"“{pattern[:60]}” is not a valid host pattern" for pattern in mx if not _PATTERN.fullmatch(pattern))
    if not mx and mode in ("enforce", "testing"):
        faults.append("it has no mx")
    return MtaStsPolicy(mode=mode, max_age=max_age, mx=tuple(mx), faults=tuple(faults))
