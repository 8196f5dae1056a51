"""The ports of the engine to the outside. Dry runs get a `Reader`, which has no writing methods and cannot write."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from reconciler.core.model import Alias, CurrentDomain, DomainAlias, Mailbox, Value
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.core.plan import Change, Outcome
from reconciler.core.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadScope:
    """The costly fields that a read fetches, because the files manage them.

    Attributes:
        forwarding: local parts of mailboxes with managed forwards (one request each).
        alias_flags: names of aliases with managed flags or display name (one request each, unless rows contain them).
        eas, mapi: whether activations are managed (one request for the domain).
        activations: `eas`, `mapi`: needed for a bill or a count, although no file manages them (one request for the
            domain). If the server does not report them, they stay unread.
    """

    forwarding: frozenset[str] = frozenset()
    alias_flags: frozenset[str] = frozenset()
    eas: bool = False
    mapi: bool = False
    activations: frozenset[str] = frozenset()

    def __or__(self, other: "ReadScope") -> "ReadScope":
        """The union of both scopes."""
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
        """Canonical names, sorted: all domains for a system administrator, only their own for customers."""
        ...

    async def read_domain(self, domain: str, scope: ReadScope) -> CurrentDomain:
        """The complete state of a domain within `scope`."""
        ...

    async def read_mailbox(self, domain: str, name: str) -> Mailbox | None:
        """One mailbox with all readable fields; None if it does not exist."""
        ...

    async def read_alias(self, domain: str, name: str) -> Alias | None:
        """One alias with all fields; None if it does not exist."""
        ...

    async def read_domain_aliases(self, domain: str) -> Mapping[str, DomainAlias]:
        """All domain aliases of a domain."""
        ...

    # Separate from `read_domain`, because most commands do not need it.
    async def read_password_policy(self, domain: str) -> ServerPasswordPolicy | None:
        """The password rules of the server, as far as it reports them; None = not reported."""
        ...


class Writer(Reader, Protocol):
    """Writes to one server. A method returns only if the server confirmed the write; AmbiguousWrite = effect unknown.

    `values` has only managed fields, by the names of `reconciler.core.kinds`, and never `eas` or `mapi`: the server
    sets these in bulk with `set_activations`.
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

    # In bulk, because the API has one request for all mailboxes of a domain.
    async def set_activations(self, domain: str, protocol: str, activations: Mapping[str, bool]) -> None:
        """Turns `eas` or `mapi` on and off for several mailboxes (by local part) in one request."""
        ...


class Progress(Protocol):
    """Shows progress to people. An implementation must not raise, and decides nothing."""

    def begin(self, title: str, total: int) -> None: ...

    def step(self, text: str) -> None: ...

    def end(self) -> None: ...


class Passwords(Protocol):
    """Provides the password of a change, as late as possible: just before the change is written."""

    def password_for(self, change: Change) -> Secret:
        """The password. A generated one is in its file before this method returns, so that it cannot get lost.

        Raises:
            SecretUnavailable: its source returns no value, or one that the product's policy rejects.
        """
        ...


class Journal(Protocol):
    """Records intents before and outcomes after each write, durably."""

    def intent(self, server: str, change: Change) -> None: ...

    def outcome(self, server: str, outcome: Outcome) -> None: ...
