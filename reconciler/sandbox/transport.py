"""The wire below ASGI: connections that can be cut, and reason phrases of one's own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_ASCII = "".join(map(chr, range(128)))
_RAW_REQUEST_LINE = re.compile(rb"[A-Z]+ [^ \r\n]+ HTTP/1\.[01]\r\n")


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol, which hands the transport to the application and tolerates `//` before the path."""

    def data_received(self, data: bytes) -> None:
        # Some clients put a name into the path as raw UTF-8, which the parser takes for no HTTP at all.
        line = None if data.isascii() else _RAW_REQUEST_LINE.match(data)
        if line is not None:
            data = quote(line[0], safe=_ASCII).encode() + data[line.end() :]
        super().data_received(data)

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
