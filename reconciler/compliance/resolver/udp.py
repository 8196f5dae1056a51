"""UDP to one name server: several sockets with random source ports, and a random id for each question.

A reply counts only if it comes from the server's address (the sockets are connected) and repeats the id and the
question of a pending query (RFC 5452 section 9). Anybody can send a datagram, so everything else is ignored.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import randbelow
from typing import Generic, TypeVar

from reconciler.compliance.resolver.wire import HEADER, repeats

SOCKETS = 8
"""Open sockets. Each question uses a random one."""
_RETIRED_AFTER = 256
"""Questions per port. A new port leaves an attacker no time to discover it."""
_AT_A_TIME = 32
"""Datagrams read in one call, so that other tasks also get their turn."""
_SIZE = 65_535
_REPLY = 0xF8
"""The bits QR and opcode."""
_SHORT_ERRORS = frozenset((1, 2, 4, 5))
"""FORMERR, SERVFAIL, NOTIMP and REFUSED: such replies may lack the question."""

Reply = TypeVar("Reply")


@dataclass(slots=True)
class _Waiting(Generic[Reply]):
    asked: bytes
    read: Callable[[bytes], Reply | None]
    future: "asyncio.Future[Reply | None]"


@dataclass(slots=True, eq=False)
class _Port(Generic[Reply]):
    """One connected socket and its pending questions."""

    socket: socket.socket
    loop: asyncio.AbstractEventLoop
    buffer: memoryview
    waiting: dict[int, _Waiting[Reply]] = field(default_factory=dict)
    sent: int = 0

    def send(self, tail: bytes, waiting: _Waiting[Reply]) -> int:
        """Sends a question and returns its id."""
        number = randbelow(0x10000)
        # Two pending questions on one port with the same id would be indistinguishable.
        while number in self.waiting:
            number = randbelow(0x10000)
        # A full send buffer is like a lost datagram: the next attempt sends the question again.
        with suppress(BlockingIOError):
            self.socket.send(number.to_bytes(2, "big") + tail)
        self.waiting[number] = waiting
        self.sent += 1
        return number

    def readable(self) -> None:
        """Called by the event loop."""
        for _ in range(_AT_A_TIME):
            try:
                size = self.socket.recv_into(self.buffer)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as e:
                # An ICMP error does not name the question. It applies to all, because they went to one server.
                for waiting in self.waiting.values():
                    if not waiting.future.done():
                        waiting.future.set_exception(e)
                return
            self._arrived(bytes(self.buffer[:size]))

    def _arrived(self, wire: bytes) -> None:
        waiting = self.waiting.get(wire[0] << 8 | wire[1]) if len(wire) >= HEADER else None
        if waiting is None or waiting.future.done() or wire[2] & _REPLY != 0x80:
            return
        without = wire[4:6] == b"\0\0" and wire[3] & 15 in _SHORT_ERRORS
        # A forger who guesses id and port must also know the question.
        if not without and not repeats(wire, waiting.asked):
            return
        reply = waiting.read(wire)
        if reply is not None:
            waiting.future.set_result(reply)

    def close(self) -> None:
        """Closes the socket."""
        self.loop.remove_reader(self.socket)
        self.socket.close()


class Sockets(Generic[Reply]):
    """The sockets to one server. They are open only while questions are pending."""

    def __init__(self, host: str, port: int, size: int = SOCKETS) -> None:
        """Args: the server's IP address and port; the maximum number of sockets."""
        self._address = (host, port)
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._ports: list[_Port[Reply] | None] = [None] * size
        self._buffer = memoryview(bytearray(_SIZE))
        self._under_way = 0

    async def ask(
        self, tail: bytes, asked: bytes, read: Callable[[bytes], Reply | None], seconds: float
    ) -> Reply | None:
        """Sends a query. Returns the value of `read` for the reply, or None if none arrived in time.

        Args:
            tail: the query without its id.
            asked: its question section.
            read: parses a datagram; None = not a reply to this query.

        Raises:
            OSError: the server is not reachable.
            NotImplementedError: the event loop cannot watch sockets.
        """
        place = randbelow(len(self._ports))
        port = self._ports[place]
        if port is None or port.sent >= _RETIRED_AFTER:
            self._ports[place] = None
            # A retired socket with pending questions stays open until the last reply; `_tidy` closes it.
            if port is not None and not port.waiting:
                port.close()
            port = self._ports[place] = self._open()
        waiting = _Waiting(asked, read, port.loop.create_future())
        self._under_way += 1
        number, timer = -1, None
        try:
            number = port.send(tail, waiting)
            timer = port.loop.call_later(seconds, _expire, waiting.future)
            return await waiting.future
        finally:
            if timer is not None:
                timer.cancel()
            port.waiting.pop(number, None)
            self._under_way -= 1
            self._tidy(port)

    def _open(self) -> _Port[Reply]:
        loop = asyncio.get_running_loop()
        opened = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.connect(self._address)
            port: _Port[Reply] = _Port(opened, loop, self._buffer)
            loop.add_reader(opened, port.readable)
        except BaseException:
            opened.close()
            raise
        return port

    def _tidy(self, port: _Port[Reply]) -> None:
        if not port.waiting and port not in self._ports:
            port.close()
        # Open sockets without questions would keep file descriptors for the entire run.
        if not self._under_way:
            for place, idle in enumerate(self._ports):
                if idle is not None:
                    idle.close()
                    self._ports[place] = None


def _expire(future: "asyncio.Future[Reply | None]") -> None:
    if not future.done():
        future.set_result(None)
