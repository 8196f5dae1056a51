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
    """One server. `url` has no final slash and may carry a path prefix; `hostname` is what DNS should point at.

    `username` is no secret: it may stand in the file as text, or come from a reference like the password.
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
    """What plans may do. `protect` and `ignore` hold glob patterns over local parts (or names of domain aliases).

    `external_forwarding_domains`: canonical domains outside the workspace that mail may be sent to without a word;
    `*.partner.example` stands for every domain below partner.example, not for partner.example itself.
    """

    prune: Mapping[KindName, bool] = field(default_factory=lambda: MappingProxyType({}))
    max_deletions_count: int = 5
    max_deletions_percent: int = 10
    protect: tuple[str, ...] = ()
    ignore: Mapping[KindName, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    external_forwarding: Verdict = "warn"
    external_forwarding_domains: tuple[str, ...] = ()

    def protecting(self, name: str) -> str | None:
        """The pattern of `protect` that a local part fits; None if there is none."""
        return next((p for p in self.protect if fnmatchcase(name, p)), None)

    def lets_out(self, domain: str) -> bool:
        """Whether mail may be sent to an outside domain without a word."""
        below = {pattern[1:] for pattern in self.external_forwarding_domains if pattern.startswith("*.")}
        return domain in self.external_forwarding_domains or any(domain.endswith(suffix) for suffix in below)

    def ignores(self, kind: KindName, name: str) -> bool:
        """Whether a resource is none of our business."""
        return any(fnmatchcase(name, p) for p in self.ignore.get(kind, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsSettings:
    """`resolvers`: (address, port) pairs, empty = the system's; `timeout` in seconds for one question."""

    resolvers: tuple[tuple[str, int], ...] = ()
    timeout: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSettings:
    """What the workspace says of secrets.

    Attributes:
        commands: `command` references are run; else they are refused.
        recipients: generated passwords are encrypted to these age recipients; empty = written as they are.
    """

    commands: bool = False
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One `reconciler.yaml`.

    `lock_folder`: where the runs of several machines keep their locks, relative to the workspace; None = this
    machine's own folder.
    """

    servers: Mapping[str, ServerSettings]
    policy: Policy = field(default_factory=Policy)
    dns: DnsSettings = field(default_factory=DnsSettings)
    secrets: SecretSettings = field(default_factory=SecretSettings)
    lock_folder: str | None = None
    origin: Span = field(default=Span(""), compare=False)
