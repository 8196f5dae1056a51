"""One server, as the rest of the program holds it."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from reconciler.smartermail import endpoints
from reconciler.smartermail.calls import Calls
from reconciler.smartermail.codec import decode as wire
from reconciler.smartermail.codec.decode_domain import DomainSummary, domain_summary
from reconciler.smartermail.lists import domain_names
from reconciler.smartermail.reader import ServerReader
from reconciler.smartermail.transport.stats import RequestStats
from reconciler.smartermail.writer import ServerWriter


class Server:
    """A server's reader, writer and counters; signed in at the first request, signed out when closed."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def stats(self) -> RequestStats:
        """Live counters of this run."""
        return self._calls.session.stats

    def reader(self) -> ServerReader:
        """What dry runs get: it has no writing methods."""
        return ServerReader(self._calls)

    def writer(self) -> ServerWriter:
        """Reads and writes."""
        return ServerWriter(self._calls)

    async def list_domains(self) -> list[str]:
        """Canonical names of the domains on this server; for a customer, of the one that he administers.

        Raises:
            ReconcilerError: see `reconciler.smartermail.lists`.
        """
        return list(await domain_names(self._calls))

    async def domain_summary(self) -> Mapping[str, DomainSummary]:
        """Counts and limits by domain, in one request (API reference section 4.1); for a customer, of his domain."""
        if not self._calls.is_admin:
            own = domain_summary(await self._calls.own_domain(), self._calls.where(endpoints.DATA))
            return {own.name: own}
        where = self._calls.where(endpoints.DOMAINS)
        rows = wire.rows(await self._calls.read(endpoints.DOMAINS), "data", where)
        found = [domain_summary(row, where) for row in rows]
        return {s.name: s for s in sorted(found, key=lambda s: s.name)}

    async def notice(self) -> str:
        """What is known against the build that the server runs; empty where nothing is, or it does not tell."""
        build = await self._calls.build()
        return build.warning if build else ""

    async def aclose(self) -> None:
        """Ends the session on the server, if one was begun, and closes all connections."""
        await self._calls.aclose()

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
