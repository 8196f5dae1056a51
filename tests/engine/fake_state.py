"""The state of a mail server in memory, and its possible faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reconciler.core.errors import RefusedByServer
from reconciler.core.kinds import Kind
from reconciler.core.model import UNSET, Alias, Mailbox, MailboxFacts, ServerLimits, Value
from reconciler.core.password_policy import ServerPasswordPolicy

Fault = Literal[
    "refuse",  # the server rejects the write
    "unreachable",  # no response to this request and to all later ones
    "locked out",  # the server rejects the credentials
    "ambiguous, no effect",  # an unusable response, and the write has no effect
    "ambiguous, applied",  # an unusable response, and the write takes effect
    "ambiguous, partial",  # an unusable response, and the write takes effect partly
    "ignore",  # the server confirms the write and does nothing
    "kill before",  # the process is killed before it sends the request
    "kill after",  # the process is killed before the response arrives
]

MAILBOX_DEFAULTS: dict[str, Value] = {
    "displayName": "",
    "quota": 1 << 30,
    "enabled": True,
    "forwarding.to": (),
    "forwarding.keepCopy": True,
    "eas": False,
    "mapi": False,
}
ALIAS_DEFAULTS: dict[str, Value] = {
    "displayName": "",
    "to": (),
    "allowSending": True,
    "hideFromGal": False,
    "internalOnly": False,
}


class Killed(BaseException):
    """The process is killed: no later code runs."""


@dataclass
class FakeDomain:
    """The stored state of one domain."""

    mailboxes: dict[str, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    domain_aliases: set[str] = field(default_factory=set)
    facts: dict[str, MailboxFacts] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    limits: ServerLimits = field(default_factory=ServerLimits)
    password_policy: ServerPasswordPolicy | None = None

    def usage_bytes(self) -> int:
        """The domain's size on disk: that of its mailboxes."""
        return sum(facts.usage_bytes or 0 for facts in self.facts.values())

    def population(self) -> int:
        """How many mailboxes count against the limit."""
        return sum(not self.facts.get(name, MailboxFacts()).is_primary_admin for name in self.mailboxes)


def as_stored(kind: Kind, defaults: Mapping[str, Value], resource: Mailbox | Alias) -> dict[str, Any]:
    read = {s.name: getattr(resource, s.attribute) for s in kind.fields}
    return dict(defaults) | shuffled({k: v for k, v in read.items() if v is not UNSET})


def shuffled(values: Mapping[str, Value]) -> dict[str, Any]:
    """Values as this server stores them: targets in reverse order and partly in capitals."""
    return {k: [t.title() for t in reversed(v)] if isinstance(v, tuple) else v for k, v in values.items()}


def find(store: dict[str, Any], name: str) -> Any:
    if name not in store:
        raise RefusedByServer("NOT_FOUND")
    return store[name]
