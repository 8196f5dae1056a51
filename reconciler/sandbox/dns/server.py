"""The sandbox's DNS server: like a recursive resolver that knows its own zones and nothing else.

On 127.0.0.1 only, UDP and TCP on one port.
"""

import asyncio
import errno
import socket
from collections.abc import Mapping, Sequence
from typing import cast

from reconciler.sandbox.dns.responder import Reply, Responder
from reconciler.sandbox.dns.zones import Zones

HOST = "127.0.0.1"
IDLE_SECONDS = 10.0  # a TCP connection without a query is closed after this (RFC 7766 section 6.2.3)
MAX_CONNECTIONS = 256
_TRIES = 50


class DnsServer:
    """Serves zones until stopped; the zones may change meanwhile, from any thread.

    Start and stop belong to one event loop; the other methods may be called from anywhere.
    """

    def __init__(self, zones: Zones, *, port: int = 0) -> None:
        self._port = port
        self._responder = Responder(zones)
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def start(self) -> int:
        """Listen; gives the port, which for port 0 is any that is free for both.

        Raises:
            OSError: the port is taken or may not be used.
            RuntimeError: it runs already.
        """
        if self._udp is not None:
            raise RuntimeError("this DNS server runs already; stop it first")
        tcp_socket, udp_socket = _bind(self._port)
        self._stopping = False
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self._responder), sock=udp_socket)
        self._tcp = await asyncio.start_server(self._connected, sock=tcp_socket)
        port: int = tcp_socket.getsockname()[1]
        return port

    async def stop(self) -> None:
        """Close everything at once, delayed answers included; does nothing if it does not run."""
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
        await asyncio.sleep(0)  # transports close their sockets in the loop's next round

    def set_faults(self, faults: Sequence[Mapping[str, object]]) -> None:
        """Put these faults in force and no others: `kind` of dns_faults.KINDS, and if wanted `match` (part of the
        name), `type`, `times` (how often) and `seconds` (of a delay). The first that fits and is not used up strikes.

        Raises:
            ValueError: an unknown kind or a bad value; nothing has changed then.
        """
        self._responder.set_faults(faults)

    def queries(self) -> list[tuple[str, str]]:
        """Name (lower case, no final dot) and type of the last 10,000 questions, newest last."""
        return self._responder.queries()

    def reset_queries(self) -> None:
        """Forget the questions seen."""
        self._responder.reset_queries()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._stopping or len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            pass  # idle or gone: the end of a conversation like any other
        except asyncio.CancelledError:
            # The server stops. A connection's task that ends cancelled is logged by asyncio.streams as a fault of the
            # server (Python 3.11), so it ends in order; what the client has not read yet is dropped.
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE_SECONDS):
                length = int.from_bytes(await reader.readexactly(2), "big")
                wire = await reader.readexactly(length)
            reply = self._responder.reply(wire, tcp=True)
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
        # Always one for datagrams, but asyncio's own class does not derive from DatagramTransport (Python 3.11).
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._responder.reply(data, tcp=False)
        if reply.delay:
            asyncio.get_running_loop().call_later(reply.delay, self._send, reply, addr)
        else:
            self._send(reply, addr)

    def _send(self, reply: Reply, addr: tuple[str, int]) -> None:
        if reply.data is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(reply.data, addr)


def _bind(port: int) -> tuple[socket.socket, socket.socket]:
    """A TCP and a UDP socket on the same port."""
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
                raise OSError(error.errno, f"DNS on {HOST}, {wanted}: {why}; choose another port, 0 for any") from error
        else:
            tcp_socket.setblocking(False)
            udp_socket.setblocking(False)
            return tcp_socket, udp_socket
    raise AssertionError("the last attempt returns or raises")
