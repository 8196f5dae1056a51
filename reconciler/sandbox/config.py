"""What a sandbox is started with, and where it listens once it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class SandboxError(RuntimeError):
    """The sandbox cannot be started as asked."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Brute-force limits per client address (API reference section 2.10). Windows and blocks are seconds."""

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
    """A domain that exists when the sandbox starts, with its administrator and its DNS zones.

    `limits` takes domain settings by their names in API reference section 4.4: `maxUsers`,
    `enableActiveSyncAccountManagement`...
    `zones` maps an origin to zone-file text. With `dkim` the domain has an active 2048-bit key, made when first read.
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
    """How to run a sandbox; port 0 means any free port, `data` None means memory only, `password` None means random.

    `faults` holds strings as `parse_fault` reads them, `quirks` names from `QUIRKS`. `shared_dkim_keys` lets all
    domains use one RSA key per size, for fleets of a thousand domains where making a key each would dominate.
    """

    port: int = 0
    dns_port: int = 0
    address: str = "127.0.0.1"
    data: Path | None = None
    username: str = "admin"
    password: str | None = field(default=None, repr=False)
    hostname: str = "mail.sandbox.test"
    version: str = "100.0.9742.26305"
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
    """Where a running sandbox listens and how to sign in; `as_json` is what the command line prints."""

    url: str
    dns: str
    username: str
    password: str = field(repr=False)
    domain_admins: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    def as_json(self) -> dict[str, object]:
        """The endpoint as a JSON object: url, dns, username, password, and domainAdmins where domains were seeded."""
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
