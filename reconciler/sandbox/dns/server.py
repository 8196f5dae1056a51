"""The DNS server of the sandbox. It answers like a recursive resolver that knows only its own zones.

It listens on 127.0.0.1 only, with UDP and TCP on one port.
"""

import asyncio
import errno
import socket
from collections.abc import Mapping, Sequence
from typing import cast

from reconciler.sandbox.dns.responder import DnsReply, Responder
from reconciler.sandbox.dns.zones import Zones

HOST = "127.0.0.1"
IDLE_SECONDS = 10.0  # a TCP connection without a query is closed after this (RFC 7766 section 6.2.3)
MAX_CONNECTIONS = 256
_TRIES = 50


class DnsServer:
    """Serves zones until it is stopped. Any thread may change the zones at any time.

    `start` and `stop` must run in the same event loop; the other methods may be called from any thread.
    """

    def __init__(self, zones: Zones, *, port: int = 0) -> None:
        self._port = port
        self._responder = Responder(zones)
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def start(self) -> int:
        """Start to listen. Returns the port; port 0 chooses one that is free for UDP and TCP.

        Raises:
            OSError: the port is in use or not permitted.
            RuntimeError: the server already runs.
        """
        if self._udp is not None:
            raise RuntimeError("this DNS server already runs; stop it first")
        tcp_socket, udp_socket = _bind(self._port)
        self._stopping = False
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self._responder), sock=udp_socket)
        self._tcp = await asyncio.start_server(self._connected, sock=tcp_socket)
        port: int = tcp_socket.getsockname()[1]
        return port

    async def stop(self) -> None:
        """Close all connections and drop delayed answers. Without effect if the server does not run."""
        if self._udp is None or self._tcp is None:
            return
        self._stopping = True
        self._udp.close()
        self._tcp.close()
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await self._tcp.wait_closed()
        self._udp = self._tcp = None
        await asyncio.sleep(0)  # transports close their sockets in the next iteration of the loop

    def set_faults(self, faults: Sequence[Mapping[str, object]]) -> None:
        """Activate these faults and no others. The first one that matches a question and has uses left is applied.

        Keys: `kind` of `faults.KINDS`; optionally `match` (part of the name), `type`, `times` (number of uses) and
        `seconds` (of a delay).

        Raises:
            ValueError: unknown kind or invalid value; nothing changes.
        """
        self._responder.set_faults(faults)

    def queries(self) -> list[tuple[str, str]]:
        """Name (lower case, no final dot) and type of the last 10,000 questions, newest last."""
        return self._responder.queries()

    def reset_queries(self) -> None:
        """Clear the log of questions."""
        self._responder.reset_queries()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._stopping or len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections.add(task)
        try:
            await self._answer_queries(reader, writer)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            pass  # an idle or closed connection ends normally
        except asyncio.CancelledError:
            # The server stops. asyncio.streams logs a cancelled task as an error (Python 3.11), so the task ends
            # normally. Data that the client has not read is dropped.
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer_queries(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE_SECONDS):
                length = int.from_bytes(await reader.readexactly(2), "big")
                wire = await reader.readexactly(length)
            reply = self._responder.reply(wire, tcp=True)
            # TCP answers keep the order of the queries, so that a delay also delays the following ones.
            if reply.delay:
                await asyncio.sleep(reply.delay)
            if reply.data is not None:
                writer.write(len(reply.data).to_bytes(2, "big") + reply.data)
                async with asyncio.timeout(IDLE_SECONDS):
                    await writer.drain()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Always a datagram transport, but asyncio's class does not derive from DatagramTransport (Python 3.11).
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._responder.reply(data, tcp=False)
        if reply.delay:
            asyncio.get_running_loop().call_later(reply.delay, self._send, reply, addr)
        else:
            self._send(reply, addr)

    def _send(self, reply: DnsReply, addr: tuple[str, int]) -> None:
        if reply.data is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(reply.data, addr)


def _bind(port: int) -> tuple[socket.socket, socket.socket]:
    """A TCP and a UDP socket on the same port."""
    # A free TCP port may be in use for UDP, so that several attempts can be necessary for port 0.
    for attempt in range(_TRIES):
        tcp_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        udp_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            tcp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp_socket.bind((HOST, port))
            udp_socket.bind((HOST, tcp_socket.getsockname()[1]))
        except OSError as error:
            tcp_socket.close()
            udp_socket.close()
            if port or error.errno != errno.EADDRINUSE or attempt == _TRIES - 1:
                wanted = f"port {port}" if port else "any port that is free for both UDP and TCP"
                why = error.strerror or str(error)
                raise OSError(
                    error.errno, f"DNS on {HOST}, {wanted}: {why}; choose another port, or 0 for a free one"
                ) from error
        else:
            tcp_socket.setblocking(False)
            udp_socket.setblocking(False)
            return tcp_socket, udp_socket
    raise AssertionError("the last attempt returns or raises")
