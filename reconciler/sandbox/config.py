"""The configuration of a sandbox, and the addresses of a running one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class SandboxError(RuntimeError):
    """The sandbox cannot start with this configuration."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Brute-force limits per client address (API reference section 2.10). Windows and blocks are in seconds."""

    # The server's present defaults, which the vendor documents (API reference section 2.10).
    delay_after: int = 15
    block_after: int = 25
    window: float = 600.0
    block_seconds: float = 1800.0
    long_block_after: int = 35
    long_window: float = 3000.0
    long_block_seconds: float = 14400.0
    delay_seconds: float = 2.5


@dataclass(frozen=True, kw_only=True)
class SeedDomain:
    """A domain that the sandbox creates at its start, with its administrator and its DNS zones.

    Attributes:
        zones: origin -> text of a zone file.
        limits: domain settings with the names of API reference section 4.4: `maxUsers`,
            `enableActiveSyncAccountManagement`...
        dkim: whether the domain has an active 2048-bit key, generated when first read.
    """

    name: str
    admin_username: str
    admin_password: str = field(repr=False)
    hostname: str = ""
    zones: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, object] = field(default_factory=dict)
    dkim: bool = True


@dataclass(frozen=True, kw_only=True)
class SandboxConfig:
    """How to run a sandbox.

    Attributes:
        port, dns_port: 0 means any free port.
        data: a folder for the state; None keeps it in memory.
        password: None means a random one.
        faults: strings for `parse_fault`.
        quirks: names of `QUIRKS`.
        shared_dkim_keys: all domains share one RSA key per size, because generating a thousand keys is slow.
    """

    port: int = 0
    dns_port: int = 0
    address: str = "127.0.0.1"
    data: Path | None = None
    username: str = "admin"
    password: str | None = field(default=None, repr=False)
    hostname: str = "mail.sandbox.test"
    version: str = "100.0.9742.26305"
    # About 15 minutes and about 60 days on the real server (API reference section 2.5).
    access_token_seconds: float = 900.0
    refresh_token_seconds: float = 60 * 86400.0
    faults: tuple[str, ...] = ()
    quirks: frozenset[str] = frozenset()
    seed: tuple[SeedDomain, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)
    ids: Thresholds = field(default_factory=Thresholds)
    shared_dkim_keys: bool = False


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The addresses of a running sandbox and its credentials. The command line prints `as_json`."""

    url: str
    dns: str
    username: str
    password: str = field(repr=False)
    domain_admins: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    def as_json(self) -> dict[str, object]:
        """The endpoint as a JSON object: url, dns, username, password, and domainAdmins if domains were seeded."""
        shown: dict[str, object] = {
            "url": self.url,
            "dns": self.dns,
            "username": self.username,
            "password": self.password,
        }
        if self.domain_admins:
            shown["domainAdmins"] = {
                domain: {"username": username, "password": password}
                for domain, (username, password) in sorted(self.domain_admins.items())
            }
        return shown
