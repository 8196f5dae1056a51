"""The servers of the zone tests, and the findings of the checks about all scenarios.

Every fixture has the scope of the session: a server starts once, with all zones, and the checks run once.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.name
import pytest

from reconciler.compliance.gather import check_subjects
from reconciler.compliance.resolver.resolver import DnsResolver
from reconciler.core.findings import DomainReport
from reconciler.core.lookups import Page, Resolver

sys.path.append(str(Path(__file__).parent))  # The folder is not a package; its tests import these modules too.

import knot as knots
import responder as responders
import unbound as unbounds
import zone_scenarios as scenarios

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
REQUIRED = os.environ.get("RECONCILER_REQUIRE_DNS_SERVER") == "1"
TIMEOUT = 20.0
"""Seconds per question. The servers answer at once; only a busy machine needs this long."""


class Pages:
    """A web without a network: it has the pages of the scenarios."""

    def __init__(self, pages: Mapping[str, Mapping[str, Any]]) -> None:
        self._pages = pages

    async def fetch(self, url: str) -> Page:
        """The page at a URL; status 404 if no scenario has it."""
        found = self._pages.get(url, {"outcome": "status", "status": 404, "text": "it answered 404"})
        return Page(url=url, **found)


def need(why_not: str, *, required: bool) -> None:
    """Skips the test if no server can start here. Fails instead if the environment requires a server."""
    assert not (required and why_not), f"RECONCILER_REQUIRE_DNS_SERVER is 1, and {why_not}"
    if why_not:
        pytest.skip(why_not)


@dataclass(frozen=True)
class World:
    """The running servers.

    Attributes:
        port: of both name servers: the first on 127.0.0.1, the second on 127.0.0.2.
        front, validating: ports of two recursive resolvers that ask the first name server; one validates.
    """

    port: int
    front: int
    validating: int

    def resolver(self, case: Any, timeout: float = TIMEOUT) -> Resolver:
        """A new resolver that asks the server which the scenario needs."""
        asked = self.port
        if case.validated != "no":
            asked = self.validating
        elif case.own:
            asked = self.front
        return DnsResolver([(FIRST, asked)], timeout, authority_port=self.port)

    def check(self, cases: Sequence[Any]) -> dict[str, DomainReport]:
        """Runs all checks on scenarios. Gives the reports by the name of the scenario."""
        return asyncio.run(self._check(cases))

    async def _check(self, cases: Sequence[Any]) -> dict[str, DomainReport]:
        groups: dict[tuple[object, ...], list[Any]] = {}
        for case in cases:
            groups.setdefault((case.own, case.validated, bool(case.pages)), []).append(case)
        found: dict[str, DomainReport] = {}
        for group in groups.values():
            pages = {url: page for case in group for url, page in case.pages.items()}
            reports = await check_subjects(
                [case.subject for case in group],
                self.resolver(group[0]),
                everything=True,
                fetcher=Pages(pages) if pages else None,
            )
            found |= {case.name: report for case, report in zip(group, reports, strict=True)}
        return found


class Behind(World):
    """The same servers. Every question goes to the recursive resolver."""

    def resolver(self, case: Any, timeout: float = TIMEOUT) -> Resolver:
        """A new resolver that asks the recursive one."""
        return DnsResolver([(FIRST, self.front)], timeout, authority_port=self.port)


@pytest.fixture(scope="session")
def cases() -> list[Any]:
    """All scenarios, in the order of their names."""
    return [scenarios.load(name) for name in scenarios.NAMES]


Served = Callable[[Mapping[str, Any]], World]


@pytest.fixture(scope="session")
def serve(cases: list[Any]) -> Iterator[Served]:
    """Starts servers for published records, given by the name of the scenario. They end with the session."""
    need(knots.why_not(knots.KNOTD, (FIRST, SECOND)), required=REQUIRED)

    def validated(name: dns.name.Name) -> bool:
        for case in cases:
            if name.is_subdomain(dns.name.from_text(case.domain)):
                return case.validated == "yes"
        return name != dns.name.from_text("v4only.example")

    with ExitStack() as stack:

        def start(records: Mapping[str, Any]) -> World:
            port = knots.free_port((FIRST, SECOND))
            stack.enter_context(knots.knot(scenarios.server_zones(records), port, FIRST))
            second = {
                c.domain: "\n".join(scenarios.lines(scenarios.published(c, c.second))) + "\n"
                for c in cases
                if c.second is not None and c.name in records
            }
            stack.enter_context(knots.knot(second, port, SECOND))
            front = stack.enter_context(responders.responder(responders.Front(port)))
            validating = stack.enter_context(responders.responder(responders.Front(port, validated=validated)))
            return World(port, front, validating)

        yield start


@pytest.fixture(scope="session")
def behind_unbound() -> Iterator[Callable[..., World]]:
    """Starts an Unbound that asks the Knot at a port about some zones. It ends with the session."""
    need(unbounds.why_not(unbounds.UNBOUND), required=REQUIRED)
    with ExitStack() as stack:

        def start(port: int, zones: Sequence[str], **trust: Any) -> World:
            front = knots.free_port((FIRST,))
            stack.enter_context(unbounds.unbound(front, dict.fromkeys(zones, (FIRST, port)), **trust))
            return Behind(port, front, front)

        yield start


@pytest.fixture(scope="session")
def signed() -> Callable[[Mapping[str, str]], Mapping[str, Any]]:
    """Signs zones with Knot."""
    need(knots.why_not(knots.KNOTD, (FIRST,)), required=REQUIRED)
    return lambda zones: unbounds.signed(knots.KNOTD, knots.free_port((FIRST,)), zones)


@pytest.fixture(scope="session")
def serve_zones() -> Iterator[Callable[[Mapping[str, str]], int]]:
    """Starts a Knot with complete zones and gives its port. It ends with the session."""
    need(knots.why_not(knots.KNOTD, (FIRST,)), required=REQUIRED)
    with ExitStack() as stack:

        def start(zones: Mapping[str, str]) -> int:
            port: int = knots.free_port((FIRST,))
            stack.enter_context(knots.knot(zones, port, FIRST))
            return port

        yield start


@pytest.fixture(scope="session")
def records(cases: list[Any]) -> dict[str, Any]:
    """The published records of all scenarios, by name."""
    return {case.name: scenarios.published(case) for case in cases}


@pytest.fixture(scope="session")
def world(serve: Served, records: dict[str, Any]) -> World:
    """The servers with all scenarios."""
    return serve(records)


@pytest.fixture(scope="session")
def reports(world: World, cases: list[Any]) -> dict[str, DomainReport]:
    """The reports of all scenarios, by name."""
    return world.check(cases)


@pytest.fixture(scope="session")
def checked_at() -> Callable[..., Awaitable[tuple[DomainReport, ...]]]:
    """Runs all checks on subjects, with a server at a port of this machine."""

    async def check(port: int, subjects: Sequence[Any], timeout: float = TIMEOUT) -> tuple[DomainReport, ...]:
        return await check_subjects(subjects, DnsResolver([(FIRST, port)], timeout), everything=True)

    return check


@pytest.fixture
def needed() -> Callable[..., None]:
    """Decides, for an installed or missing Knot, whether tests run, are skipped or fail."""
    return lambda knotd, *addresses, required: need(knots.why_not(knotd, addresses), required=required)


@pytest.fixture
def resolver_needed() -> Callable[..., None]:
    """The same for Unbound."""
    return lambda unbound, *, required: need(unbounds.why_not(unbound), required=required)
