"""What was learned of a server in this run: how it spells its endpoints, how a domain is named to it."""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta

from reconciler.smartermail.endpoints import Endpoint

# Which build a server runs, and what is known of builds (API reference sections 2.9 and 3). Pure.


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


@dataclass(slots=True)
class Capabilities:
    """Learned by trying, forgotten with the run; servers are updated in between.

    Attributes:
        spelling: endpoint -> the number of the spelling that was not answered with 404 or 405.
        by_header: the domain is named by a header, since there is no manage-domain.
        build: what the server said it runs; None where it does not tell, or was not asked yet (`build_asked`).
    """

    spelling: dict[str, int] = field(default_factory=dict)
    by_header: bool = False
    build: Build | None = None
    build_asked: bool = False

    def first(self, endpoint: Endpoint) -> int:
        """The number of the spelling to begin with."""
        return self.spelling.get(endpoint.name, 0)

    def learn(self, endpoint: Endpoint, number: int) -> None:
        """This spelling is there."""
        self.spelling[endpoint.name] = number
