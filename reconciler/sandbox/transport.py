"""The wire below ASGI: connections that can be cut, and reason phrases of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol, which hands the transport to the application and tolerates `//` before the path."""

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
