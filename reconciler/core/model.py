"""Desired and current resources as values: files and servers are decoded into the same classes.

On the desired side UNSET means "not managed", on the current side "not read". So a field that is managed but was not
read is detected, and never mistaken for an empty one.
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

    # False, so that `value or default` works for fields that are not managed.
    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET
"""Not managed (desired) or not read (current); None and empty values are values."""

KindName = Literal["mailbox", "alias", "domainAlias"]
Value = str | int | bool | tuple[str, ...]
"""The value of a compared field, in canonical form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxFacts:
    """Facts about a mailbox that the server reports and that files do not manage.

    Attributes:
        usage_bytes: the size of its mail in bytes, None = unknown.
        last_login: ISO 8601 in UTC, None = never or unknown.
        is_admin: it administers the domain; the program never deletes it.
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
    # Not compared: facts and origins differ between the two sides of one mailbox.
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
    """Another domain name (A-labels) whose mail this domain receives."""

    name: str
    origin: Span | None = field(default=None, compare=False)


Resource = Mailbox | Alias | DomainAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A `removed` entry. Until the day `purge_after` the mailbox is only disabled; from that day on it is deleted."""

    kind: KindName
    name: str
    purge_after: date | None = None
    origin: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """A `renamed` entry."""

    kind: KindName
    old: str
    new: str
    origin: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredDomain:
    """One domain file. An UNSET section is not managed; keys are canonical names."""

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
        """The declared resources of a kind, or UNSET if the file lacks the section."""
        match kind:
            case "mailbox":
                return self.mailboxes
            case "alias":
                return self.aliases
            case "domainAlias":
                return self.domain_aliases


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimKey:
    """The public key of a key pair as the server reports it: base64 without armor, size in bits."""

    selector: str
    public_key: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dkim:
    """The server's DKIM state: whether it signs, its key, and the key of a pending rollover."""

    active: bool
    key: DkimKey | None = None
    pending: DkimKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """The limits and switches of a domain on the server; None = unknown, limits 0 = unlimited.

    Attributes:
        setting_names: field name (as in `core.kinds`) -> the server's own name of the switch, for messages to people
            who look for it there; empty if unknown.
    """

    mailboxes: int | None = None
    aliases: int | None = None
    domain_aliases: int | None = None
    domain_size: int | None = None
    eas: int | None = None
    mapi: int | None = None
    eas_enabled: bool | None = None
    mapi_enabled: bool | None = None
    forwarding_enabled: bool | None = None
    setting_names: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentDomain:
    """The complete state of one domain on the server. An incomplete read raises an error instead.

    Attributes:
        mailboxes: all mailboxes, including administrators (see `MailboxFacts`), by canonical name.
        dkim: None if it could not be read.
        usage_bytes: the domain's size on disk, None = unknown.
        requests: the number of requests that this read took.
    """

    domain: str
    mailboxes: Mapping[str, Mailbox]
    aliases: Mapping[str, Alias]
    domain_aliases: Mapping[str, DomainAlias]
    limits: ServerLimits = field(default_factory=ServerLimits)
    dkim: Dkim | None = None
    usage_bytes: int | None = None
    # Not compared: a retried request does not make it another state.
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
