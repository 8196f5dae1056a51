"""The store: domains and administrators in memory, what changed during a request, and how often each thing changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.envelope import Refusal
from reconciler.sandbox.model import (
    MEMBERS,
    Admin,
    Domain,
    User,
    admin_from_json,
    domain_from_json,
    member_from_json,
    to_json,
)
from reconciler.sandbox.names import domain_name
from reconciler.sandbox.persist import Key, Persistence

NO_DOMAIN = "Domain does not exist"
NO_USER = "User does not exist."
NAME_IN_USE = "USER_ADD_ERROR_NAME_IN_USE"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Domains and administrators as they were at one moment."""

    domains: dict[str, Domain]
    admins: dict[str, Admin]


class Store:
    """All state of the mail server, with its persistence when there is any."""

    def __init__(self, persistence: Persistence | None) -> None:
        self.domains: dict[str, Domain] = {}
        self.admins: dict[str, Admin] = {}
        self.alias_owner: dict[str, str] = {}  # domain alias -> domain
        self.zones: dict[str, str] = {}
        self.effects: dict[tuple[str, str], Counter[str]] = {}
        self.changed: list[str] = []  # the effects of the request under way
        self._persistence = persistence
        self._dirty: dict[Key, None] = {}
        self._dropped: list[str] = []
        if persistence is not None:
            self._load(persistence)

    # look-ups

    def find(self, name: str) -> Domain | None:
        """A domain by its name in any spelling, None when there is none."""
        found = self.domains.get(name.lower())
        if found is None:
            try:
                return self.domains.get(domain_name(name))
            except Refusal:
                return None
        return found

    def domain(self, name: str) -> Domain:
        """A domain by name; Refusal `Domain does not exist` when there is none."""
        found = self.find(name)
        if found is None:
            raise Refusal(NO_DOMAIN)
        return found

    def account(self, email: str) -> tuple[Domain, User] | None:
        """A user by full address."""
        local, _, host = email.strip().lower().rpartition("@")
        found = self.find(host)
        user = found.users.get(local) if found else None
        return (found, user) if found is not None and user is not None else None

    # changes: each says what it did, for the counters, and marks the row for writing

    def note(self, action: str, kind: str, address: str) -> None:
        """Count an effect: `create`, `update`, `noop` (a write that altered nothing), `delete`, `password`..."""
        self.effects.setdefault((kind, address), Counter())[action] += 1
        if action != "noop":
            self.changed.append(f"{action} {kind} {address}")

    def touch(self, domain: Domain, kind: str = "domain", name: str = "") -> None:
        """Mark a row as changed: the domain's own, or that of one of its users, aliases or lists."""
        if self._persistence is not None:
            self._dirty[(kind, domain.name, name)] = None

    def touch_admin(self, admin: Admin) -> None:
        """Mark a system administrator's row as changed."""
        if self._persistence is not None:
            self._dirty[("admin", "", admin.name)] = None

    def keep_zones(self, zones: Mapping[str, str]) -> None:
        """Take over the zone texts, marking those that differ from what is stored."""
        if self._persistence is not None:
            for origin in {*zones, *self.zones}:
                if zones.get(origin) != self.zones.get(origin):
                    self._dirty[("zone", "", origin)] = None
        self.zones = dict(zones)

    def add_domain(self, domain: Domain) -> None:
        """Add a domain with all that is in it."""
        self.domains[domain.name] = domain
        for alias in domain.domain_aliases:
            self.alias_owner[alias] = domain.name
        self.touch(domain)
        for kind in MEMBERS:
            for name in getattr(domain, kind):
                self.touch(domain, kind, name)

    def drop_domain(self, domain: Domain) -> None:
        """Take a domain out, with all that is in it."""
        del self.domains[domain.name]
        for alias in domain.domain_aliases:
            self.alias_owner.pop(alias, None)
        if self._persistence is not None:
            self._dropped.append(domain.name)
            self._dirty = {key: None for key in self._dirty if key[1] != domain.name}

    def snapshot(self) -> Snapshot:
        """A copy of all domains and administrators, which later changes leave alone."""
        return Snapshot(deepcopy(self.domains), deepcopy(self.admins))

    def restore(self, before: Snapshot) -> None:
        """Put domains and administrators back to what they were; what came after is gone, its counts too."""
        for domain in list(self.domains.values()):
            self.drop_domain(domain)
        gone, self.admins = self.admins, deepcopy(before.admins)
        for admin in {**gone, **self.admins}.values():
            self.touch_admin(admin)
        for domain in deepcopy(before.domains).values():
            self.add_domain(domain)
        self.effects.clear()

    # persistence

    def flush(self) -> None:
        """Write what changed; called before a request is answered."""
        if self._persistence is None or not (self._dirty or self._dropped):
            return
        dirty, self._dirty = self._dirty, {}
        dropped, self._dropped = self._dropped, []
        self._persistence.write(((key, self._row(key)) for key in dirty), dropped)

    def close(self) -> None:
        """Write what changed and close the file."""
        self.flush()
        if self._persistence is not None:
            self._persistence.close()
            self._persistence = None

    def _row(self, key: Key) -> Any:
        kind, domain, name = key
        if kind == "zone":
            return self.zones.get(name)
        if kind == "admin":
            return to_json(self.admins[name]) if name in self.admins else None
        found = self.domains.get(domain)
        if found is None:
            return None
        if kind == "domain":
            return to_json(found, without=MEMBERS)
        member = getattr(found, kind).get(name)
        return None if member is None else to_json(member)

    def _load(self, persistence: Persistence) -> None:
        members = []
        for (kind, domain, name), data in persistence.rows():
            if kind == "zone":
                self.zones[name] = data
            elif kind == "admin":
                self.admins[name] = admin_from_json(data)
            elif kind == "domain":
                found = domain_from_json(data)
                self.domains[found.name] = found
                self.alias_owner.update(dict.fromkeys(found.domain_aliases, found.name))
            else:
                members.append((kind, domain, name, data))
        for kind, domain, name, data in members:
            getattr(self.domains[domain], kind)[name] = member_from_json(kind, data)
