"""The initial state of a sandbox: its administrator, and the domains and zones of its configuration."""

from __future__ import annotations

import secrets

from reconciler.sandbox.binder import Fields
from reconciler.sandbox.call import Service
from reconciler.sandbox.config import SeedDomain
from reconciler.sandbox.domains import bind_settings, create_domain
from reconciler.sandbox.identity import find_identity
from reconciler.sandbox.model import Admin
from reconciler.sandbox.names import domain_name
from reconciler.sandbox.passwords import hashed


def seed(service: Service) -> str:
    """Fill the store with the initial state and return the administrator's password.

    Existing domains and zones of the data folder are not changed. Without a configured password, the administrator gets
    a new random one at each start, because the stored hash cannot be converted back.
    """
    config, store = service.config, service.store
    password = config.password or secrets.token_urlsafe(18)
    name = config.username.lower()
    admin = store.admins.get(name)
    if admin is None:
        store.admins[name] = admin = Admin(name, hashed(password))
    else:
        admin.password = hashed(password)
    store.touch_admin(admin)
    # Zones of domains override equal zones of the configuration.
    zones = dict(config.zones)
    for one in config.seed:
        zones |= one.zones
        if domain_name(one.name) not in store.domains:
            _seed_domain(service, one)
    known = {origin.rstrip(".").lower() for origin in store.zones}
    service.zones.load(store.zones)
    for origin, text in zones.items():
        if origin.rstrip(".").lower() not in known:
            service.zones.set_zone(origin, text)
    store.keep_zones(service.zones.dump())
    store.flush()
    # The initial state is not an effect of a client's request.
    store.effects.clear()
    store.changed.clear()
    return password


def seeded_admins(service: Service) -> dict[str, tuple[str, str]]:
    """Domain -> address and password of its administrator, if they match the configuration.

    An existing domain of the data folder keeps its own password, which may differ.
    """
    admins = {}
    for one in service.config.seed:
        address = f"{one.admin_username}@{domain_name(one.name)}".lower()
        found = find_identity(service.store, address)
        if found is not None and found.verify(one.admin_password, service.clock):
            admins[domain_name(one.name)] = (address, one.admin_password)
    return admins


def _seed_domain(service: Service, one: SeedDomain) -> None:
    domain = create_domain(
        service,
        name=one.name,
        admin=one.admin_username,
        password=one.admin_password,
        hostname=one.hostname,
        settings=bind_settings(Fields(one.limits)),
    )
    domain.dkim.seeded = one.dkim
