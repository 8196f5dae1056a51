"""Which build a server runs, and what is known of builds (API reference sections 2.9 and 3). Pure."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

_VERSION = re.compile(r"(?<![\w.])(\d{1,3}\.\d{1,3}\.([3-9]\d{3}|\d{5}))(?!\d)")
"""`100.0.9504`: the third number is the build. From 3000 on, so that no address or date is taken for one."""

_FIRST_DAY = date(2000, 1, 1)
"""Builds are counted in days since: 9504 calls itself of 8 January 2026."""

SAFE_SINCE = 9511
_HOLES = "CVE-2026-23760 (anybody may set an administrator's password) and others of that time"


@dataclass(frozen=True, slots=True)
class Build:
    """A server's build, e.g. 9504 of the version 100.0.9504."""

    version: str
    number: int

    def __str__(self) -> str:
        return f"SmarterMail {self.version} (built {(_FIRST_DAY + timedelta(days=self.number)).isoformat()})"

    @property
    def warning(self) -> str:
        """What is wrong with running this build; empty where nothing is known to be."""
        if self.number >= SAFE_SINCE:
            return ""
        return f"{self} is older than build {SAFE_SINCE} and open to attack: {_HOLES}"


def build_in(text: str) -> Build | None:
    """The build that an answer tells, wherever it stands in it; None where it tells none."""
    found = _VERSION.search(text)
    return Build(found[1], int(found[2])) if found else None
