"""A small DNS server over UDP and TCP. A function decides what it sends, so it can show any fault."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, cast

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Transport = Literal["udp", "tcp"]
Behaviour = Callable[[bytes, Transport], Awaitable[list[bytes]]]
"""From the bytes of a query to the datagrams or TCP messages that the server sends, in this order. None = silence."""


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.get_running_loop().create_task(self._reply(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, data: bytes, addr: tuple[str, int]) -> None:
        for reply in await self._behave(data, "udp"):
            self._transport.sendto(reply, addr)


async def _serve(behave: Behaviour, ports: list[int], ready: threading.Event, stop: asyncio.Event) -> None:
    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readexactly(2):
                query = await reader.readexactly(int.from_bytes(head))
                replies = await behave(query, "tcp")
                if not replies:
                    break
                for reply in replies:
                    writer.write(len(reply).to_bytes(2) + reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    loop = asyncio.get_running_loop()
    tcp = await asyncio.start_server(stream, "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(behave), ("127.0.0.1", port))
    ports.append(port)
    ready.set()
    await stop.wait()
    udp.close()
    tcp.close()


@contextmanager
def responder(behave: Behaviour) -> Iterator[int]:
    """Runs a server in another thread until the end of the block. Gives its port on 127.0.0.1."""
    ports: list[int] = []
    ready = threading.Event()
    handles: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        stop = asyncio.Event()
        handles.append((asyncio.get_running_loop(), stop))
        try:
            await _serve(behave, ports, ready, stop)
        finally:
            ready.set()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(10)
    assert ports, "the responder did not start"
    try:
        yield ports[0]
    finally:
        loop, stop = handles[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def _answer(query: bytes, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> dns.message.Message:
    reply = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
    reply.set_rcode(rcode)
    return reply


async def silence(_query: bytes, _transport: Transport) -> list[bytes]:
    """Sends nothing."""
    return []


def _always(rcode: dns.rcode.Rcode) -> Behaviour:
    async def behave(query: bytes, _transport: Transport) -> list[bytes]:
        return [_answer(query, rcode).to_wire()]

    return behave


servfail = _always(dns.rcode.SERVFAIL)
"""The answer of a resolver whose upstream server is broken, or whose validation failed."""


async def garbage(_query: bytes, _transport: Transport) -> list[bytes]:
    """Sends bytes that are not a DNS message."""
    return [b"\xff" * 40]


async def header_only(query: bytes, _transport: Transport) -> list[bytes]:
    """Sends a message that ends in the middle of its question."""
    return [_answer(query).to_wire()[:14]]


async def wrong_id(query: bytes, _transport: Transport) -> list[bytes]:
    """Sends a forged NXDOMAIN with a wrong id, as a forger does who guesses the id."""
    reply = _answer(query, dns.rcode.NXDOMAIN)
    reply.id ^= 0x1234
    return [reply.to_wire()]


async def wrong_question(query: bytes, _transport: Transport) -> list[bytes]:
    """Sends NXDOMAIN for another question."""
    asked = dns.message.from_wire(query)
    other = dns.message.make_query("somebody-else.example", "TXT")
    other.id = asked.id
    reply = dns.message.make_response(other, recursion_available=True)
    reply.set_rcode(dns.rcode.NXDOMAIN)
    return [reply.to_wire()]


async def lame(query: bytes, _transport: Transport) -> list[bytes]:
    """Refers to the root, as a server does that does not know the zone."""
    reply = _answer(query)
    reply.flags &= ~dns.flags.RA
    reply.authority.append(dns.rrset.from_text(".", 3600, "IN", "NS", "a.root-servers.example."))
    return [reply.to_wire()]


async def empty_without_recursion(query: bytes, _transport: Transport) -> list[bytes]:
    """Sends an empty NOERROR, neither recursive nor authoritative."""
    reply = _answer(query)
    reply.flags &= ~dns.flags.RA
    return [reply.to_wire()]


async def truncated_and_no_tcp(query: bytes, transport: Transport) -> list[bytes]:
    """Sends a truncated answer over UDP, and closes the connection over TCP."""
    if transport == "tcp":
        return []
    reply = _answer(query)
    reply.flags |= dns.flags.TC
    return [reply.to_wire()]


async def cname_loop(query: bytes, _transport: Transport) -> list[bytes]:
    """Sends a CNAME record that points to its own name."""
    reply = _answer(query)
    name = reply.question[0].name
    reply.answer.append(dns.rrset.from_text(name, 300, "IN", "CNAME", str(name)))
    return [reply.to_wire()]


OUTAGES: Mapping[str, Behaviour] = {
    "silence": silence,
    "SERVFAIL": servfail,
    "REFUSED": _always(dns.rcode.REFUSED),
    "NOTIMP": _always(dns.rcode.NOTIMP),
    "FORMERR": _always(dns.rcode.FORMERR),
    "garbage": garbage,
    "half a header": header_only,
    "a forged id": wrong_id,
    "another question": wrong_question,
    "lame": lame,
    "empty, no recursion": empty_without_recursion,
    "truncated, no TCP": truncated_and_no_tcp,
    "an alias of itself": cname_loop,
}
"""Faults after which every record is unknown."""


class Front:
    """A recursive resolver in front of a real server: it follows CNAMEs from zone to zone, and can set the AD bit."""

    def __init__(self, port: int, *, validated: Callable[[dns.name.Name], bool] = lambda _: False) -> None:
        """Args: port: of the real server; validated: whether answers about a name count as validated by DNSSEC."""
        self._port = port
        self._validated = validated

    async def __call__(self, query: bytes, transport: Transport) -> list[bytes]:
        """Asks the real server over the same transport."""
        asked = dns.message.from_wire(query)
        reply = await self._ask(asked, transport)
        names = [asked.question[0].name]
        while (target := _unfinished(reply, names[-1], asked.question[0].rdtype)) and target not in names:
            names.append(target)
            more = await self._ask(dns.message.make_query(target, asked.question[0].rdtype), transport)
            reply.answer.extend(rrset for rrset in more.answer if rrset not in reply.answer)
            reply.authority = more.authority
            reply.set_rcode(more.rcode())
        reply.flags |= dns.flags.RA
        reply.flags &= ~dns.flags.AA
        if all(self._validated(name) for name in names):
            reply.flags |= dns.flags.AD
        return [reply.to_wire(max_size=65535)]

    async def _ask(self, query: dns.message.Message, transport: Transport) -> dns.message.Message:
        ask = dns.asyncquery.udp if transport == "udp" else dns.asyncquery.tcp
        return await ask(query, "127.0.0.1", port=self._port, timeout=20)


def _unfinished(
    reply: dns.message.Message, name: dns.name.Name, rtype: dns.rdatatype.RdataType
) -> dns.name.Name | None:
    """The last target of a chain of CNAMEs, if the reply has no records of that name. None = nothing left to ask."""
    here: dns.name.Name | None = name
    for _ in range(10):
        rrset = next((r for r in reply.answer if r.name == here and r.rdtype == dns.rdatatype.CNAME), None)
        if rrset is None:
            break
        here = rrset[0].target
    if here == name or any(r.name == here and r.rdtype == rtype for r in reply.answer):
        return None
    return None if rtype == dns.rdatatype.CNAME else here


async def cname_at(
    front: Front, query: bytes, transport: Transport, domain: str, rtype: str, target: str
) -> list[bytes]:
    """Answers as the real server. Only for one type, the domain has a CNAME too."""
    asked = dns.message.from_wire(query)
    name = dns.name.from_text(domain)
    if (asked.question[0].name, asked.question[0].rdtype) != (name, dns.rdatatype.from_text(rtype)):
        return await front(query, transport)
    (raw,) = await front(dns.message.make_query(target, rtype).to_wire(), transport)
    reply = _answer(query)
    reply.answer = [dns.rrset.from_text(name, 300, "IN", "CNAME", target), *dns.message.from_wire(raw).answer]
    return [reply.to_wire()]


async def exact(front: Front, query: bytes, transport: Transport) -> list[bytes]:
    """Sends the answer once."""
    return await front(query, transport)


async def truncated_then_tcp(front: Front, query: bytes, transport: Transport) -> list[bytes]:
    """Sends an empty truncated message over UDP, and the answer over TCP."""
    if transport == "tcp":
        return await front(query, transport)
    reply = _answer(query)
    reply.flags |= dns.flags.TC
    return [reply.to_wire()]


async def forged_first(front: Front, query: bytes, transport: Transport) -> list[bytes]:
    """Sends forged messages before the answer."""
    truth = await front(query, transport)
    if transport == "tcp":
        return truth
    return [*await wrong_id(query, transport), *await wrong_question(query, transport), *truth]


async def garbage_first(front: Front, query: bytes, transport: Transport) -> list[bytes]:
    """Sends garbage before the answer."""
    truth = await front(query, transport)
    return truth if transport == "tcp" else [b"\x00", *truth]


async def late_duplicates(front: Front, query: bytes, transport: Transport) -> list[bytes]:
    """Sends the answer three times. The later copies can arrive during the next question."""
    truth = await front(query, transport)
    return truth * 3 if transport == "udp" else truth


DISTURBANCES: Mapping[str, Callable[[Front, bytes, Transport], Awaitable[list[bytes]]]] = {
    "none": exact,
    "truncated, then TCP": truncated_then_tcp,
    "forged, then true": forged_first,
    "garbage, then true": garbage_first,
    "late duplicates": late_duplicates,
}
"""Disturbances after which every record is known."""
