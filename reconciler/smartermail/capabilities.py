"""What one server turned out to support in this run: the paths of its endpoints, its build, how to name a domain.

`operations` holds the fixed table of what the program needs from servers.
"""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta

from reconciler.smartermail.endpoints import Endpoint

# The build of a server, and known security problems of builds (API reference sections 2.9 and 3). Pure.

_VERSION = re.compile(r"(?<![\w.])(\d{1,3}\.\d{1,3}\.([3-9]\d{3}|\d{5}))(?!\d)")
"""`100.0.9504`: the third number is the build. It is at least 3000, so that addresses and dates do not match."""

_FIRST_DAY = date(2000, 1, 1)
"""A build number counts the days since this date: build 9504 reports 8 January 2026."""

SAFE_SINCE = 9511
"""The first build without the vulnerabilities below."""

_VULNERABILITIES = "CVE-2026-23760 (anyone can set an administrator's password) and others of that time"


@dataclass(frozen=True, slots=True)
class Build:
    """A server's build, e.g. 9504 of the version 100.0.9504."""

    version: str
    number: int

    def __str__(self) -> str:
        return f"SmarterMail {self.version} (built {(_FIRST_DAY + timedelta(days=self.number)).isoformat()})"

    @property
    def warning(self) -> str:
        """The known vulnerability of this build; empty if none is known."""
        if self.number >= SAFE_SINCE:
            return ""
        return f"{self} is older than build {SAFE_SINCE} and vulnerable: {_VULNERABILITIES}"


def build_in(text: str) -> Build | None:
    """The first build number in a text; None if it contains none.

    Clients disagree about the key of the version, so all of the answer is searched.
    """
    # The pattern also matches versions with a suffix, such as `100.0.9742.26305+HASH` (API reference section 3).
    found = _VERSION.search(text)
    return Build(found[1], int(found[2])) if found else None


@dataclass(slots=True)
class Capabilities:
    """What the requests of this run revealed. It is not stored: a server may be updated between two runs.

    Attributes:
        spelling: endpoint -> the index of the first path that was not answered with 404 or 405.
        by_header: a header names the domain, because the server has no manage-domain.
        build: the reported build; None if the server does not report it, or if `build_requested` is still False.
    """

    spelling: dict[str, int] = field(default_factory=dict)
    by_header: bool = False
    build: Build | None = None
    build_requested: bool = False

    def first(self, endpoint: Endpoint) -> int:
        """The index of the path to try first."""
        return self.spelling.get(endpoint.name, 0)

    def learn(self, endpoint: Endpoint, number: int) -> None:
        """Remember that the server has this path."""
        self.spelling[endpoint.name] = number
