"""HTTP: one request, one answer. The only place that sends anything."""

import asyncio
import ipaddress
import json
import logging
import math
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx

from reconciler import __version__
from reconciler.core.errors import ReconcilerError, Unreachable
from reconciler.core.secret import Secret
from reconciler.core.workspace import ServerSettings
from reconciler.smartermail import endpoints
from reconciler.smartermail.endpoints import header_value
from reconciler.smartermail.transport.body import TooLarge, whole_body
from reconciler.smartermail.transport.circuit import Circuit
from reconciler.smartermail.transport.errors import (
    GONE,
    Again,
    Asked,
    HttpAnswer,
    Stale,
    from_transport,
    http_date,
    is_silence,
    retry_after_of,
    unexpected,
)
from reconciler.smartermail.transport.limiter import Gate, Pace, Ticket
from reconciler.smartermail.transport.retry import LONGEST_WAIT, Retries
from reconciler.smartermail.transport.stats import TALLY, RequestStats

PER_CLIENT = 8
"""Connections of one httpx client; its pool becomes slow beyond."""

MAX_BODY = 64 * 1024 * 1024
"""Bytes of an answer, unpacked."""

KEEP_ALIVE = 4.0
"""Seconds; less than servers commonly keep an idle connection, so that a write seldom meets a closing one."""

log = logging.getLogger("reconciler.smartermail")


class Session:
    """Connections to one server, at most `max_concurrency` requests in flight, fewer where it has trouble.

    Attributes:
        circuit: whether the server is asked at all.
        gate: whose turn it is.
        retries: what is left of the run's retries at this server.

    Raises:
        Unreachable: the address, the CA bundle or the proxy cannot be used; nothing was sent.
    """

    def __init__(self, settings: ServerSettings, stats: RequestStats, *, timeout: float) -> None:
        self.name = settings.name
        self.stats = stats
        self.circuit = Circuit(settings.name)
        self.gate = Gate(Pace(settings.max_concurrency))
        self.retries = Retries()
        self._timeout = timeout
        self._base = f"{settings.url.rstrip('/')}/api/v1/"
        context = _trusting(settings)
        count = math.ceil(settings.max_concurrency / PER_CLIENT)
        self._clients = [_client(settings, context, timeout) for _ in range(count)]
        # As many places as requests may be in flight, at most 8 a client; the one used last is used next.
        self._places = [self._clients[number % count] for number in range(settings.max_concurrency)]

    async def aclose(self) -> None:
        """Closes all connections."""
        for client in self._clients:
            await client.aclose()

    async def send(
        self,
        method: str,
        path: str,
        asked: Asked,
        *,
        body: object = None,
        token: Secret | None = None,
        domain: str = "",
        is_stale: Callable[[], bool] = lambda: False,
    ) -> HttpAnswer:
        """Sends one request and reads its answer to the end.

        Args:
            path: what follows `/api/v1/`, percent-encoded.
            body: sent as JSON unless None.
            token: goes into `Authorization`.
            domain: goes into `X-SmarterMailDomain` unless empty.
            is_stale: whether the token has come due; asked when it is the request's turn, which may be late.

        Raises:
            Unreachable, DoubtfulWrite, UnexpectedAnswer, Again: as `from_transport` says; Unreachable and
                UnexpectedAnswer also where the circuit is open, and nothing was sent.
            Stale: nothing was sent.
            RefusedByServer: the domain cannot stand in a header; nothing was sent.
        """
        headers = {"authorization": f"Bearer {token.reveal()}"} if token else {}
        if domain:
            headers["x-smartermaildomain"] = header_value(domain)
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["content-type"] = "application/json"
        if self.circuit.is_due:
            await self._probe()
        self.circuit.check()
        ticket = await self.gate.enter()
        try:
            self.circuit.check()
            if is_stale():
                raise Stale
            return await self._exchange(method, path, asked, content, headers, ticket)
        finally:
            self.gate.leave()

    async def _probe(self) -> None:
        """A read without a token, whose answer is of no consequence: whether there is one decides."""
        self.circuit.begin_probe()
        is_there = False
        spelling = endpoints.DATA.spellings[0]
        asked = Asked(self.name, spelling.template)
        try:
            ticket = await self.gate.enter()
            try:
                answer = await self._exchange(spelling.method, spelling.path, asked, None, {}, ticket)
                is_there = answer.status not in GONE
            finally:
                self.gate.leave()
        except (Again, ReconcilerError):
            is_there = False
        finally:
            self.circuit.end_probe(is_there=is_there)

    async def _exchange(
        self, method: str, path: str, asked: Asked, content: bytes | None, headers: dict[str, str], ticket: Ticket
    ) -> HttpAnswer:
        """One request and its answer, and what they tell of the server."""
        client = self._places.pop()
        started = time.perf_counter()
        status = "no answer"
        try:
            self._count(asked)
            async with asyncio.timeout(self._timeout * 4):
                request = client.build_request(method, self._base + path, content=content, headers=headers)
                answer = await self._whole(client, request, asked)
            status = str(answer.status)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, TimeoutError) as e:
            failure = from_transport(e, asked)
            if is_silence(e):
                self.gate.pace.is_busy(ticket)
                if asked.writes:  # reads are counted after their last try
                    self.circuit.unanswered(str(failure))
            raise failure from e
        else:
            self._learn(answer, asked, ticket, time.perf_counter() - started)
            return answer
        finally:
            self._places.append(client)
            log.debug(
                "%s %s -> %s in %.0f ms", self.name, asked.template, status, 1000 * (time.perf_counter() - started)
            )

    def _learn(self, answer: HttpAnswer, asked: Asked, ticket: Ticket, seconds: float) -> None:
        """What an answer tells of the server: that it is there, that it has too much to do, how long it takes."""
        pace = self.gate.pace
        if answer.status not in GONE:
            self.circuit.answered()
        elif asked.writes:
            self.circuit.unanswered(f"{asked}: {answer.status}")
        if answer.status == 429 or answer.status in GONE:
            pace.is_busy(ticket)
            if answer.retry_after is not None and answer.retry_after <= LONGEST_WAIT:
                pace.hold(answer.retry_after)
        elif 200 <= answer.status < 300:
            pace.went_well(ticket, asked.template, seconds)

    async def _whole(self, client: httpx.AsyncClient, request: httpx.Request, asked: Asked) -> HttpAnswer:
        response = await client.send(request, stream=True)
        try:
            body = await whole_body(response, MAX_BODY)
        except TooLarge as e:
            raise unexpected(asked, f"the answer is larger than {MAX_BODY >> 20} MiB") from e
        finally:
            await response.aclose()
        date = http_date(response.headers.get("date", ""))
        return HttpAnswer(
            status=response.status_code,
            reason=response.reason_phrase,
            body=body,
            date=date,
            retry_after=retry_after_of(response.headers, date or datetime.now(UTC)),
            location=response.headers.get("location", ""),
        )

    def _count(self, asked: Asked) -> None:
        self.stats.requests += 1
        self.stats.by_endpoint[asked.template] += 1
        self.stats.logins += asked.template == endpoints.LOGIN.spellings[0].template
        if asked.writes:
            self.stats.writes += 1
        else:
            self.stats.reads += 1
        tally = TALLY.get()
        if tally is not None:
            tally.requests += 1


