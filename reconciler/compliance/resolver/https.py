"""Fetches pages over HTTPS with verified certificates: MTA-STS policies, and the certificate of the autodiscover host.

Addresses come from the resolver of the run, so that all lookups of a run use the same DNS.
"""

import asyncio
import http.client
import io
import ssl
from urllib.parse import urlsplit

from reconciler.core.lookups import Answer, Page, Resolver

MAX_BODY = 65_536
"""Limit of bytes of a page (RFC 8461 section 3.3 suggests 64 kilobytes)."""
MAX_HEAD = 32_768
IN_FLIGHT = 8
"""Concurrency limit of requests."""
PORT = 443
_BROKEN = "the connection ended before the page was complete"


class HttpsFetcher:
    """See `reconciler.core.lookups.Fetcher`. It follows no redirects (RFC 8461 section 3.3).

    Use it in one event loop only.
    """

    def __init__(
        self, resolver: Resolver, timeout: float, *, port: int = PORT, context: ssl.SSLContext | None = None
    ) -> None:
        """A fetcher for one run.

        Args:
            timeout: seconds for one page, including the connection.
            context: verifies certificates; None = with the system's certificate authorities.
        """
        self._resolver = resolver
        self._timeout = timeout
        self._port = port
        self._context = context or ssl.create_default_context()
        assert self._context.verify_mode == ssl.CERT_REQUIRED and self._context.check_hostname, "TLS must be verified"
        self._limit = asyncio.Semaphore(IN_FLIGHT)

    async def fetch(self, url: str) -> Page:
        """Fetches a page. Failures of the server are in the page, never exceptions."""
        parts = urlsplit(url)
        assert parts.scheme == "https" and parts.hostname, "only https is allowed"
        found = await self._addresses(parts.hostname)
        if not found.addresses():
            return Page(url=url, outcome="temporary" if found.unknown else "unusable", text=found.text)
        # One address is enough for a check. Trying all of them would multiply the timeout.
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
                return Page(url=url, outcome="temporary", text=f"cannot reach {address}: {e.strerror or e}")
        return _page(url, raw)

    async def _addresses(self, host: str) -> Answer:
        first = await self._resolver.lookup(host, "A")
        return await self._resolver.lookup(host, "AAAA") if first.outcome == "nodata" else first

    async def _exchange(self, address: str, host: str, path: str) -> bytes:
        """The raw response, truncated at the limit."""
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
            # A clean close would wait for the server.
            writer.transport.abort()


def _is_complete(raw: bytes) -> bool:
    """Whether the response is complete by its Content-Length: some servers ignore `Connection: close`."""
    head, end, body = raw.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit() and len(value) < 16:
            return len(body) >= int(value)
    return False


class _Wire:
    """Looks like a socket to `http.client`, but reads from bytes."""

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
        return Page(url=url, outcome="unusable", text=f"the response is not valid HTTP: {type(e).__name__}")
    status = response.status
    # An overloaded server says nothing about the page.
    if status >= 500 or status == 429:
        return Page(url=url, outcome="temporary", status=status, text=f"the server answered {status}")
    if status != 200:
        more = ", a redirect, which senders do not follow" if 300 <= status < 400 else ""
        return Page(url=url, outcome="status", status=status, text=f"the server answered {status}{more}")
    if len(body) > MAX_BODY:
        return Page(url=url, outcome="unusable", status=status, text=f"the page is longer than {MAX_BODY} bytes")
    # `http.client` does not report a body that is shorter than its Content-Length.
    if response.length:
        return Page(url=url, outcome="temporary", text=_BROKEN)
    text = body.decode("utf-8", errors="replace")
    return Page(url=url, outcome="text", status=status, content_type=content_type, body=text)
