"""The record of a lock: owner, start and domains, as a JSON file next to the lock. Never a secret."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from reconciler.core.names import BadName, host_name

FORMAT_VERSION = 1
_PORTS = {"http": 80, "https": 443}
_SHOWN = 3

Place = tuple[str, str]
"""(server, domain); the server as its canonical URL, because two workspaces may name it differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRecord:
    """The data that a run shows to other runs.

    Attributes:
        run: unique; the files have this name.
        since: the time at which it took the lock, by its own clock; only for people.
        command: the command without its options.
        job: the URL of the CI job; empty outside CI.
    """

    run: str
    user: str
    host: str
    pid: int
    since: datetime
    command: str
    job: str = ""
    places: frozenset[Place] = frozenset()

    def to_json(self) -> str:
        """The content of the file."""
        servers: dict[str, list[str]] = {}
        for server, domain in sorted(self.places):
            servers.setdefault(server, []).append(domain)
        data: dict[str, object] = {
            "formatVersion": FORMAT_VERSION,
            "run": self.run,
            "user": self.user,
            "host": self.host,
            "pid": self.pid,
            "since": _time(self.since),
            "command": self.command,
            **({"job": self.job} if self.job else {}),
            "servers": servers,
        }
        return json.dumps(data, indent=1) + "\n"

    def collision(self, other: "LockRecord") -> frozenset[Place]:
        """The places that both runs use."""
        return self.places & other.places

    def describe(self, places: Iterable[Place], now: datetime) -> str:
        """`alice@build7 (process 4242) since ... (for 12 minutes) by `apply` of example.com on https://...`."""
        where = f"process {self.pid}" + (f", {self.job}" if self.job else "")
        age = _age(now - self.since)
        return f"{self.user}@{self.host} ({where}) since {_time(self.since)}{age}, `{self.command}` of {_named(places)}"


def record_of(text: str) -> LockRecord | None:
    """The record in a file; None if this version cannot read it."""
    try:
        data: Mapping[str, Any] = json.loads(text)
        # A record of another version still locks: an unreadable record conflicts with every domain.
        if data["formatVersion"] != FORMAT_VERSION:
            return None
        return LockRecord(
            run=str(data["run"]),
            user=str(data["user"]),
            host=str(data["host"]),
            pid=int(data["pid"]),
            since=datetime.fromisoformat(data["since"]).astimezone(UTC),
            command=str(data["command"]),
            job=str(data.get("job", "")),
            places=frozenset((str(s), str(d)) for s, domains in data["servers"].items() for d in domains),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None


def server_key(url: str) -> str:
    """The canonical form of a server's URL: two workspaces with the same server must get the same key."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    try:
        host = f"[{host}]" if ":" in host else host_name(host)
    except BadName:  # The system's resolver may accept host names that are not valid in DNS.
        host = host.lower()
    # The default port and a final slash are optional in URLs.
    scheme = parts.scheme.lower()
    port = "" if parts.port in (None, _PORTS.get(scheme)) else f":{parts.port}"
    return f"{scheme}://{host}{port}{parts.path.rstrip('/')}"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _age(age: timedelta) -> str:
    """` (for 12 minutes)`; empty if the clocks disagree."""
    seconds = int(age.total_seconds())
    if seconds < 0:
        return ""
    for size, one in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size or size == 1:
            number = seconds // size
            return f" (for {number} {one}{'s' * (number != 1)})"
    raise AssertionError("the last size is 1")


def _named(places: Iterable[Place]) -> str:
    """`example.com, second.example and 3 more on https://mail1.example.net`."""
    servers: dict[str, list[str]] = {}
    for server, domain in sorted(places):
        servers.setdefault(server, []).append(domain)
    parts = []
    for server, domains in servers.items():
        more = f" and {len(domains) - _SHOWN} more" if len(domains) > _SHOWN else ""
        parts.append(f"{', '.join(domains[:_SHOWN])}{more} on {server}")
    return "; ".join(parts)
