"""The result of a read and its number of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from client_world import BOSS_PASSWORD, DOMAIN, SECRET, World

from reconciler.core.errors import RefusedByServer
from reconciler.core.model import UNSET, CurrentDomain
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret
from reconciler.sandbox import SeedDomain
from reconciler.smartermail import Server

ALL = ReadScope(
    forwarding=frozenset({"anna", "ben", "nobody"}), alias_flags=frozenset({"sales", "nothing"}), eas=True, mapi=True
)


def read(world: World, scope: ReadScope, **more: object) -> CurrentDomain:
    return world.run(lambda s: s.reader().read_domain(DOMAIN, scope), **more)


def test_the_complete_state_of_a_domain_is_read_as_canonical_values(filled: World) -> None:
    current = read(filled, ALL)
    assert list(current.mailboxes) == ["anna", "ben", "boss"]
    anna, ben, boss = current.mailboxes.values()
    assert (anna.display_name, anna.quota, anna.enabled, anna.eas, anna.mapi) == ("Anna A", 1 << 30, True, True, False)
    assert (anna.forward_to, anna.forward_keep_copy) == ((), True)
    assert (ben.forward_to, ben.forward_keep_copy, ben.eas) == (("ben@elsewhere.test",), False, False)
    assert boss.facts.is_admin and boss.facts.is_primary_admin
    assert not anna.facts.is_admin and anna.facts.last_login is None
    assert current.aliases["sales"].targets == (f"anna@{DOMAIN}", f"ben@{DOMAIN}", "x@else.test")
    assert current.aliases["sales"].display_name == "Sales"
    assert current.aliases["sales"].allow_sending is False
    assert list(current.domain_aliases) == ["example.org"]
    assert current.dkim is not None and not current.dkim.active
    assert current.limits.eas_enabled and current.limits.forwarding_enabled and current.limits.mailboxes == 0


def test_unmanaged_fields_are_not_requested_and_stay_unset(filled: World) -> None:
    current = read(filled, ReadScope())
    assert current.mailboxes["ben"].forward_to is UNSET
    assert current.mailboxes["anna"].eas is UNSET
    assert current.aliases["sales"].allow_sending is UNSET
    assert current.aliases["sales"].targets is not UNSET


def test_a_domain_costs_the_same_number_of_requests_with_5_and_with_500_mailboxes(world: World) -> None:
    async def populate(server: Server, first: int, last: int) -> None:
        names = [f"user{number}" for number in range(first, last)]
        writer = server.writer()
        for start in range(0, len(names), 50):
            batch = names[start : start + 50]
            await asyncio.gather(*(writer.create_mailbox(DOMAIN, n, {"quota": 1}, Secret(SECRET)) for n in batch))
            await asyncio.gather(*(writer.create_alias(DOMAIN, f"a-{n}", {"to": (f"{n}@{DOMAIN}",)}) for n in batch))

    costs = []
    for first, last in ((0, 5), (5, 500)):
        world.run(lambda s, f=first, t=last: populate(s, f, t))
        world.reset()
        current = read(world, ReadScope(eas=True, mapi=True))
        assert len(current.mailboxes) == last + 1
        costs.append((current.requests, sorted(world.requests())))
    assert costs[0] == costs[1]
    # login, manage-domain, data, settings, users, aliases, domain aliases, EAS, MAPI
    assert costs[0][0] == 9
    assert len(costs[0][1]) == 10, "the nine of the read, and the logout"


def test_each_managed_forwarding_and_each_alias_with_managed_flags_costs_one_more_request(filled: World) -> None:
    bare = read(filled, ReadScope()).requests
    assert bare == 7
    assert read(filled, ReadScope(forwarding=frozenset({"anna", "ben", "not-there"}))).requests == bare + 2
    assert read(filled, ReadScope(alias_flags=frozenset({"sales", "not-there"}))).requests == bare + 1
    filled.quirks("alias-rows-with-flags")
    assert read(filled, ReadScope(alias_flags=frozenset({"sales"}))).requests == bare


def test_concurrent_reads_of_domains_share_one_login(make: Callable[..., World]) -> None:
    seed = tuple(SeedDomain(name=f"d{n}.test", admin_username="boss", admin_password=BOSS_PASSWORD) for n in range(12))
    world = make(seed=seed, shared_dkim_keys=True)

    async def work(server: Server) -> None:
        reader = server.reader()
        found = await asyncio.gather(*(reader.read_domain(one.name, ReadScope()) for one in seed))
        assert [c.domain for c in found] == [one.name for one in seed]
        assert server.stats.logins == 1
        assert server.stats.requests == 1 + 12 * 6
        assert server.stats.retries == 0

    world.run(work, max_concurrency=20)
    assert world.requests().count("POST auth/authenticate-user") == 1
    assert world.requests().count("POST auth/logout-user") == 1


def test_a_customer_reads_its_domain_without_system_endpoints(filled: World) -> None:
    async def work() -> CurrentDomain:
        async with filled.customer() as server:
            assert await server.list_domains() == [DOMAIN]
            assert (await server.domain_summary())[DOMAIN].mailboxes == 3
            return await server.reader().read_domain(DOMAIN, ALL)

    as_customer = asyncio.run(work())
    # data, settings, three lists; two forward lists, two lists of activations, one alias; no second login
    assert as_customer.requests == 5 + 2 + 2 + 1
    assert as_customer == read(filled, ALL)
    customers = [
        r for r in filled.own("GET", "requests")["requests"] if r["token"] == "DA" and r["user"] == f"boss@{DOMAIN}"
    ]
    assert customers and not any(r["path"].startswith("settings/sysadmin") for r in customers[:15])
    assert as_customer.mailboxes["boss"].facts.is_primary_admin


def test_a_customer_gets_the_name_of_its_domain_without_a_second_request(filled: World) -> None:
    async def work() -> None:
        async with filled.customer() as server:
            for _ in range(3):
                with pytest.raises(RefusedByServer, match=f"administers {DOMAIN}, not other.test"):
                    await server.reader().read_domain("other.test", ReadScope())
            with pytest.raises(RefusedByServer, match=r"not other\.test"):
                await server.writer().create_alias("other.test", "x", {"to": ()})
            assert server.stats.by_endpoint["GET settings/domain/data"] == 1
            assert server.stats.writes == 0
            assert (await server.reader().read_domain(DOMAIN, ReadScope())).domain == DOMAIN

    asyncio.run(work())


def test_an_unknown_domain_and_a_missing_permission_have_different_messages(world: World) -> None:
    with pytest.raises(RefusedByServer, match=r"the domain nowhere\.test does not exist"):
        world.run(lambda s: s.reader().read_domain("nowhere.test", ReadScope()))
    world.own("POST", "account", {"email": "admin", "canImpersonate": False})
    with pytest.raises(RefusedByServer, match=r"admin may not manage example\.test"):
        world.run(lambda s: s.reader().read_domain(DOMAIN, ReadScope()))


def test_single_objects_are_read_with_all_fields_and_a_missing_one_is_none(filled: World) -> None:
    async def work(server: Server) -> None:
        reader = server.reader()
        ben = await reader.read_mailbox(DOMAIN, "ben")
        assert ben is not None
        assert ben == read_ben
        assert (ben.eas, ben.mapi, ben.forward_keep_copy) == (False, False, False)
        assert await reader.read_mailbox(DOMAIN, "nobody") is None
        sales = await reader.read_alias(DOMAIN, "sales")
        assert sales is not None and sales.internal_only is False
        assert await reader.read_alias(DOMAIN, "anna") is None
        assert list(await reader.read_domain_aliases(DOMAIN)) == ["example.org"]

    read_ben = read(filled, ALL).mailboxes["ben"]
    filled.run(work)


def test_the_domains_of_a_server_are_listed_with_their_counts_in_one_request(filled: World) -> None:
    async def work(server: Server) -> None:
        assert await server.list_domains() == [DOMAIN]
        found = await server.domain_summary()
        assert (found[DOMAIN].mailboxes, found[DOMAIN].aliases, found[DOMAIN].domain_aliases) == (3, 2, 1)
        assert server.stats.requests == 1 + 2 + 1  # the list is compared with a second one

    filled.run(work)


def test_a_path_prefix_in_the_address_is_kept(filled: World) -> None:
    filled.url += "/webmail"
    current = read(filled, ReadScope())
    assert "anna" in current.mailboxes


def test_importing_the_package_loads_no_http_library() -> None:
    import subprocess
    import sys

    code = "import sys, reconciler.smartermail; print(sorted(m for m in ('httpx','stamina','asyncio') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
