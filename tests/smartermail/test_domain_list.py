"""The list of domains is complete, or the read fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from client_world import BOSS_PASSWORD, DOMAIN, World
from odd_server import run

from reconciler.core.errors import IncompleteRead, UnexpectedAnswer
from reconciler.sandbox import SeedDomain
from reconciler.smartermail import Server


async def listed(server: Server) -> tuple[str, ...]:
    return await server.reader().list_domains()


def both(names: Any, domains: Any) -> dict[str, Any]:
    return {
        "sysadmin/domain-names": {"data": names, "success": True},
        "sysadmin/domains": {"data": domains, "success": True},
    }


def test_a_system_administrator_gets_all_domains_sorted_by_canonical_name(make: Callable[..., World]) -> None:
    names = ("zeta.test", "alpha.test", "mid.test")
    seed = tuple(SeedDomain(name=n, admin_username="boss", admin_password=BOSS_PASSWORD, dkim=False) for n in names)
    world = make(seed=seed)
    assert world.run(listed) == ("alpha.test", "mid.test", "zeta.test")


def test_a_customer_gets_its_own_domain_without_system_endpoints(world: World) -> None:
    async def work() -> tuple[str, ...]:
        async with world.customer() as server:
            return await listed(server)

    world.reset()
    assert asyncio.run(work()) == (DOMAIN,)
    assert not any("sysadmin" in request for request in world.requests())


def test_domain_names_are_canonical_for_all_forms_that_a_server_sends() -> None:
    found = run(listed, **both(["MÜNCHEN.example", "B.test"], [{"name": "xn--mnchen-3ya.example"}, {"name": "b.test"}]))
    assert found == ("b.test", "xn--mnchen-3ya.example")


@pytest.mark.parametrize("missing", ["domain-names", "domains"])
def test_if_one_of_the_two_domain_lists_is_missing_the_other_is_used(filled: World, missing: str) -> None:
    filled.quirks(f"missing:settings/sysadmin/{missing}")
    assert filled.run(listed) == (DOMAIN,)


def test_if_both_domain_lists_are_missing_the_read_fails(filled: World) -> None:
    filled.quirks("missing:settings/sysadmin/domain-names", "missing:settings/sysadmin/domains")
    with pytest.raises(UnexpectedAnswer, match="nor any other that lists domains"):
        filled.run(listed)


@pytest.mark.parametrize(
    "answers",
    [
        both(["a.test"], [{"name": "a.test"}, {"name": "b.test"}]),
        both(["a.test", "b.test"], [{"name": "a.test"}]),
        both([], [{"name": "a.test"}]),
        both(["a.test", "A.test"], [{"name": "a.test"}]),
        {**both(["a.test"], [{"name": "a.test"}]), "sysadmin/domain-names": {"data": ["a.test"], "totalCount": 2}},
    ],
    ids=["cut off", "cut off in the other", "empty", "a name twice", "more are announced"],
)
def test_an_incomplete_domain_list_is_rejected(answers: dict[str, Any]) -> None:
    with pytest.raises(IncompleteRead):
        run(listed, **answers)


@pytest.mark.parametrize("names", [None, "a.test", [3], [{"name": None}], [[]]])
def test_a_malformed_domain_list_is_rejected(names: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        run(listed, **both(names, [{"name": "a.test"}]))
