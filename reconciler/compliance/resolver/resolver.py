"""The resolver: queries recursive DNS servers and, directly, authoritative ones.

One resolver serves one run. It keeps all answers and failures until the run ends, so it sends no question twice and all
checks judge the same facts. The number of questions in flight per server is limited. A server that does not respond
gets retries with longer timeouts, and other servers go first.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.resolver

from reconciler.compliance.resolver.cache import AnswerCache
from reconciler.compliance.resolver.messages import (
    NotAName,
    Query,
    Trouble,
    Truncated,
    by_tcp,
    by_udp,
    make_query,
    read_reply,
)
from reconciler.compliance.resolver.udp import SOCKETS, Sockets
from reconciler.core.errors import Unreachable
from reconciler.core.lookups import Answer, RecordType, Resolver

IN_FLIGHT = 64
"""Concurrency limit of questions per recursive server."""
AUTHORITY_IN_FLIGHT = 4
"""Concurrency limit of questions per authoritative server. It is low, because other people operate these servers."""
AUTHORITY_PORT = 53
_TIME_SHARES = (1, 2, 4)
"""Shares of a question's timeout per round: a lost datagram costs little, a slow server gets more time later."""
_MAX_MISSES = 3
"""Consecutive attempts without a response, after which other servers go first."""


def open_resolver(servers: Sequence[tuple[str, int]], timeout: float) -> Resolver:
    """A resolver for one run.

    Args:
        servers: addresses and ports of recursive servers, in this order; empty = the system's servers.
        timeout: seconds for all attempts of one question, without the time in the queue.

    Raises:
        Unreachable: the system has no resolver, or a server is not an IP address.
    """
    return DnsResolver(tuple(servers) or _system_servers(), timeout)


@contextmanager
def cached_resolver(
    servers: Sequence[tuple[str, int]], timeout: float, cache: Path | None, warn: Callable[[str], None]
) -> Iterator[Resolver]:
    """A resolver as from `open_resolver`, with answers from earlier runs.

    Args:
        cache: the file with the answers (see `reconciler.compliance.resolver.cache`); None = no file.
        warn: called with the reason if the file is not readable or not writable. That never fails a run.
    """
    servers = tuple(servers) or _system_servers()
    kept = AnswerCache(cache, servers) if cache is not None else None
    if kept is not None and kept.problem:
        warn(kept.problem)
    yield DnsResolver(servers, timeout, cache=kept)
    if kept is not None and (problem := kept.save()):
        warn(problem)


class DnsResolver:
    """See `open_resolver`. Use it in one event loop only.

    Attributes:
        sent: number of questions sent, without retries and repeats by TCP.
        attempts: number of exchanges with servers, without repeats by TCP.
    """

    def __init__(
        self,
        servers: Sequence[tuple[str, int]],
        timeout: float,
        *,
        in_flight: int = IN_FLIGHT,
        authority_port: int = AUTHORITY_PORT,
        cache: AnswerCache | None = None,
    ) -> None:
        """Args are as for `open_resolver`.

        Args:
            in_flight: concurrency limit per recursive server.
            authority_port: the port of authoritative servers.
            cache: earlier answers of recursive servers. Answers of authoritative servers are never cached.

        Raises:
            Unreachable: a server is not an IP address.
        """
        for host, _ in servers:
            _check_address(host)
        self._servers = tuple(_Server(host, port, in_flight, SOCKETS) for host, port in servers)
        self._timeout = timeout
        self._authority_port = authority_port
        self._cache = cache
        self._authorities: dict[str, _Server] = {}
        self._asked: dict[tuple[str, RecordType, str], asyncio.Task[Answer]] = {}
        self.sent = 0
        self.attempts = 0

    @property
    def servers(self) -> tuple[str, ...]:
        """The recursive servers, as `address:port`, in order."""
        return tuple(server.shown for server in self._servers)

    def lookup(self, name: str, rtype: RecordType) -> "asyncio.Future[Answer]":
        """The answer to a question. Sends it at most once per resolver. DNS failures are answers, not exceptions."""
        return self._once(name, rtype, "")

    def lookup_at(self, server: str, name: str, rtype: RecordType) -> "asyncio.Future[Answer]":
        """The answer of an authoritative server, also sent at most once; `temporary` if the server is lame."""
        return self._once(name, rtype, server)

    def _once(self, name: str, rtype: RecordType, authority: str) -> "asyncio.Future[Answer]":
        key = (name.lower().removesuffix("."), rtype, authority)
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._ask(*key))
        # Several checks may wait for one answer. If the first of them is canceled, the others must still get it.
        return asyncio.shield(task)

    async def _ask(self, name: str, rtype: RecordType, authority: str) -> Answer:
        try:
            query = make_query(name, rtype, recursive=not authority)
        except NotAName as e:
            return Answer(name=name, rtype=rtype, outcome="nxdomain", text=f"not a valid DNS name: {e}")
        # Direct answers exist to find stale caches, so they never come from the cache file.
        if authority:
            self.sent += 1
            return await self._ask_servers(query, (self._authority(authority),))
        if self._cache is not None and (kept := self._cache.get(name, rtype)) is not None:
            return kept
        self.sent += 1
        answer = await self._ask_servers(query, self._servers)
        if self._cache is not None:
            self._cache.put(answer)
        return answer

    def _authority(self, host: str) -> "_Server":
        server = self._authorities.get(host)
        if server is None:
            server = self._authorities[host] = _Server(host, self._authority_port, AUTHORITY_IN_FLIGHT, 1)
        return server

    async def _ask_servers(self, query: Query, servers: Sequence["_Server"]) -> Answer:
        """Asks the servers in turn, with retries. Returns the first answer, or else the last failure."""
        if len(servers) > 1:
            # The sort is stable: among responsive servers, the configured order stays.
            servers = sorted(servers, key=lambda server: server.misses >= _MAX_MISSES)
        plan = [(share, server) for share in _TIME_SHARES for server in servers]
        left = self._timeout
        trouble: Trouble | None = None
        while plan:
            share, server = plan[0]
            self.attempts += 1
            reply, taken = await server.exchange(query, left * share / sum(share for share, _ in plan))
            if isinstance(reply, Answer):
                return reply
            trouble = reply
            # Unused time of a quick failure goes to the remaining attempts.
            left = max(0.0, left - taken)
            # A server with a definite failure would repeat it, so only silent servers get retries.
            plan = [row for row in plan[1:] if trouble.again or row[1] is not server]
        assert trouble is not None, "a resolver has at least one server"
        text = f"{trouble.text} within {self._timeout:g} s" if trouble.again else trouble.text
        return Answer(name=query.name, rtype=query.rtype, outcome=trouble.outcome, text=text)


