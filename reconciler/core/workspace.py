"""A workspace: servers, policy, DNS settings, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Literal

from reconciler.core.model import KindName
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span

Role = Literal["admin", "customer"]
Verdict = Literal["allow", "warn", "deny"]

ALWAYS_PROTECTED = ("postmaster", "abuse")
"""RFC 2142 section 5 and RFC 5321 section 4.5.1: every domain must accept mail for these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """One server. `url` has no final slash and may have a path prefix; DNS records should point at `hostname`.

    `username` is not a secret: it can be text in the file, or a reference like the password.
    """

    name: str
    url: str
    hostname: str
    username: SecretRef | str
    password: SecretRef
    role: Role = "admin"
    max_concurrency: int = 8
    ca_bundle: str | None = None
    origin: Span = field(default=Span(""), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules for plans. `protect` and `ignore` are glob patterns for local parts (or names of domain aliases).

    `external_forwarding_domains`: canonical domains outside the workspace to which forwarding is always allowed.
    `*.partner.example` matches every domain below partner.example, but not partner.example itself.
    """

    prune: Mapping[KindName, bool] = field(default_factory=lambda: MappingProxyType({}))
    max_deletions_count: int = 5
    max_deletions_percent: int = 10
    protect: tuple[str, ...] = ()
    ignore: Mapping[KindName, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    external_forwarding: Verdict = "warn"
    external_forwarding_domains: tuple[str, ...] = ()

    def protecting(self, name: str) -> str | None:
        """The first pattern of `protect` that matches a local part; None without a match."""
        return next((p for p in self.protect if fnmatchcase(name, p)), None)

    def allows_external(self, domain: str) -> bool:
        """Whether the policy always allows forwarding to an external domain."""
        # `*.partner.example` becomes the suffix `.partner.example`, which `evilpartner.example` does not have.
        below = {pattern[1:] for pattern in self.external_forwarding_domains if pattern.startswith("*.")}
        return domain in self.external_forwarding_domains or any(domain.endswith(suffix) for suffix in below)

    def ignores(self, kind: KindName, name: str) -> bool:
        """Whether the program ignores a resource completely."""
        # `fnmatchcase`: names are canonical, and `fnmatch` follows the case rules of the operating system.
        return any(fnmatchcase(name, p) for p in self.ignore.get(kind, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsSettings:
    """`resolvers`: (address, port) pairs, empty = those of the system; `timeout`: seconds per question."""

    resolvers: tuple[tuple[str, int], ...] = ()
    timeout: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSettings:
    """The workspace's rules for secrets.

    Attributes:
        commands: whether `command` references are allowed.
        recipients: the age recipients to whom generated passwords are encrypted; empty = passwords are not encrypted.
    """

    commands: bool = False
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One `reconciler.yaml`.

    `lock_folder`: the folder in which several machines share their locks, relative to the workspace; None = the local
    folder of this machine.
    """

    servers: Mapping[str, ServerSettings]
    policy: Policy = field(default_factory=Policy)
    dns: DnsSettings = field(default_factory=DnsSettings)
    secrets: SecretSettings = field(default_factory=SecretSettings)
    lock_folder: str | None = None
    origin: Span = field(default=Span(""), compare=False)
