"""Creation, change and deletion of domains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.sandbox import defaults
from reconciler.sandbox.binder import BindError, Fields
from reconciler.sandbox.call import Service
from reconciler.sandbox.envelope import Refusal
from reconciler.sandbox.model import Domain, User
from reconciler.sandbox.names import domain_name, local_part
from reconciler.sandbox.passwords import hashed

DOMAIN_IN_USE = "DOMAIN_ADD_ERROR_NAME_IN_USE"
DEFAULT_ADMIN = "postmaster.admin"


def create_domain(
    service: Service,
    *,
    name: str,
    admin: str,
    password: str,
    hostname: str = "",
    path: str = "",
    settings: Mapping[str, Any] | None = None,
) -> Domain:
    """Create a domain with the mailbox of its primary administrator. The caller has checked the password.

    Raises Refusal if the name is in use or invalid.
    """
    name = domain_name(name)
    if name in service.store.domains or name in service.store.alias_owner:
        raise Refusal(DOMAIN_IN_USE)
    admin = local_part(admin, name)
    domain = Domain(
        name=name,
        hostname=hostname.strip().lower() or service.config.hostname,
        path=path or f"C:\\SmarterMail\\Domains\\{name}",
        main_admin=admin,
    )
    for quirk, setting in (
        ("eas-flag-off", "enableActiveSyncAccountManagement"),
        ("mapi-flag-off", "enableMapiEwsAccountManagement"),
    ):
        if quirk in service.quirks:
            domain.settings[setting] = False
    domain.settings |= settings or {}
    now = service.clock.iso()
    domain.users[admin] = User(
        name=admin,
        password=hashed(password),
        is_primary=True,
        created=now,
        password_set=now,
        flags={"isDomainAdmin": True},
    )
    service.store.add_domain(domain)
    service.store.note("create", "domain", name)
    service.store.note("create", "user", domain.address(admin))
    return domain


def delete_domain(service: Service, domain: Domain) -> None:
    """Delete a domain and revoke the tokens of its accounts."""
    for name in domain.users:
        service.tokens.revoke_user(domain.address(name))
    service.store.drop_domain(domain)
    service.store.note("delete", "domain", domain.name)


def rename_domain(service: Service, domain: Domain, new: str) -> None:
    """Rename a domain and revoke the tokens of its accounts, because their addresses change."""
    name = domain_name(new)
    if name != domain.name and (name in service.store.domains or name in service.store.alias_owner):
        raise Refusal(DOMAIN_IN_USE)
    old = domain.name
    for user in domain.users:
        service.tokens.revoke_user(domain.address(user))
    service.store.drop_domain(domain)
    domain.name = name
    service.store.add_domain(domain)
    service.store.note("rename", "domain", old)


def bind_settings(
    wanted: Fields,
    *,
    only: Iterable[str] | None = None,
    limit_names: bool = True,
    before: Mapping[str, Any] = defaults.DOMAIN_SETTINGS,
) -> dict[str, Any]:
    """The domain settings in a request. `limit_names` also accepts userLimit for maxUsers and so on.

    A client that reads the settings, adds userLimit and writes all of it back sends both names. Then the one that
    differs from `before` is used.
    """
    allowed = set(defaults.DOMAIN_SETTINGS) if only is None else set(only)
    found = bound(wanted, {name: defaults.DOMAIN_SETTINGS[name] for name in allowed})
    if only is None and limit_names:
        for name, setting in defaults.LIMIT_NAMES.items():
            value = wanted.number(name)
            if value is not None and found.get(setting, before[setting]) == before[setting]:
                found[setting] = value
    return found


def change_settings(service: Service, domain: Domain, wanted: Fields, *, only: Iterable[str] | None = None) -> None:
    """Merge domain settings. `only` names the settings that the caller may change; others are ignored.

    Raises BindError or Refusal before the first change.
    """
    found = bind_settings(
        wanted,
        only=only,
        limit_names="limit-names-strict" not in service.quirks,
        before={**defaults.DOMAIN_SETTINGS, **domain.settings},
    )
    is_full = only is None
    throttle = wanted.fields("throttleSettings") if is_full else None
    found_throttle = bound(throttle, defaults.THROTTLE) if throttle else {}
    hostname = wanted.text("hostname") if is_full else None
    main_admin = (wanted.text("mainDomainAdmin") if is_full else None) or domain.main_admin
    main_admin = local_part(main_admin, domain.name)
    if main_admin not in domain.users:
        raise Refusal("The main domain administrator does not exist")
    after = ({**domain.settings, **found}, {**domain.throttle, **found_throttle}, hostname or domain.hostname)
    # Only real changes count as updates: tests check that a second run writes nothing.
    is_same = after == (domain.settings, domain.throttle, domain.hostname) and main_admin == domain.main_admin
    domain.settings, domain.throttle, domain.hostname = after
    if main_admin != domain.main_admin:
        _change_main_admin(service, domain, main_admin)
    service.store.touch(domain)
    service.store.note("noop" if is_same else "update", "domain", domain.name)


def _change_main_admin(service: Service, domain: Domain, name: str) -> None:
    """Make another user the primary administrator."""
    domain.users[domain.main_admin].is_primary = False
    service.store.touch(domain, "users", domain.main_admin)
    domain.main_admin = name
    domain.users[name].is_primary = True
    domain.users[name].flags["isDomainAdmin"] = True
    service.store.touch(domain, "users", name)


def bound(wanted: Fields, table: dict[str, Any]) -> dict[str, Any]:
    """The fields of `table` that are present, each with the type of its default. Null counts as absent."""
    found: dict[str, Any] = {}
    for name, default in table.items():
        if name not in wanted or wanted.value(name) is None:
            continue
        if isinstance(default, bool):
            found[name] = wanted.flag(name)
        elif isinstance(default, int):
            found[name] = wanted.number(name)
        elif name in defaults.ENUMERATIONS:
            found[name] = _choice(name, wanted.text(name) or "")
        elif isinstance(default, str):
            found[name] = wanted.text(name)
        else:
            raise BindError(name)
    return found


def _choice(name: str, given: str) -> str:
    """A value of an enumeration, from its name in any case or its number."""
    choices = defaults.ENUMERATIONS[name]
    for number, choice in enumerate(choices):
        if given.lower() in {choice.lower(), str(number)}:
            return choice
    raise BindError(name)
