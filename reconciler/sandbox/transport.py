"""The wire below ASGI: connections that can be cut, and reason phrases of one's own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_ASCII = "".join(map(chr, range(128)))
_HEAD = re.compile(rb"[A-Z]+ [^ \r\n]+ HTTP/1\.[01]\r\n(?:[^\r\n]+\r\n)*\r\n")
_UPGRADE = re.compile(rb"(?i)\r\nupgrade:[^\r\n]*")


def _tolerable(head: bytes) -> bytes:
    """A request's head without two things that clients may send and the parser does not take.

    A name in the path as raw UTF-8 is no HTTP for it. And after `Upgrade`, which Java's client offers with every
    request (`h2c`), it drops the body; a server that does not upgrade passes the header over (RFC 9110 section 7.8).
    """
    line, end, fields = head.partition(b"\r\n")
    if not line.isascii():
        line = quote(line, safe=_ASCII).encode()
    return line + _UPGRADE.sub(b"", end + fields)


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol, which hands the transport to the application and tolerates `//` before the path."""

    def data_received(self, data: bytes) -> None:
        head = _HEAD.match(data)
        super().data_received(data if head is None else _tolerable(head[0]) + data[head.end() :])

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport

    def on_url(self, url: bytes) -> None:
        # "//api/v1/..." would be read as a host name by the URL parser.
        if not self.url and url.startswith(b"//"):
            url = b"/" + url.lstrip(b"/")
        super().on_url(url)


def transport_of(scope: MutableMapping[str, Any]) -> asyncio.Transport:
    """The transport of the connection on which a request came."""
    transport = scope["state"]["transport"]
    assert isinstance(transport, asyncio.Transport)
    return transport


async def cut(scope: MutableMapping[str, Any], head: bytes = b"") -> None:
    """Send `head` as it is, if anything, and close the connection; with nothing to send, by a reset."""
    transport = transport_of(scope)
    if head:
        transport.write(head)
        transport.close()
    else:
        transport.abort()
    while not transport.is_closing():  # pragma: no cover - close and abort mark it at once
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
