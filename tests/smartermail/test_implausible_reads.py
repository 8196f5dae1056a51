"""An incomplete or implausible read stops its domain before any plan is shown as complete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from client_world import DOMAIN, SECRET, World

from reconciler.core.errors import IncompleteRead
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret
from reconciler.smartermail import Server

SEARCH_ONLY = (
    "missing:settings/domain/list-users",
    "missing:settings/sysadmin/list-users",
    "missing:settings/domain/aliases",
)


async def read(server: Server) -> None:
    await server.reader().read_domain(DOMAIN, ReadScope())


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("list-users", "2 mailboxes, but the server counts 3"),
        ("domain/aliases", "1 aliases, but the server counts 2"),
        ("domain-aliases", "0 domain aliases, but the server counts 1"),
    ],
)
def test_fewer_rows_than_the_servers_count_stop_the_domain(filled: World, path: str, said: str) -> None:
    filled.run(read)
    filled.fault("cut-list", path=path + "$", times=-1)
    with pytest.raises(IncompleteRead, match=said):
        filled.run(read)


@pytest.mark.parametrize("path", ["list-users", "domain/aliases", "domain-aliases"])
def test_an_empty_list_with_a_higher_count_stops_the_domain(filled: World, path: str) -> None:
    filled.fault("empty-list", path=path + "$", times=-1)
    with pytest.raises(IncompleteRead, match=r": 0 .*, but the server counts [123]"):
        filled.run(read)


async def fill(server: Server) -> None:
    writer = server.writer()
    for start in range(0, 130, 26):
        names = [f"m{n:03}" for n in range(start, start + 26)]
        await asyncio.gather(*(writer.create_mailbox(DOMAIN, n, {}, Secret(SECRET)) for n in names))
        await asyncio.gather(*(writer.create_alias(DOMAIN, f"a{n}", {"to": ("x@else.test",)}) for n in names))


def test_a_page_with_fewer_rows_than_requested_does_not_end_the_list(make: Callable[..., World]) -> None:
    world = make(quirks=frozenset({*SEARCH_ONLY, "truncate-take-to-100", "no-total-count"}))

    async def work(server: Server) -> None:
        await fill(server)
        current = await server.reader().read_domain(DOMAIN, ReadScope())
        assert (len(current.mailboxes), len(current.aliases)) == (131, 130)

    world.run(work)


def test_a_search_that_repeats_its_first_page_stops_the_domain(make: Callable[..., World]) -> None:
    world = make(quirks=frozenset({*SEARCH_ONLY, "truncate-take-to-100", "no-total-count", "skip-ignored"}))
    world.run(fill)
    with pytest.raises(IncompleteRead, match="the same 100 rows are returned for each page"):
        world.run(read)


def test_a_row_missing_on_every_page_with_a_higher_total_stops_the_domain(make: Callable[..., World]) -> None:
    world = make(quirks=frozenset(SEARCH_ONLY))
    world.run(fill)
    world.run(read)
    world.fault("cut-list", path="account-list-search", times=1)
    world.run(read)  # one row is missing from one page: the next page begins with it
    world.fault("cut-list", path="account-list-search", times=-1)
    with pytest.raises(IncompleteRead, match="but totalCount is"):
        world.run(read)
