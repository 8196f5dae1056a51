"""Access to the connection under ASGI: to cut it, and to send custom reason phrases."""

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


def _parseable(head: bytes) -> bytes:
    """The head of a request, without two things that the parser does not support.

    It rejects raw UTF-8 in the path. And it drops the body after the header `Upgrade`, which Java's client sends with
    every request (`h2c`). A server without upgrades must ignore this header (RFC 9110 section 7.8).
    """
    line, end, fields = head.partition(b"\r\n")
    if not line.isascii():
        line = quote(line, safe=_ASCII).encode()
    return line + _UPGRADE.sub(b"", end + fields)


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol, extended: the application can use the transport, and paths may begin with `//`."""

    def data_received(self, data: bytes) -> None:
        head = _HEAD.match(data)
        super().data_received(data if head is None else _parseable(head[0]) + data[head.end() :])

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport

    def on_url(self, url: bytes) -> None:
        # The URL parser would read "//api" as a host name.
        if not self.url and url.startswith(b"//"):
            url = b"/" + url.lstrip(b"/")
        super().on_url(url)


def transport_of(scope: MutableMapping[str, Any]) -> asyncio.Transport:
    """The transport of a request's connection."""
    transport = scope["state"]["transport"]
    assert isinstance(transport, asyncio.Transport)
    return transport


async def cut(scope: MutableMapping[str, Any], head: bytes = b"") -> None:
    """Send `head` unchanged and close the connection. Without `head`, reset the connection."""
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
