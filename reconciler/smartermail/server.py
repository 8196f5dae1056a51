"""One server: the object that the rest of the program uses."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from reconciler.smartermail import endpoints
from reconciler.smartermail.calls import Calls
from reconciler.smartermail.codec import decode as decode
from reconciler.smartermail.codec.decode_domain import DomainSummary, domain_summary
from reconciler.smartermail.lists import domain_names
from reconciler.smartermail.reader import ServerReader
from reconciler.smartermail.transport.stats import RequestStats
from reconciler.smartermail.writer import ServerWriter


class Server:
    """A server's reader, writer and counters. It logs in at the first request and logs out when closed."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def stats(self) -> RequestStats:
        """Live counters of this run."""
        return self._calls.session.stats

    def reader(self) -> ServerReader:
        """A reader without writing methods, so that a plan cannot write by mistake."""
        return ServerReader(self._calls)

    def writer(self) -> ServerWriter:
        """A reader that also writes."""
        return ServerWriter(self._calls)

    async def list_domains(self) -> list[str]:
        """Canonical names of the domains on this server; for a customer, only the domain of the account.

        Raises:
            ReconcilerError: see `reconciler.smartermail.lists`.
        """
        return list(await domain_names(self._calls))

    async def domain_summary(self) -> Mapping[str, DomainSummary]:
        """Counts and limits by domain, from one request (API reference section 4.1); customers have one."""
        if not self._calls.is_admin:
            own = domain_summary(await self._calls.own_domain(), self._calls.where(endpoints.DATA))
            return {own.name: own}
        where = self._calls.where(endpoints.DOMAINS)
        rows = decode.rows(await self._calls.read(endpoints.DOMAINS), "data", where)
        summaries = [domain_summary(row, where) for row in rows]
        return {s.name: s for s in sorted(summaries, key=lambda s: s.name)}

    async def notice(self) -> str:
        """The known vulnerability of the server's build; empty if none is known or the build is not reported."""
        build = await self._calls.build()
        return build.warning if build else ""

    async def aclose(self) -> None:
        """Log out, if a session exists, and close all connections."""
        await self._calls.aclose()

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
