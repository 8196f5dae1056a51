"""Gets pages over HTTPS, with the certificate verified: policies of MTA-STS, and whether a certificate fits at all.

Addresses come from the run's resolver, so that all of a run asks the same DNS.
"""

import asyncio
import http.client
import io
import ssl
from urllib.parse import urlsplit

from reconciler.core.lookups import Answer, Page, Resolver

MAX_BODY = 65_536
"""Bytes of a page (RFC 8461 section 3.3 suggests 64 kilobytes)."""
MAX_HEAD = 32_768
IN_FLIGHT = 8
"""Pages fetched at a time."""
PORT = 443
_BROKEN = "the connection broke off within the page"


class HttpsFetcher:
    """See `reconciler.core.lookups.Fetcher`. Redirects are not followed (RFC 8461 section 3.3). For one event loop."""

    def __init__(
        self, resolver: Resolver, timeout: float, *, port: int = PORT, context: ssl.SSLContext | None = None
    ) -> None:
        """A fetcher for one run.

        Args:
            timeout: seconds for one page, the connection included.
            context: with which certificates are verified; None = the system's authorities.
        """
        self._resolver = resolver
        self._timeout = timeout
        self._port = port
        self._context = context or ssl.create_default_context()
        assert self._context.verify_mode == ssl.CERT_REQUIRED and self._context.check_hostname, "TLS is verified"
        self._limit = asyncio.Semaphore(IN_FLIGHT)

    async def fetch(self, url: str) -> Page:
        """The page; never raises for what the server does."""
        parts = urlsplit(url)
        assert parts.scheme == "https" and parts.hostname, "only https is fetched"
        found = await self._addresses(parts.hostname)
        if not found.addresses():
            return Page(url=url, outcome="temporary" if found.unknown else "unusable", text=found.text)
        address = found.addresses()[0]
        async with self._limit:
            try:
                async with asyncio.timeout(self._timeout):
                    raw = await self._exchange(address, parts.hostname, parts.path or "/")
            except TimeoutError:
                return Page(url=url, outcome="temporary", text=f"no answer within {self._timeout:g} s")
            except ssl.SSLCertVerificationError as e:
                text = f"the certificate is not valid for {parts.hostname}: {e.verify_message}"
                return Page(url=url, outcome="certificate", text=text)
            except ssl.SSLError as e:
                return Page(url=url, outcome="temporary", text=f"no TLS connection: {e.reason or type(e).__name__}")
            except OSError as e:
                return Page(url=url, outcome="temporary", text=f"{address} cannot be reached: {e.strerror or e}")
        return _page(url, raw)

    async def _addresses(self, host: str) -> Answer:
        first = await self._resolver.lookup(host, "A")
        return await self._resolver.lookup(host, "AAAA") if first.outcome == "nodata" else first

    async def _exchange(self, address: str, host: str, path: str) -> bytes:
        """The whole answer, cut where it is too long. The connection is dropped, not closed in order: nothing waits."""
        reader, writer = await asyncio.open_connection(address, self._port, ssl=self._context, server_hostname=host)
        try:
            request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/plain, */*\r\nConnection: close\r\n\r\n"
            writer.write(request.encode("ascii"))
            await writer.drain()
            raw = b""
            while len(raw) <= MAX_HEAD + MAX_BODY and not _is_complete(raw):
                chunk = await reader.read(MAX_BODY)
                if not chunk:
                    break
                raw += chunk
            return raw
        finally:
            writer.transport.abort()


def _is_complete(raw: bytes) -> bool:
    """Whether a Content-Length says that no more comes: some servers leave the connection open all the same."""
    head, end, body = raw.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit() and len(value) < 16:
            return len(body) >= int(value)
    return False


class _Wire:
    """What `http.client` wants of a socket, over bytes that are there already."""

    def __init__(self, raw: bytes) -> None:
        self._file = io.BytesIO(raw)

    def makefile(self, _mode: str) -> io.BytesIO:
        return self._file


def _page(url: str, raw: bytes) -> Page:
    response = http.client.HTTPResponse(_Wire(raw), method="GET")  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read(MAX_BODY + 1)
        content_type = response.headers.get_content_type() if response.headers.get("Content-Type") else ""
    except http.client.IncompleteRead:
        return Page(url=url, outcome="temporary", text=_BROKEN)
    except (http.client.HTTPException, ValueError, OSError) as e:
        return Page(url=url, outcome="unusable", text=f"the answer is not HTTP that can be read: {type(e).__name__}")
    status = response.status
    if status >= 500 or status == 429:
        return Page(url=url, outcome="temporary", status=status, text=f"the server answered {status}")
    if status != 200:
        more = ", a redirect, which is not followed" if 300 <= status < 400 else ""
        return Page(url=url, outcome="status", status=status, text=f"the server answered {status}{more}")
    if len(body) > MAX_BODY:
        return Page(url=url, outcome="unusable", status=status, text=f"the page is longer than {MAX_BODY} bytes")
    if response.length:
        return Page(url=url, outcome="temporary", text=_BROKEN)
    text = body.decode("utf-8", errors="replace")
    return Page(url=url, outcome="text", status=status, content_type=content_type, body=text)
