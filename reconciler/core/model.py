"""The values that files and servers are turned into.

One class a kind serves both sides. On the desired side UNSET means "not managed"; on the current side it means "not
read", so that a field which is managed but was not read is noticed and never mistaken for empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Final, Literal

from reconciler.core.expectations import DnsOverrides
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span


class Unset(Enum):
    """The type of UNSET."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET
"""Not managed (desired) or not read (current); None and empty values are values."""

KindName = Literal["mailbox", "alias", "domainAlias"]
Value = str | int | bool | tuple[str, ...]
"""What a compared field holds, in canonical form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxFacts:
    """What a server knows of a mailbox and nobody manages here.

    Attributes:
        usage_bytes: the size of its mail in bytes, None where unknown.
        last_login: ISO 8601 in UTC, None for never or unknown.
        is_admin: it administers the domain: never deleted by us.
        is_primary_admin: it was created with the domain and belongs to the host: not listed, counted or pruned.
    """

    usage_bytes: int | None = None
    last_login: str | None = None
    is_admin: bool = False
    is_primary_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A mailbox. Sizes in bytes (0 = unlimited); `forward_to` sorted canonical addresses."""

    name: str
    display_name: str | Unset = UNSET
    quota: int | Unset = UNSET
    enabled: bool | Unset = UNSET
    forward_to: tuple[str, ...] | Unset = UNSET
    forward_keep_copy: bool | Unset = UNSET
    eas: bool | Unset = UNSET
    mapi: bool | Unset = UNSET
    password: SecretRef | Unset = UNSET
    protect: bool = False
    facts: MailboxFacts = field(default=MailboxFacts(), compare=False)
    origin: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """An alias; `targets` are sorted canonical addresses."""

    name: str
    targets: tuple[str, ...] | Unset = UNSET
    display_name: str | Unset = UNSET
    allow_sending: bool | Unset = UNSET
    hide_from_gal: bool | Unset = UNSET
    internal_only: bool | Unset = UNSET
    origin: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainAlias:
    """Another domain name (A-labels) whose mail goes to this domain."""

    name: str
    origin: Span | None = field(default=None, compare=False)


Resource = Mailbox | Alias | DomainAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A deletion written down. `purge_after`: until that day the mailbox is disabled, from that day on deleted."""

    kind: KindName
    name: str
    purge_after: date | None = None
    origin: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """A rename written down."""

    kind: KindName
    old: str
    new: str
    origin: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredDomain:
    """One domain file. A section that is UNSET is not managed at all; keys are canonical names."""

    domain: str
    server: str
    product: str | None = None
    mailboxes: Mapping[str, Mailbox] | Unset = UNSET
    aliases: Mapping[str, Alias] | Unset = UNSET
    domain_aliases: Mapping[str, DomainAlias] | Unset = UNSET
    removed: tuple[Removal, ...] = ()
    renamed: tuple[Renaming, ...] = ()
    dns: DnsOverrides = field(default_factory=DnsOverrides)
    origin: Span = field(default=Span(""), compare=False)

    def section(self, kind: KindName) -> Mapping[str, Resource] | Unset:
        """The declared resources of a kind, or UNSET where the section is absent."""
        match kind:
            case "mailbox":
                return self.mailboxes
            case "alias":
                return self.aliases
            case "domainAlias":
                return self.domain_aliases


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimKey:
    """A key pair's public half, as the server tells it: base64 without armour, size in bits."""

    selector: str
    public_key: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dkim:
    """The server's signing state: whether it signs, with which key, and the key of a pending rollover."""

    active: bool
    key: DkimKey | None = None
    pending: DkimKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """The domain's limits and switches that could be read; None = unknown, 0 = unlimited."""

    mailboxes: int | None = None
    aliases: int | None = None
    domain_aliases: int | None = None
    domain_size: int | None = None
    eas: int | None = None
    mapi: int | None = None
    eas_enabled: bool | None = None
    mapi_enabled: bool | None = None
    forwarding_enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentDomain:
    """What the server said about one domain, whole: a read that was incomplete raises instead.

    Attributes:
        mailboxes: all of them, administrators too (see `MailboxFacts`), by canonical name.
        dkim: None where it could not be read.
        usage_bytes: the domain's size on disk, None where unknown.
        requests: how many requests this read cost.
    """

    domain: str
    mailboxes: Mapping[str, Mailbox]
    aliases: Mapping[str, Alias]
    domain_aliases: Mapping[str, DomainAlias]
    limits: ServerLimits = ServerLimits()
    dkim: Dkim | None = None
    usage_bytes: int | None = None
    requests: int = field(default=0, compare=False)

    def section(self, kind: KindName) -> Mapping[str, Resource]:
        """The resources of a kind."""
        match kind:
            case "mailbox":
                return self.mailboxes
            case "alias":
                return self.aliases
            case "domainAlias":
                return self.domain_aliases