class _Server:
    """One name server and its state.

    Attributes:
        address: IP address and port.
        misses: attempts without a response since the last response.
    """

    def __init__(self, host: str, port: int, in_flight: int, sockets: int) -> None:
        self.address = (host, port)
        self.shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._turn = asyncio.Semaphore(in_flight)
        self._sockets: Sockets[Answer | Trouble | Truncated] = Sockets(host, port, sockets)
        self._edns = True
        self.misses = 0

    async def exchange(self, query: Query, seconds: float) -> tuple[Answer | Trouble, float]:
        """One attempt: the result, and its duration in seconds without the time in the queue."""
        # The time in the queue does not count, or a busy run would turn slow queues into failures.
        async with self._turn:
            now = asyncio.get_running_loop().time
            begin = now()
            try:
                reply = await self._attempt(query, seconds)
            except TimeoutError:
                reply = None
            except OSError as e:
                reply = Trouble("temporary", f"cannot reach {self.shown}: {e.strerror or e}")
            if reply is None:
                self.misses += 1
                return Trouble("temporary", f"{self.shown} did not answer", again=True), now() - begin
            # Any response, even a failure, shows that the server is alive.
            self.misses = 0
            return reply, now() - begin

    async def _attempt(self, query: Query, seconds: float) -> Answer | Trouble | None:
        """Asks by UDP; by TCP if the reply is truncated; without EDNS if the server does not support it."""
        deadline = asyncio.get_running_loop().time() + seconds
        reply = await self._by_udp(query if self._edns else query.without_edns(), seconds)
        # Only a success without EDNS proves that EDNS was the cause.
        if isinstance(reply, Trouble) and reply.no_edns and self._edns:
            plainer = await self._by_udp(query.without_edns(), deadline - asyncio.get_running_loop().time())
            if isinstance(plainer, Answer | Truncated):
                self._edns, reply = False, plainer
        if isinstance(reply, Truncated):
            async with asyncio.timeout_at(deadline):
                return await by_tcp(query, *self.address, self.shown)
        return reply

    async def _by_udp(self, query: Query, seconds: float) -> Answer | Trouble | Truncated | None:
        try:
            return await self._sockets.ask(
                query.tail, query.asked, lambda wire: read_reply(query, self.shown, wire), seconds
            )
        except NotImplementedError:
            return await by_udp(query, *self.address, seconds, self.shown)


def _system_servers() -> tuple[tuple[str, int], ...]:
    try:
        system = dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError) as e:
        raise Unreachable(
            "no DNS resolver is configured on this system",
            hint="Add one to reconciler.yaml, such as `dns: {resolvers: ['192.0.2.53:53']}`.",
        ) from e
    servers = tuple((str(server), system.port) for server in system.nameservers)
    if not servers:
        raise Unreachable(
            "no DNS resolver is configured on this system",
            hint="Add one to reconciler.yaml, such as `dns: {resolvers: ['192.0.2.53:53']}`.",
        )
    return servers


def _check_address(host: str) -> None:
    try:
        ipaddress.ip_address(host)
    except ValueError as e:
        raise Unreachable(
            f"the DNS resolver {host!r} is not an IP address",
            hint="Use an IPv4 or IPv6 address with a port, such as `192.0.2.53:53`.",
        ) from e
