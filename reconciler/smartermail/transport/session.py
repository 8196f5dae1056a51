"""HTTP: one request, one answer. No other module sends anything."""

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
from reconciler.smartermail.transport.body import TooLarge, read_body
from reconciler.smartermail.transport.circuit import Circuit
from reconciler.smartermail.transport.errors import (
    UNAVAILABLE,
    HttpAnswer,
    RequestInfo,
    Retryable,
    StaleToken,
    from_transport,
    http_date,
    is_silence,
    retry_after_of,
    unexpected,
)
from reconciler.smartermail.transport.limiter import ConcurrencyLimit, Limiter, Permit
from reconciler.smartermail.transport.retry import LONGEST_WAIT, RetryBudget
from reconciler.smartermail.transport.stats import CURRENT_COUNTS, RequestStats

PER_CLIENT = 8
"""Connections of one httpx client. Its pool becomes slow with more."""

MAX_BODY = 64 * 1024 * 1024
"""Maximum bytes of a decompressed answer."""

KEEP_ALIVE = 4.0
"""Seconds that an idle connection is kept.

Servers commonly keep connections longer. A write on a connection that the server is closing would be ambiguous.
"""

log = logging.getLogger("reconciler.smartermail")


class Session:
    """Connections to one server, with at most `max_concurrency` requests in flight.

    Attributes:
        circuit: the circuit breaker of this server.
        limiter: grants the permits to send a request.
        retry_budget: the retries that this run has left for this server.

    Raises:
        Unreachable: the address, the CA bundle or the proxy is not usable; nothing was sent.
    """

    def __init__(self, settings: ServerSettings, stats: RequestStats, *, timeout: float) -> None:
        self.name = settings.name
        self.stats = stats
        self.circuit = Circuit(settings.name)
        self.limiter = Limiter(ConcurrencyLimit(settings.max_concurrency))
        self.retry_budget = RetryBudget()
        self._timeout = timeout
        self._base = f"{settings.url.rstrip('/')}/api/v1/"
        context = _tls_context(settings)
        count = math.ceil(settings.max_concurrency / PER_CLIENT)
        self._clients = [_client(settings, context, timeout) for _ in range(count)]
        # One entry per permitted request in flight, at most 8 per client. The client used last is used next, so that
        # its connections stay alive.
        self._places = [self._clients[number % count] for number in range(settings.max_concurrency)]

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.aclose()

    async def send(
        self,
        method: str,
        path: str,
        request: RequestInfo,
        *,
        body: object = None,
        token: Secret | None = None,
        domain: str = "",
        is_stale: Callable[[], bool] = lambda: False,
    ) -> HttpAnswer:
        """Send one request and read the complete answer.

        Args:
            path: the part after `/api/v1/`, percent-encoded.
            body: sent as JSON unless None.
            token: the value of `Authorization`.
            domain: the value of `X-SmarterMailDomain`; without that header if empty.
            is_stale: whether the token is due for a refresh. Called after the wait for a permit, which may be long.

        Raises:
            Unreachable, AmbiguousWrite, UnexpectedAnswer, Retryable: see `from_transport`. Unreachable and
                UnexpectedAnswer also if the circuit breaker is open; then nothing was sent.
            StaleToken: nothing was sent.
            RefusedByServer: a header cannot contain the domain; nothing was sent.
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
        permit = await self.limiter.acquire()
        try:
            # Again: the circuit breaker may have opened while this request waited.
            self.circuit.check()
            if is_stale():
                raise StaleToken
            return await self._exchange(method, path, request, content, headers, permit)
        finally:
            self.limiter.release()

    async def _probe(self) -> None:
        """Test whether the server answers again. Any answer except 502, 503 and 504 closes the circuit breaker.

        The request is a read without a token, so that it is harmless if its answer is lost.
        """
        self.circuit.begin_probe()
        is_reachable = False
        spelling = endpoints.DATA.spellings[0]
        request = RequestInfo(self.name, spelling.template)
        try:
            permit = await self.limiter.acquire()
            try:
                answer = await self._exchange(spelling.method, spelling.path, request, None, {}, permit)
                is_reachable = answer.status not in UNAVAILABLE
            finally:
                self.limiter.release()
        except (Retryable, ReconcilerError):
            is_reachable = False
        finally:
            self.circuit.end_probe(is_reachable=is_reachable)

    async def _exchange(
        self,
        method: str,
        path: str,
        request: RequestInfo,
        content: bytes | None,
        headers: dict[str, str],
        permit: Permit,
    ) -> HttpAnswer:
        """Send one request with a permit, and report its outcome to the limiter and the circuit breaker."""
        client = self._places.pop()
        started = time.perf_counter()
        status = "no answer"
        try:
            self._count(request)
            # httpx limits each wait for bytes. This limits the sum: a server could send one byte at a time.
            async with asyncio.timeout(self._timeout * 4):
                outgoing = client.build_request(method, self._base + path, content=content, headers=headers)
                answer = await self._complete_answer(client, outgoing, request)
            status = str(answer.status)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, TimeoutError) as e:
            failure = from_transport(e, request)
            if is_silence(e):
                self.limiter.limit.overloaded(permit)
                # `retrying` reports a read after its last attempt. A write has only this one.
                if request.writes:
                    self.circuit.unanswered(str(failure))
            raise failure from e
        else:
            self._report(answer, request, permit, time.perf_counter() - started)
            return answer
        finally:
            self._places.append(client)
            log.debug(
                "%s %s -> %s in %.0f ms", self.name, request.template, status, 1000 * (time.perf_counter() - started)
            )

    def _report(self, answer: HttpAnswer, request: RequestInfo, permit: Permit, seconds: float) -> None:
        """Tell the circuit breaker and the limiter whether the server is reachable, overloaded or slow."""
        limit = self.limiter.limit
        if answer.status not in UNAVAILABLE:
            self.circuit.answered()
        elif request.writes:
            self.circuit.unanswered(f"{request}: {answer.status}")
        if answer.status == 429 or answer.status in UNAVAILABLE:
            limit.overloaded(permit)
            if answer.retry_after is not None and answer.retry_after <= LONGEST_WAIT:
                limit.pause(answer.retry_after)
        elif 200 <= answer.status < 300:
            limit.succeeded(permit, request.template, seconds)

    async def _complete_answer(
        self, client: httpx.AsyncClient, outgoing: httpx.Request, request: RequestInfo
    ) -> HttpAnswer:
        response = await client.send(outgoing, stream=True)
        try:
            body = await read_body(response, MAX_BODY)
        except TooLarge as e:
            raise unexpected(request, f"the answer is larger than {MAX_BODY >> 20} MiB") from e
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

    def _count(self, request: RequestInfo) -> None:
        self.stats.requests += 1
        self.stats.by_endpoint[request.template] += 1
        self.stats.logins += request.template == endpoints.LOGIN.spellings[0].template
        if request.writes:
            self.stats.writes += 1
        else:
            self.stats.reads += 1
        counts = CURRENT_COUNTS.get()
        if counts is not None:
            counts.requests += 1


def _client(settings: ServerSettings, context: ssl.SSLContext | None, timeout: float) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(
            # One TLS context for all clients of a server: loading the certificates for each is slow.
            verify=context or False,  # no context: the address is http:// on loopback, without TLS
            # Requests to loopback must not go through a proxy of the environment.
            trust_env=context is not None,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            limits=httpx.Limits(
                max_connections=PER_CLIENT, max_keepalive_connections=PER_CLIENT, keepalive_expiry=KEEP_ALIVE
            ),
            follow_redirects=False,  # a redirect could take the token to another host
            # A cookie could apply the context of one domain to the request of another.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={
                "user-agent": f"reconciler/{__version__}",
                "accept": "application/json",
                "accept-encoding": "gzip, deflate",
            },
        )
    except (ValueError, ImportError, httpx.InvalidURL) as e:
        raise Unreachable(
            f"{settings.name}: the HTTP client could not be created: {e}",
            hint="check HTTPS_PROXY and the other proxy variables",
        ) from e


def _tls_context(settings: ServerSettings) -> ssl.SSLContext | None:
    """The TLS context for all clients of a server; None for http:// to this machine."""
    parts = urlsplit(settings.url)
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        return None
    if parts.scheme != "https" or not parts.hostname:
        raise Unreachable(
            f"{settings.name}: {settings.url} is not an https:// address; the password would be sent unencrypted",
            hint="use https://; http:// is allowed only for this machine (localhost)",
            span=settings.origin,
        )
    # certifi's authorities plus those of the system, because companies install their own authority there.
    context = httpx.create_ssl_context()
    context.load_default_certs()
    if settings.ca_bundle:
        try:
            context.load_verify_locations(settings.ca_bundle)
        except OSError as e:
            raise Unreachable(
                f"{settings.name}: cannot read caBundle {settings.ca_bundle}: {e.strerror or e}",
                hint="set caBundle to a file of certificates in PEM format",
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