def _client(settings: ServerSettings, context: ssl.SSLContext | None, timeout: float) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(
            verify=context or False,  # without a context the address is http:// on loopback, where there is no TLS
            trust_env=context is not None,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            limits=httpx.Limits(
                max_connections=PER_CLIENT, max_keepalive_connections=PER_CLIENT, keepalive_expiry=KEEP_ALIVE
            ),
            follow_redirects=False,
            # A cookie could carry one domain's context into another's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={
                "user-agent": f"reconciler/{__version__}",
                "accept": "application/json",
                "accept-encoding": "gzip, deflate",
            },
        )
    except (ValueError, ImportError, httpx.InvalidURL) as e:
        raise Unreachable(
            f"{settings.name}: no HTTP client can be made: {e}", hint="see HTTPS_PROXY and the other proxy variables"
        ) from e


def _trusting(settings: ServerSettings) -> ssl.SSLContext | None:
    """The one TLS context of a server; None where the address is http:// to this machine."""
    parts = urlsplit(settings.url)
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        return None
    if parts.scheme != "https" or not parts.hostname:
        raise Unreachable(
            f"{settings.name}: {settings.url} is not an https:// address; the password would travel in the clear",
            hint="http:// is possible only to this machine itself",
            span=settings.origin,
        )
    context = httpx.create_ssl_context()
    context.load_default_certs()
    if settings.ca_bundle:
        try:
            context.load_verify_locations(settings.ca_bundle)
        except OSError as e:
            raise Unreachable(
                f"{settings.name}: caBundle {settings.ca_bundle} cannot be used: {e.strerror or e}",
                hint="it is a file of certificates in PEM form",
                span=settings.origin,
            ) from e
    return context


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
