"""What the engine needs of the outside, as narrow as can be. Dry runs get a Reader, which has no writing methods."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from reconciler.core.model import Alias, CurrentDomain, DomainAlias, Mailbox, Value
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.core.plan import Change, Outcome
from reconciler.core.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadScope:
    """Which of the costly things a read should fetch, because somebody manages them.

    Attributes:
        forwarding: local parts whose forwarding is managed (one request each).
        alias_flags: names of aliases whose flags or display name are managed (one request each unless rows carry them).
        eas, mapi: whether seats are managed (one request for the domain).
        activations: `eas`, `mapi`, that a bill or a count needs although nothing manages them (one request for the
            domain); where the server does not tell them they stay unread.
    """

    forwarding: frozenset[str] = frozenset()
    alias_flags: frozenset[str] = frozenset()
    eas: bool = False
    mapi: bool = False
    activations: frozenset[str] = frozenset()

    def __or__(self, other: "ReadScope") -> "ReadScope":
        """What either of the two asks for."""
        return ReadScope(
            forwarding=self.forwarding | other.forwarding,
            alias_flags=self.alias_flags | other.alias_flags,
            eas=self.eas or other.eas,
            mapi=self.mapi or other.mapi,
            activations=self.activations | other.activations,
        )


class Reader(Protocol):
    """Reads one server. Raises Unreachable, RefusedCredentials, UnexpectedAnswer, RefusedByServer, IncompleteRead."""

    async def list_domains(self) -> tuple[str, ...]:
        """Canonical names, sorted: a system administrator's every domain, a customer's own."""
        ...

    async def read_domain(self, domain: str, scope: ReadScope) -> CurrentDomain:
        """The whole state of a domain, as far as `scope` asks."""
        ...

    async def read_mailbox(self, domain: str, name: str) -> Mailbox | None:
        """One mailbox with every field that can be read; None if there is none."""
        ...

    async def read_alias(self, domain: str, name: str) -> Alias | None:
        """One alias with every field; None if there is none."""
        ...

    async def read_domain_aliases(self, domain: str) -> Mapping[str, DomainAlias]:
        """All domain aliases of a domain."""
        ...

    async def read_password_policy(self, domain: str) -> ServerPasswordPolicy | None:
        """What the server asks of passwords, as far as it tells; None where it does not."""
        ...


class Writer(Reader, Protocol):
    """Writes one server. A method returns only if the server said yes; it raises DoubtfulWrite where that is unknown.

    `values` holds only managed fields, by the names of `reconciler.core.kinds`; `eas` and `mapi` are never among them:
    they go through `set_activations`, in bulk.
    """

    async def create_mailbox(self, domain: str, name: str, values: Mapping[str, Value], password: Secret) -> None: ...

    async def update_mailbox(
        self, domain: str, name: str, values: Mapping[str, Value], password: Secret | None
    ) -> None: ...

    async def delete_mailbox(self, domain: str, name: str) -> None: ...

    async def rename_mailbox(self, domain: str, old: str, new: str) -> None: ...

    async def create_alias(self, domain: str, name: str, values: Mapping[str, Value]) -> None: ...

    async def update_alias(self, domain: str, name: str, values: Mapping[str, Value]) -> None: ...

    async def rename_alias(self, domain: str, old: str, new: str) -> None: ...

    async def delete_alias(self, domain: str, name: str) -> None: ...

    async def create_domain_alias(self, domain: str, name: str) -> None: ...

    async def delete_domain_alias(self, domain: str, name: str) -> None: ...

    async def set_activations(self, domain: str, protocol: str, activations: Mapping[str, bool]) -> None:
        """Turns `eas` or `mapi` on and off for several mailboxes (by local part) in one request."""
        ...


class Progress(Protocol):
    """Told what happens, for people to watch. Must not fail and must not decide anything."""

    def begin(self, title: str, total: int) -> None: ...

    def step(self, text: str) -> None: ...

    def end(self) -> None: ...


class Passwords(Protocol):
    """Gives the password of a change, late: only for a change that is about to be made."""

    def password_for(self, change: Change) -> Secret:
        """The password; a generated one has been delivered to its file before this returns.

        Raises:
            SecretUnavailable: its source gives nothing, or gives what the product's policy refuses.
        """
        ...


class Journal(Protocol):
    """Where intents and outcomes are written down, durably, before and after each write."""

    def intent(self, server: str, change: Change) -> None: ...

    def outcome(self, server: str, outcome: Outcome) -> None: ...
