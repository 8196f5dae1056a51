"""A mail server in memory behind the ports: it fills in defaults, lower-cases names, reorders targets, and fails on request.

It is stricter than most servers: it rejects exceeded limits, names in use, unknown targets and unknown names, so that a
wrong order of changes is detected.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from fake_state import (
    ALIAS_DEFAULTS,
    MAILBOX_DEFAULTS,
    FakeDomain,
    Fault,
    Killed,
    as_stored,
    find,
    shuffled,
)

from reconciler.core.errors import (
    AmbiguousWrite,
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
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret


@dataclass
class FakeServer:
    """Implements Reader and Writer.

    Attributes:
        faults: number of a write (the first is 1) -> its fault.
        unreadable: names of fields that no read returns.
        read_fault: raised by every read.
        log: every call, reads and writes, in order: (method, domain, name).
        strict_targets: a target in the domain must exist.
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
            there.mailboxes[m.name] = as_stored(MAILBOX, MAILBOX_DEFAULTS, m)
            there.facts[m.name] = m.facts
            there.passwords[m.name] = "old"
        for a in current.aliases.values():
            there.aliases[a.name] = as_stored(ALIAS, ALIAS_DEFAULTS, a)
        there.domain_aliases |= set(current.domain_aliases)

    def clone(self) -> "FakeServer":
        """A server with the same state, and no faults and no history."""
        return FakeServer(domains=deepcopy(self.domains), strict_targets=self.strict_targets)

    def written(self) -> list[tuple[str, str, str]]:
        """The log without the reads."""
        return [entry for entry in self.log if not entry[0].startswith("read")]

    # Reader

    async def list_domains(self) -> tuple[str, ...]:
        self.log.append(("read_list", "", ""))
        return tuple(sorted(self.domains))

    async def read_domain(self, domain: str, scope: ReadScope) -> CurrentDomain:
        there = self._read("read_domain", domain, "")
        mailboxes = {}
        for name in there.mailboxes:
            forwarding = {"forwarding.to", "forwarding.keepCopy"} if name.lower() not in scope.forwarding else set()
            asked = {p for p, wanted in (("eas", scope.eas), ("mapi", scope.mapi)) if wanted} | scope.activations
            activations = {"eas", "mapi"} - asked
            mailboxes[name.lower()] = self._mailbox(domain, name, forwarding | activations)
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
            usage_bytes=there.usage_bytes(),
        )

    async def read_mailbox(self, domain: str, name: str) -> Mailbox | None:
        return self._mailbox(domain, name) if name in self._read("read_mailbox", domain, name).mailboxes else None

    async def read_alias(self, domain: str, name: str) -> Alias | None:
        return self._alias(domain, name) if name in self._read("read_alias", domain, name).aliases else None

    async def read_domain_aliases(self, domain: str) -> Mapping[str, DomainAlias]:
        there = self._read("read_domain_aliases", domain, "")
        return {n: DomainAlias(name=n) for n in there.domain_aliases}

    async def read_password_policy(self, domain: str) -> ServerPasswordPolicy | None:
        return self._read("read_password_policy", domain, "").password_policy

    # Writer

    async def create_mailbox(self, domain: str, name: str, values: Mapping[str, Value], password: Secret) -> None:
        there = self._write("create_mailbox", domain, name)
        self._check_free(domain, name)
        if there.limits.mailboxes and there.population() >= there.limits.mailboxes:
            raise RefusedByServer("USER_LIMIT_REACHED")
        self._check_targets(domain, values.get("forwarding.to", ()))

        def effect(part: Mapping[str, Value]) -> None:
            there.mailboxes[name.lower()] = MAILBOX_DEFAULTS | shuffled(part)
            there.passwords[name.lower()] = password.reveal()

        self._settle(effect, values)

    async def update_mailbox(
        self, domain: str, name: str, values: Mapping[str, Value], password: Secret | None
    ) -> None:
        there = self._write("update_mailbox", domain, name)
        stored = find(there.mailboxes, name)
        self._check_targets(domain, values.get("forwarding.to", ()), stored["forwarding.to"])

        def effect(part: Mapping[str, Value]) -> None:
            stored.update(shuffled(part))
            if password is not None:
                there.passwords[name] = password.reveal()

        self._settle(effect, values)

    async def delete_mailbox(self, domain: str, name: str) -> None:
        there = self._write("delete_mailbox", domain, name)
        find(there.mailboxes, name)

        def effect(_: Mapping[str, Value]) -> None:
            for store in (there.mailboxes, there.facts, there.passwords):
                store.pop(name, None)

        self._settle(effect)

    async def rename_mailbox(self, domain: str, old: str, new: str) -> None:
        there = self._write("rename_mailbox", domain, old)
        find(there.mailboxes, old)
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
        self._settle(lambda part: there.aliases.update({name.lower(): ALIAS_DEFAULTS | shuffled(part)}), values)

    async def update_alias(self, domain: str, name: str, values: Mapping[str, Value]) -> None:
        stored = find(self._write("update_alias", domain, name).aliases, name)
        self._check_targets(domain, values.get("to", ()), stored["to"])
        self._settle(lambda part: stored.update(shuffled(part)), values)

    async def rename_alias(self, domain: str, old: str, new: str) -> None:
        there = self._write("rename_alias", domain, old)
        find(there.aliases, old)
        self._check_free(domain, new)
        self._settle(lambda _: there.aliases.update({new: there.aliases.pop(old)}))

    async def delete_alias(self, domain: str, name: str) -> None:
        there = self._write("delete_alias", domain, name)
        find(there.aliases, name)
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

    async def set_activations(self, domain: str, protocol: str, activations: Mapping[str, bool]) -> None:
        there = self._write(
            "set_activations", domain, f"{protocol} {' '.join(f'{n}={v}' for n, v in sorted(activations.items()))}"
        )
        for name in activations:
            find(there.mailboxes, name)
        taken = sum(activations.get(name, stored[protocol]) for name, stored in there.mailboxes.items())
        limit = getattr(there.limits, protocol)
        if limit and any(activations.values()) and taken > limit:
            raise RefusedByServer(f"{protocol.upper()}_LIMIT_REACHED")

        def effect(part: Mapping[str, Value]) -> None:
            for name, on in part.items():
                there.mailboxes[name][protocol] = on

        self._settle(effect, activations)

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
            case "unreachable":
                self.gone = True
                raise Unreachable("no answer", hint="see whether the server runs")
            case "locked out":
                raise RefusedCredentials("signed out", hint="see the password")
            case "ambiguous, no effect":
                raise AmbiguousWrite("the answer was cut short")
        return self.domains[domain]

    def _settle(self, effect: Any, values: Mapping[str, Value] | None = None) -> None:
        """Makes the effect of the write that was let in, as far as its fault lets it."""
        fault = self.faults.get(self.writes)
        if fault == "ignore":
            return
        given = dict(values or {})
        effect({k: given[k] for k in sorted(given)[: len(given) // 2]} if fault == "ambiguous, partial" else given)
        if fault in ("ambiguous, applied", "ambiguous, partial"):
            raise AmbiguousWrite("the answer was cut short")
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
