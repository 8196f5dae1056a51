"""The store: domains and administrators in memory, the changes of a request, and counters of changes per object."""

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
from reconciler.sandbox.persist import Persistence, RowKey

NO_DOMAIN = "Domain does not exist"
NO_USER = "User does not exist."
NAME_IN_USE = "USER_ADD_ERROR_NAME_IN_USE"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of domains and administrators."""

    domains: dict[str, Domain]
    admins: dict[str, Admin]


class Store:
    """The state of the mail server, stored on disk if there is a data folder."""

    def __init__(self, persistence: Persistence | None) -> None:
        self.domains: dict[str, Domain] = {}
        self.admins: dict[str, Admin] = {}
        self.alias_owner: dict[str, str] = {}  # domain alias -> domain
        self.zones: dict[str, str] = {}
        self.effects: dict[tuple[str, str], Counter[str]] = {}
        self.changed: list[str] = []  # the effects of the current request
        self._persistence = persistence
        self._dirty: dict[RowKey, None] = {}
        self._dropped: list[str] = []
        if persistence is not None:
            self._load(persistence)

    # lookups

    def find(self, name: str) -> Domain | None:
        """A domain by its name in any form; None if it does not exist."""
        found = self.domains.get(name.lower())
        if found is None:
            try:
                return self.domains.get(domain_name(name))
            except Refusal:
                return None
        return found

    def domain(self, name: str) -> Domain:
        """A domain by its name in any form. Raises Refusal `Domain does not exist`."""
        found = self.find(name)
        if found is None:
            raise Refusal(NO_DOMAIN)
        return found

    def account(self, email: str) -> tuple[Domain, User] | None:
        """A user and its domain by full address."""
        local, _, host = email.strip().lower().rpartition("@")
        found = self.find(host)
        user = found.users.get(local) if found else None
        return (found, user) if found is not None and user is not None else None

    # changes: callers count each effect and mark the row to be written

    def note(self, action: str, kind: str, address: str) -> None:
        """Count an effect: `create`, `update`, `noop` (a write without a change), `delete`, `password`..."""
        self.effects.setdefault((kind, address), Counter())[action] += 1
        # Only real changes belong to a request: the log marks it as a mutation by this list.
        if action != "noop":
            self.changed.append(f"{action} {kind} {address}")

    def touch(self, domain: Domain, kind: str = "domain", name: str = "") -> None:
        """Mark a row as changed: of the domain, or of one of its users, aliases or lists."""
        if self._persistence is not None:
            self._dirty[(kind, domain.name, name)] = None

    def touch_admin(self, admin: Admin) -> None:
        """Mark the row of a system administrator as changed."""
        if self._persistence is not None:
            self._dirty[("admin", "", admin.name)] = None

    def keep_zones(self, zones: Mapping[str, str]) -> None:
        """Replace the texts of zones, and mark those that changed."""
        if self._persistence is not None:
            for origin in {*zones, *self.zones}:
                if zones.get(origin) != self.zones.get(origin):
                    self._dirty[("zone", "", origin)] = None
        self.zones = dict(zones)

    def add_domain(self, domain: Domain) -> None:
        """Add a domain with all its objects."""
        self.domains[domain.name] = domain
        for alias in domain.domain_aliases:
            self.alias_owner[alias] = domain.name
        self.touch(domain)
        for kind in MEMBERS:
            for name in getattr(domain, kind):
                self.touch(domain, kind, name)

    def drop_domain(self, domain: Domain) -> None:
        """Remove a domain with all its objects."""
        del self.domains[domain.name]
        for alias in domain.domain_aliases:
            self.alias_owner.pop(alias, None)
        if self._persistence is not None:
            # Its own rows need no write any more: the deletion covers all of them.
            self._dropped.append(domain.name)
            self._dirty = {key: None for key in self._dirty if key[1] != domain.name}

    def snapshot(self) -> Snapshot:
        """A copy of all domains and administrators, independent of later changes."""
        return Snapshot(deepcopy(self.domains), deepcopy(self.admins))

    def restore(self, before: Snapshot) -> None:
        """Restore domains and administrators. Later changes and their counters are lost."""
        for domain in list(self.domains.values()):
            self.drop_domain(domain)
        # Administrators created since the snapshot are touched too, so that their rows are deleted.
        removed, self.admins = self.admins, deepcopy(before.admins)
        for admin in {**removed, **self.admins}.values():
            self.touch_admin(admin)
        for domain in deepcopy(before.domains).values():
            self.add_domain(domain)
        self.effects.clear()

    # persistence

    def flush(self) -> None:
        """Write the changed rows. Called before the answer to each request."""
        if self._persistence is None or not (self._dirty or self._dropped):
            return
        dirty, self._dirty = self._dirty, {}
        dropped, self._dropped = self._dropped, []
        self._persistence.write(((key, self._row(key)) for key in dirty), dropped)

    def close(self) -> None:
        """Write the changed rows and close the file."""
        self.flush()
        if self._persistence is not None:
            self._persistence.close()
            self._persistence = None

    def _row(self, key: RowKey) -> Any:
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
        # Members are added after all domains exist, so that the order of the rows does not matter.
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
