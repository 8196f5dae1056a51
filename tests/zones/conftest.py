"""All scenarios at once: the servers that serve them, and what the checks say."""

import asyncio
import importlib.util
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import dns.name
import pytest

from reconciler.compliance.gather import check_subjects
from reconciler.compliance.resolver.resolver import DnsResolver
from reconciler.core.findings import DomainReport
from reconciler.core.lookups import Page, Resolver

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
REQUIRED = os.environ.get("RECONCILER_REQUIRE_DNS_SERVER") == "1"


def _beside(name: str) -> ModuleType:
    """A module in this folder, which is no package."""
    full = f"zones_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).parent / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[full] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[full]


knots, scenarios, responders = _beside("knot"), _beside("scenario"), _beside("responder")
unbounds = _beside("unbound")


class Pages:
    """Gives the pages of the scenarios."""

    def __init__(self, pages: Mapping[str, Mapping[str, Any]]) -> None:
        self._pages = pages

    async def fetch(self, url: str) -> Page:
        """A page that no scenario has is a 404."""
        found = self._pages.get(url, {"outcome": "status", "status": 404, "text": "it answered 404"})
        return Page(url=url, **found)


def need(why_not: str, *, required: bool) -> None:
    """Skips where no server can be started, or fails where one is required."""
    assert not (required and why_not), f"RECONCILER_REQUIRE_DNS_SERVER is 1, and {why_not}"
    if why_not:
        pytest.skip(why_not)


@dataclass(frozen=True)
class World:
    """The servers, and how the checks are run against them.

    Attributes:
        port: of the first name server on 127.0.0.1, and of the second on 127.0.0.2.
        front, validating: ports of recursive resolvers in front of the first; the latter validates.
    """

    port: int
    front: int
    validating: int

    def resolver(self, case: Any, timeout: float = 3.0) -> Resolver:
        """A fresh resolver as the case wants it."""
        asked = self.port
        if case.validated != "no":
            asked = self.validating
        elif case.own:
            asked = self.front
        return DnsResolver([(FIRST, asked)], timeout, authority_port=self.port)

    def check(self, cases: Sequence[Any]) -> dict[str, DomainReport]:
        """The reports of some cases by name, all checks in each."""
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
    """The same, with every question asked of the resolver in front."""

    def resolver(self, case: Any, timeout: float = 3.0) -> Resolver:
        """A fresh resolver, whatever the case."""
        return DnsResolver([(FIRST, self.front)], timeout, authority_port=self.port)


@pytest.fixture(scope="session")
def cases() -> list[Any]:
    """All scenarios."""
    return [scenarios.load(name) for name in scenarios.NAMES]


Served = Callable[[Mapping[str, Any]], World]


@pytest.fixture(scope="session")
def serve(cases: list[Any]) -> Iterator[Served]:
    """Starts servers for what is published, by the name of the case; they end with the session."""
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
    """Starts Unbound in front of the Knot at a port, which has some zones; it ends with the session."""
    need(unbounds.why_not(unbounds.UNBOUND), required=REQUIRED)
    with ExitStack() as stack:

        def start(port: int, zones: Sequence[str], **trust: Any) -> World:
            front = knots.free_port((FIRST,))
            stack.enter_context(unbounds.unbound(front, dict.fromkeys(zones, (FIRST, port)), **trust))
            return Behind(port, front, front)

        yield start


@pytest.fixture(scope="session")
def signed() -> Callable[[Mapping[str, str]], Mapping[str, Any]]:
    """What Knot makes of zones that it is to sign."""
    need(knots.why_not(knots.KNOTD, (FIRST,)), required=REQUIRED)
    return lambda zones: unbounds.signed(knots.KNOTD, knots.free_port((FIRST,)), zones)


@pytest.fixture(scope="session")
def serve_zones() -> Iterator[Callable[[Mapping[str, str]], int]]:
    """Starts a Knot with zones as they are, and gives its port; it ends with the session."""
    need(knots.why_not(knots.KNOTD, (FIRST,)), required=REQUIRED)
    with ExitStack() as stack:

        def start(zones: Mapping[str, str]) -> int:
            port: int = knots.free_port((FIRST,))
            stack.enter_context(knots.knot(zones, port, FIRST))
            return port

        yield start


@pytest.fixture(scope="session")
def records(cases: list[Any]) -> dict[str, Any]:
    """What every scenario publishes."""
    return {case.name: scenarios.published(case) for case in cases}


@pytest.fixture(scope="session")
def world(serve: Served, records: dict[str, Any]) -> World:
    """The servers with all scenarios."""
    return serve(records)


@pytest.fixture(scope="session")
def reports(world: World, cases: list[Any]) -> dict[str, DomainReport]:
    """What the checks say, by the name of the case."""
    return world.check(cases)


@pytest.fixture(scope="session")
def scenario() -> ModuleType:
    """The module of the scenarios."""
    return scenarios


@pytest.fixture(scope="session")
def responder() -> ModuleType:
    """The module of the small server."""
    return responders


@pytest.fixture(scope="session")
def checked_at() -> Callable[..., Awaitable[tuple[DomainReport, ...]]]:
    """All checks of some subjects, asked of a server at a port of this machine."""

    async def check(port: int, subjects: Sequence[Any], timeout: float = 3.0) -> tuple[DomainReport, ...]:
        return await check_subjects(subjects, DnsResolver([(FIRST, port)], timeout), everything=True)

    return check


@pytest.fixture(scope="session")
def codes() -> Mapping[str, Mapping[str, str]]:
    """The tables of codes, by the check that has them; `` for those that any check may say."""
    return scenarios.code_tables()


@pytest.fixture(scope="session")
def unreached() -> Mapping[str, str]:
    """Codes that no scenario says, each with the reason."""
    return dict(scenarios.UNREACHED)


@pytest.fixture
def needed() -> Callable[..., None]:
    """What decides between running, skipping and failing."""
    return lambda knotd, *addresses, required: need(knots.why_not(knotd, addresses), required=required)


@pytest.fixture
def resolver_needed() -> Callable[..., None]:
    """The same for the resolver in front of it."""
    return lambda unbound, *, required: need(unbounds.why_not(unbound), required=required)
