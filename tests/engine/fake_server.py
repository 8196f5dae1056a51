"""A mail server in memory behind the ports: it fills in defaults, lower-cases names, reorders targets, and fails to order.

It is stricter than most servers: limits, names in use, unknown targets and unknown names are all refused, so that an
order of changes that is wrong shows.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from reconciler.core.errors import (
    DoubtfulWrite,
    IncompleteRead,
    ReconcilerError,
    RefusedByServer,
    RefusedCredentials,
    Unreachable,
)
from reconciler.core.kinds import ALIAS, MAILBOX, Kind
from reconciler.core.model import (
    UNSET,
    Alias,
    CurrentDomain,
    DomainAlias,
    Mailbox,
    MailboxFacts,
    ServerLimits,
    Value,
)
from reconciler.core.names import address, split_address
from reconciler.core.plan import Change, Outcome, Result
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret

Fault = Literal[
    "refuse",  # the server says no
    "gone",  # no answer to this and to anything that follows
    "locked out",  # the credentials are refused
    "doubt before",  # a doubtful answer, and it had no effect
    "doubt after",  # a doubtful answer, and it took effect
    "doubt half",  # a doubtful answer, and it took effect in part
    "ignore",  # the server says yes and does nothing
    "kill before",  # we are killed before the request is sent
    "kill after",  # we are killed before the answer comes
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
    """The process is killed: nothing that follows is run."""


@dataclass
class FakeDomain:
    """What the server stores of one domain."""

    mailboxes: dict[str, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    domain_aliases: set[str] = field(default_factory=set)
    facts: dict[str, MailboxFacts] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    limits: ServerLimits = field(default_factory=ServerLimits)

    def population(self) -> int:
        """How many mailboxes count against the limit."""
        return sum(not self.facts.get(name, MailboxFacts()).is_primary_admin for name in self.mailboxes)


@dataclass
class FakeServer:
    """Implements Reader and Writer.

    Attributes:
        faults: number of a write (the first is 1) -> what goes wrong with it.
        unreadable: names of fields that no read tells.
        read_fault: raised by every read.
        log: every call, reads and writes, in order: (method, domain, name).
        strict_targets: an address in the domain may be named as a target only if it is there.
    """

    domains: dict[str, FakeDomain] = field(default_factory=dict)
    faults: dict[int, Fault] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    read_fault: ReconcilerError | None = None
    strict_targets: bool = True
    log: list[tuple[str, str, str]] = field(default_factory=list)
    writes: int = 0
    gone: bool = False

    def add_domain(self, name: str, **limits: int) -> FakeDomain:
        """A new domain, empty."""
        self.domains[name] = FakeDomain(limits=ServerLimits(**limits))
        return self.domains[name]

    def load(self, current: CurrentDomain) -> None:
        """Stores a domain as it was read from somewhere; what was not read gets the defaults."""
        there = self.add_domain(current.domain)
        there.limits = current.limits
        for m in current.mailboxes.values():
            there.mailboxes[m.name] = _stored(MAILBOX, MAILBOX_DEFAULTS, m)
            there.facts[m.name] = m.facts
            there.passwords[m.name] = "old"
        for a in current.aliases.values():
            there.aliases[a.name] = _stored(ALIAS, ALIAS_DEFAULTS, a)
        there.domain_aliases |= set(current.domain_aliases)

    def clone(self) -> "FakeServer":
        """A server with the same state, and no faults and no history."""
        return FakeServer(domains=deepcopy(self.domains), strict_targets=self.strict_targets)

    def written(self) -> list[tuple[str, str, str]]:
        """The log without the reads."""
        return [entry for entry in self.log if not entry[0].startswith("read")]

    # Reader

    async def read_domain(self, domain: str, scope: ReadScope) -> CurrentDomain:
        there = self._read("read_domain", domain, "")
        mailboxes = {}
        for name in there.mailboxes:
            forwarding = {"forwarding.to", "forwarding.keepCopy"} if name.lower() not in scope.forwarding else set()
            seats = ({"eas"} if not scope.eas else set()) | ({"mapi"} if not scope.mapi else set())
            mailboxes[name.lower()] = self._mailbox(domain, name, forwarding | seats)
        aliases = {
            n.lower(): self._alias(domain, n, set() if n.lower() in scope.alias_flags else set(ALIAS_DEFAULTS) - {"to"})
            for n in there.aliases
        }
        return CurrentDomain(
            domain=domain,
            mailboxes=mailboxes,
            aliases=aliases,
            domain_aliases={n: DomainAlias(name=n) for n in there.domain_aliases},
            limits=there.limits,
        )

    async def read_mailbox(self, domain: str, name: str) -> Mailbox | None:
        return self._mailbox(domain, name) if name in self._read("read_mailbox", domain, name).mailboxes else None

    async def read_alias(self, domain: str, name: str) -> Alias | None:
        return self._alias(domain, name) if name in self._read("read_alias", domain, name).aliases else None

    async def read_domain_aliases(self, domain: str) -> Mapping[str, DomainAlias]:
        there = self._read("read_domain_aliases", domain, "")
        return {n: DomainAlias(name=n) for n in there.domain_aliases}

    # Writer

    async def create_mailbox(self, domain: str, name: str, values: Mapping[str, Value], password: Secret) -> None:
        there = self._write("create_mailbox", domain, name)
        self._check_free(domain, name)
        if there.limits.mailboxes and there.population() >= there.limits.mailboxes:
            raise RefusedByServer("USER_LIMIT_REACHED")
        self._check_targets(domain, values.get("forwarding.to", ()))

        def effect(part: Mapping[str, Value]) -> None:
            there.mailboxes[name.lower()] = MAILBOX_DEFAULTS | _shuffled(part)
            there.passwords[name.lower()] = password.reveal()

        self._settle(effect, values)

    async def update_mailbox(
        self, domain: str, name: str, values: Mapping[str, Value], password: Secret | None
    ) -> None:
        there = self._write("update_mailbox", domain, name)
        stored = _known(there.mailboxes, name)
        self._check_targets(domain, values.get("forwarding.to", ()), stored["forwarding.to"])

        def effect(part: Mapping[str, Value]) -> None:
            stored.update(_shuffled(part))
            if password is not None:
                there.passwords[name] = password.reveal()

        self._settle(effect, values)

    async def delete_mailbox(self, domain: str, name: str) -> None:
        there = self._write("delete_mailbox", domain, name)
        _known(there.mailboxes, name)

        def effect(_: Mapping[str, Value]) -> None:
            for store in (there.mailboxes, there.facts, there.passwords):
                store.pop(name, None)

        self._settle(effect)

    async def rename_mailbox(self, domain: str, old: str, new: str) -> None:
        there = self._write("rename_mailbox", domain, old)
        _known(there.mailboxes, old)
        self._check_free(domain, new)

        def effect(_: Mapping[str, Value]) -> None:
            for store in (there.mailboxes, there.facts, there.passwords):
                if old in store:
                    store[new] = store.pop(old)

        self._settle(effect)

    async def create_alias(self, domain: str, name: str, values: Mapping[str, Value]) -> None:
        there = self._write("create_alias", domain, name)
        self._check_free(domain, name)
        if there.limits.aliases and len(there.aliases) >= there.limits.aliases:
            raise RefusedByServer("ALIAS_LIMIT_REACHED")
        self._check_targets(domain, values.get("to", ()))
        self._settle(lambda part: there.aliases.update({name.lower(): ALIAS_DEFAULTS | _shuffled(part)}), values)

    async def update_alias(self, domain: str, name: str, values: Mapping[str, Value]) -> None:
        stored = _known(self._write("update_alias", domain, name).aliases, name)
        self._check_targets(domain, values.get("to", ()), stored["to"])
        self._settle(lambda part: stored.update(_shuffled(part)), values)

    async def rename_alias(self, domain: str, old: str, new: str) -> None:
        there = self._write("rename_alias", domain, old)
        _known(there.aliases, old)
        self._check_free(domain, new)
        self._settle(lambda _: there.aliases.update({new: there.aliases.pop(old)}))

    async def delete_alias(self, domain: str, name: str) -> None:
        there = self._write("delete_alias", domain, name)
        _known(there.aliases, name)
        self._settle(lambda _: there.aliases.pop(name))

    async def create_domain_alias(self, domain: str, name: str) -> None:
        there = self._write("create_domain_alias", domain, name)
        if name in there.domain_aliases:
            raise RefusedByServer("DOMAIN_ALIAS_IN_USE")
        if there.limits.domain_aliases and len(there.domain_aliases) >= there.limits.domain_aliases:
            raise RefusedByServer("DOMAIN_ALIAS_LIMIT_REACHED")
        self._settle(lambda _: there.domain_aliases.add(name))

    async def delete_domain_alias(self, domain: str, name: str) -> None:
        there = self._write("delete_domain_alias", domain, name)
        if name not in there.domain_aliases:
            raise RefusedByServer("DOMAIN_ALIAS_NOT_FOUND")
        self._settle(lambda _: there.domain_aliases.remove(name))

    async def set_seats(self, domain: str, protocol: str, seats: Mapping[str, bool]) -> None:
        there = self._write("set_seats", domain, f"{protocol} {' '.join(f'{n}={v}' for n, v in sorted(seats.items()))}")
        for name in seats:
            _known(there.mailboxes, name)
        taken = sum(seats.get(name, stored[protocol]) for name, stored in there.mailboxes.items())
        limit = getattr(there.limits, protocol)
        if limit and any(seats.values()) and taken > limit:
            raise RefusedByServer(f"{protocol.upper()}_LIMIT_REACHED")

        def effect(part: Mapping[str, Value]) -> None:
            for name, on in part.items():
                there.mailboxes[name][protocol] = on

        self._settle(effect, seats)

    # What is behind

    def _read(self, method: str, domain: str, name: str) -> FakeDomain:
        self.log.append((method, domain, name))
        if self.gone:
            raise Unreachable("no answer", hint="see whether the server runs")
        if self.read_fault is not None:
            raise self.read_fault
        if domain not in self.domains:
            raise IncompleteRead(f"there is no domain {domain}")
        return self.domains[domain]

    def _write(self, method: str, domain: str, name: str) -> FakeDomain:
        if self.gone:
            raise Unreachable("no answer", hint="see whether the server runs")
        self.writes += 1
        fault = self.faults.get(self.writes)
        if fault == "kill before":
            raise Killed
        self.log.append((method, domain, name))
        match fault:
            case "refuse":
                raise RefusedByServer("the server says no")
            case "gone":
                self.gone = True
                raise Unreachable("no answer", hint="see whether the server runs")
            case "locked out":
                raise RefusedCredentials("signed out", hint="see the password")
            case "doubt before":
                raise DoubtfulWrite("the answer was cut short")
        return self.domains[domain]

    def _settle(self, effect: Any, values: Mapping[str, Value] | None = None) -> None:
        """Makes the effect of the write that was let in, as far as its fault lets it."""
        fault = self.faults.get(self.writes)
        if fault == "ignore":
            return
        given = dict(values or {})
        effect({k: given[k] for k in sorted(given)[: len(given) // 2]} if fault == "doubt half" else given)
        if fault in ("doubt after", "doubt half"):
            raise DoubtfulWrite("the answer was cut short")
        if fault == "kill after":
            raise Killed

    def _check_free(self, domain: str, name: str) -> None:
        if name in self.domains[domain].mailboxes or name in self.domains[domain].aliases:
            raise RefusedByServer("NAME_IN_USE")

    def _check_targets(self, domain: str, wanted: Any, there: Iterable[str] = ()) -> None:
        stored = self.domains[domain]
        known = {f"{n}@{domain}" for n in (*stored.mailboxes, *stored.aliases)} | {t.lower() for t in there}
        for target in wanted:
            if self.strict_targets and split_address(target)[1] == domain and target not in known:
                raise RefusedByServer(f"TARGET_NOT_FOUND {target}")

    def _mailbox(self, domain: str, name: str, unread: Iterable[str] = ()) -> Mailbox:
        there = self.domains[domain]
        told = self._told(domain, MAILBOX, there.mailboxes[name], {*unread, *self.unreadable})
        return Mailbox(name=name.lower(), facts=there.facts.get(name, MailboxFacts()), **told)

    def _alias(self, domain: str, name: str, unread: Iterable[str] = ()) -> Alias:
        told = self._told(domain, ALIAS, self.domains[domain].aliases[name], {*unread, *self.unreadable})
        return Alias(name=name.lower(), **told)

    @staticmethod
    def _told(domain: str, kind: Kind, stored: Mapping[str, Any], unread: set[str]) -> dict[str, Any]:
        told = {}
        for spec in kind.fields:
            value = stored[spec.name]
            if isinstance(value, list | tuple):
                value = tuple(sorted(address(t, domain) for t in value))
            told[spec.attribute] = UNSET if spec.name in unread else value
        return told


def _stored(kind: Kind, defaults: Mapping[str, Value], resource: Mailbox | Alias) -> dict[str, Any]:
    read = {s.name: getattr(resource, s.attribute) for s in kind.fields}
    return dict(defaults) | _shuffled({k: v for k, v in read.items() if v is not UNSET})


def _shuffled(values: Mapping[str, Value]) -> dict[str, Any]:
    """As this server keeps values: targets backwards and partly in capitals."""
    return {k: [t.title() for t in reversed(v)] if isinstance(v, tuple) else v for k, v in values.items()}


def _known(store: dict[str, Any], name: str) -> Any:
    if name not in store:
        raise RefusedByServer("NOT_FOUND")
    return store[name]


@dataclass
class FakePasswords:
    """Passwords that tell for whom they were made; `asked` holds the changes, in order."""

    asked: list[str] = field(default_factory=list)
    fault: ReconcilerError | None = None

    def password_for(self, change: Change) -> Secret:
        self.asked.append(change.key)
        if self.fault is not None:
            raise self.fault
        assert change.password is not None
        return Secret(f"{change.address} v{change.password.version}")


@dataclass
class MemoryJournal:
    """Remembers intents and outcomes as (event, key, result), and which version of a password was set."""

    events: list[tuple[str, str, str]] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def intent(self, server: str, change: Change) -> None:
        self.events.append(("intent", change.key, ""))

    def outcome(self, server: str, outcome: Outcome) -> None:
        change = outcome.change
        self.events.append(("outcome", change.key, outcome.result.value))
        if outcome.result is not Result.APPLIED or change.kind != "mailbox":
            return
        if change.action == "delete":
            self.versions.pop(change.address, None)
        elif change.action == "rename" and change.address in self.versions:
            self.versions[f"{change.new_name}@{change.domain}"] = self.versions.pop(change.address)
        elif change.password:
            self.versions[change.address] = change.password.version


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Runs a coroutine in an event loop of its own."""
    return asyncio.run(coroutine)
