"""Attacks of an untrusted server or a man in the middle: TLS, redirects, sizes, endless waits."""

from __future__ import annotations

import ast
import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from client_world import DOMAIN, settings
from odd_server import GOOD, URL, run
from sampling import sampled

from reconciler.core.errors import AmbiguousWrite, ReconcilerError, UnexpectedAnswer, Unreachable
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret
from reconciler.smartermail import Server, connect
from reconciler.smartermail.transport import session
from reconciler.smartermail.transport.body import TooLarge, read_body

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


async def read(server: Server) -> Any:
    return await server.reader().read_domain(DOMAIN, ReadScope())


async def write(server: Server) -> None:
    await server.writer().create_alias(DOMAIN, "info", {"to": ()})


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Start a server on loopback and yield its port; on exit all its connections are closed."""
    left: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        left.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await serve(reader, writer)
                writer.close()
                await asyncio.wait_for(writer.wait_closed(), 5)
        finally:
            writer.transport.abort()
            left.discard(task)

    listener = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for task in tuple(left):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes aborted connections in its next iteration


# --- TLS and addresses (tests/smartermail/test_tls.py tests the verification with real certificates)


@pytest.mark.parametrize(
    "url",
    ["http://mail.example.net", "http://192.0.2.1", "http://127.0.0.1.evil.test", "http://localhost.evil.test", "http://[2001:db8::1]",
     "http://0.0.0.0", "http://127.0.0.1@evil.test", "ftp://mail.example.net", "file:///etc/passwd", "//mail.example.net", "mail", "",
     "https://", "http:///x", "HTTP://mail.example.net", "unix:///run/x.sock"],
)  # fmt: skip
def test_the_client_connects_only_to_https_and_loopback_addresses(url: str) -> None:
    with pytest.raises(Unreachable, match="not an https:// address"):
        connect(settings(url), username="admin", password=Secret("p4ss"))


def test_no_line_of_the_program_disables_certificate_verification() -> None:
    for path in sorted((ROOT / "reconciler").rglob("*.py")):
        text = path.read_text("utf-8")
        for word in (
            "CERT_NONE",
            "check_hostname = False",
            "_create_unverified_context",
            "verify=False",
            "CERT_OPTIONAL",
        ):
            assert word not in text, path
        if (
            "verify=" in text
        ):  # a context, or nothing where there is no TLS at all (loopback); an authority's file, or all
            assert text.count("verify=") == 1
            assert {
                "smartermail/transport/session.py": "verify=context or False,  # no context: the address is http:// on loopback",
                "config/secrets/vault.py": "verify=ca or True,",
            }[path.relative_to(ROOT / "reconciler").as_posix()] in text


# --- redirects


@pytest.mark.parametrize("status", sampled([302, 300, 301, 307, 303, 308], 3))
@pytest.mark.parametrize(
    "to", ["https://evil.test/", "/api/v1/settings/domain/data", "//evil.test/x", "http://mail1.example.net/"]
)
def test_the_client_follows_no_redirect(status: int, to: str) -> None:
    answer = httpx.Response(status, headers={"location": to})
    with pytest.raises(UnexpectedAnswer, match="is a redirect"):  # respx rejects every unknown request
        run(read, data=answer)
    with pytest.raises(AmbiguousWrite, match="is a redirect"):
        run(write, alias_put=answer)


def test_a_redirected_login_is_refused_and_no_other_server_receives_the_password() -> None:
    seen: list[bytes] = []

    async def trap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(b"TRAPPED")

    async def main() -> None:
        async with listening(trap) as other:

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                seen.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(
                    b"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:%d/\r\ncontent-length: 0\r\n\r\n" % other
                )
                await writer.drain()

            async with listening(serve) as port:
                there = settings(f"http://127.0.0.1:{port}")
                async with connect(there, username="admin", password=Secret("p4ss")) as server:
                    with pytest.raises(ReconcilerError, match=r"307|redirect"):
                        await server.list_domains()

    asyncio.run(main())
    assert b"TRAPPED" not in seen
    assert all(row.startswith(b"POST /api/v1/auth/authenticate-user") for row in seen)


# --- sizes


@cache
def packed(*encodings: str) -> bytes:
    """Return forty mebibytes of zeros, compressed."""
    body = bytes(40 * MIB) if len(encodings) == 1 else packed(*encodings[:-1])
    return gzip.compress(body, 9) if encodings[-1] == "gzip" else zlib.compress(body, 9)


def answered(content: bytes, encoding: str) -> ReconcilerError:
    """Return the error of a login with this compressed answer, over a real connection, because respx would decompress it."""
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {len(content)}\r\n\r\n".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + content)
        await writer.drain()

    async def main() -> ReconcilerError:
        async with listening(serve) as port:
            there = settings(f"http://127.0.0.1:{port}")
            async with connect(there, username="admin", password=Secret("p4ss")) as server:
                with pytest.raises(ReconcilerError) as caught:
                    await server.list_domains()
        return caught.value

    return asyncio.run(main())


BOMBS = {
    "gzip": (("gzip",), "larger than 1 MiB"),
    "deflate": (("deflate",), "larger than 1 MiB"),
    "gzip in gzip": (("gzip", "gzip"), "was not requested"),
    "gzip in gzip in gzip": (("gzip", "gzip", "gzip"), "was not requested"),
    "gzip in deflate": (("gzip", "deflate"), "was not requested"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_decompression_bomb_is_decompressed_only_up_to_the_limit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encodings, message = BOMBS[name]
    monkeypatch.setattr(session, "MAX_BODY", MIB)
    bomb = packed(*encodings)
    assert len(bomb) < MIB
    tracemalloc.start()
    found = answered(bomb, ", ".join(encodings))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert message in found.message
    assert most < 16 * MIB


def test_an_endless_answer_is_read_only_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MAX_BODY", MIB)
    given = 0

    async def endless() -> Any:
        nonlocal given
        while True:
            given += 1
            yield b" " * 65536

    with pytest.raises(UnexpectedAnswer, match="larger than 1 MiB"):
        run(read, data=httpx.Response(200, content=endless()))
    assert given <= 18
    with pytest.raises(AmbiguousWrite, match="larger than 1 MiB"):
        run(write, alias_put=httpx.Response(200, content=endless()))


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br", "identity, identity", "x", "gzip;q=1"])
def test_an_encoding_that_the_client_did_not_request_is_refused(encoding: str) -> None:
    assert "was not requested" in answered(b"{}", encoding).message


def decoded(content: bytes, encoding: str, pieces: int = 7, limit: int = MIB) -> bytes:
    async def stream() -> Any:
        for at in range(0, len(content), pieces):
            yield content[at : at + pieces]

    async def main() -> bytes:
        response = httpx.Response(200, headers={"content-encoding": encoding} if encoding else {}, content=stream())
        return await read_body(response, limit)

    return asyncio.run(main())


def test_a_requested_encoding_is_decoded_completely_for_any_chunk_size() -> None:
    body = b'{"success": true, "x": "' + bytes(range(32, 127)) * 40 + b'"}'
    raw = zlib.compressobj(wbits=-15)
    for pieces in (1, 7, 100_000):
        for encoding, content in {
            "": body, "identity": body, "gzip": gzip.compress(body), "X-GZIP": gzip.compress(body),
            "deflate": zlib.compress(body),
        }.items():  # fmt: skip
            assert decoded(content, encoding, pieces) == body
    assert decoded(raw.compress(body) + raw.flush(), "deflate", 100_000) == body
    assert decoded(b"", "gzip") == b""
    assert decoded(gzip.compress(bytes(MIB)), "gzip") == bytes(MIB)
    with pytest.raises(TooLarge):
        decoded(gzip.compress(bytes(MIB + 1)), "gzip")


BROKEN = {
    "plain": b"no gzip at all",
    "cut": gzip.compress(b"x" * 999)[:-20],
    "noise": gzip.compress(b"x")[:5] + b"\xff" * 9,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_compression_is_an_invalid_answer(name: str) -> None:
    content = BROKEN[name]
    with pytest.raises(httpx.DecodingError):
        decoded(content, "gzip")
    assert "compressed answer is invalid" in answered(content, "gzip").message


def test_deeply_nested_json_is_an_invalid_answer_and_causes_no_crash() -> None:
    for body in (b"[" * 1_000_000, b'{"a":' * 200_000, b'{"success": true, "domainData": ' + b"[" * 50_000):
        with pytest.raises(UnexpectedAnswer, match="not JSON"):
            run(read, data=httpx.Response(200, content=body))


@pytest.mark.parametrize("number", ["9" * 5000, "1e400", "-1e400", "NaN", "1e300", "9223372036854775808", "1.5"])
def test_impossible_numbers_stop_the_read(number: str) -> None:
    body = f'{{"success": true, "userData": [{{"userName": "anna", "maxMailboxSize": {number}}}]}}'
    with pytest.raises(UnexpectedAnswer):
        run(read, list_users=httpx.Response(200, content=body.encode()))


def test_text_that_is_not_valid_unicode_is_repaired_on_arrival() -> None:
    users = {**GOOD["settings/domain/list-users"]}
    row = {**users["userData"][0], "fullName": "A\ud800B", "userName": "anna"}
    found = run(read, list_users=httpx.Response(200, content=json.dumps({**users, "userData": [row]}).encode()))
    assert found.mailboxes["anna"].display_name == "A\ufffdB"


# --- waits: every call that waits for another process has a time limit

WAITING = {
    # name of the call in the source -> the limit that it must have
    "subprocess.run": "timeout=",
    "subprocess.check_output": "timeout=",
    "subprocess.check_call": "timeout=",
    "subprocess.call": "timeout=",
    "urllib.request.urlopen": "timeout=",
    "urlopen": "timeout=",
    "socket.create_connection": "timeout=",
    "process.wait": "timeout=",
    "process.communicate": "timeout=",
    "httpx.AsyncClient": "timeout=",
    "httpx.Client": "timeout=",
    "client.send": "asyncio.timeout",
    "asyncio.open_connection": "asyncio.timeout",
    "asyncio.open_unix_connection": "asyncio.timeout",
    "dns.asyncquery.tcp": "asyncio.timeout",
    "dns.asyncquery.udp": "asyncio.timeout",
    "dns.query.udp": "timeout=",
    "dns.query.tcp": "timeout=",
    "subprocess.Popen": "a wait with a deadline",
    "asyncio.create_subprocess_exec": "asyncio.timeout",
    "smtplib.SMTP": "timeout=",
    "hvac.Client": "timeout=",
    "http.client.HTTPSConnection": "timeout=",
    "http.client.HTTPConnection": "timeout=",
}
ELSEWHERE = {
    # file, call: the file that sets the limit, and the code that sets it
    ("compliance/resolver/https.py", "asyncio.open_connection"): (
        "compliance/resolver/https.py",
        "async with asyncio.timeout(self._timeout)",
    ),
    ("smartermail/transport/session.py", "client.send"): (
        "smartermail/transport/session.py",
        "async with asyncio.timeout(self._timeout * 4)",
    ),
    ("compliance/resolver/messages.py", "dns.asyncquery.tcp"): (
        "compliance/resolver/resolver.py",
        "async with asyncio.timeout_at(deadline)",
    ),
    ("app/git.py", "subprocess.Popen"): ("app/git.py", "deadline = monotonic() + SECONDS"),
    ("config/secrets/command.py", "subprocess.Popen"): (
        "config/secrets/command.py",
        "deadline = time.monotonic() + timeout",
    ),
}


SMELLS = ("socket", "subprocess", "asyncio", "urllib", "http", "ssl", "lib", "requests", "ssh", "paramiko", "pexpect", "xmlrpc",
          "multiprocessing", ".wait(", ".send(", ".communicate(", "os.system", "shell=")  # fmt: skip
"""A file without any of these words contains no call of the tables, so the tests do not parse it."""


@cache
def trees() -> tuple[tuple[str, str, ast.Module], ...]:
    """Return the file, text and syntax tree of every module that may use the network or processes."""
    found = []
    for path in sorted((ROOT / "reconciler").rglob("*.py")):
        text = path.read_text("utf-8")
        if any(word in text for word in SMELLS):
            found.append((path.relative_to(ROOT / "reconciler").as_posix(), text, ast.parse(text)))
    return tuple(found)


def dotted(node: ast.expr) -> str:
    """`a.b.c`; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def calls() -> Iterator[tuple[str, str, ast.Call, str]]:
    """Yield the file, dotted name, node and enclosing function of every call that may wait for another process."""
    for file, _, tree in trees():
        nodes = list(ast.walk(tree))
        functions = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        for node in nodes:
            if isinstance(node, ast.Call):
                name = dotted(node.func).removeprefix("self._").removeprefix("self.")
                if name in WAITING:
                    around = [f for f in functions if f.lineno <= node.lineno <= (f.end_lineno or 0)]
                    inner = max(around, key=lambda f: f.lineno) if around else tree
                    yield file, name, node, ast.unparse(inner)


@pytest.mark.source
def test_every_call_that_waits_for_another_program_has_a_time_limit() -> None:
    found = list(calls())
    assert {name for _, name, *_ in found} >= {"subprocess.run", "subprocess.Popen", "httpx.AsyncClient", "client.send",
                                               "asyncio.open_connection", "dns.asyncquery.tcp", "urllib.request.urlopen"}  # fmt: skip
    unbounded = []
    for file, name, node, around in found:
        bound = WAITING[name]
        if bound == "timeout=":
            is_bound = any(k.arg == "timeout" and ast.unparse(k.value) != "None" for k in node.keywords)
        elif (file, name) in ELSEWHERE:
            there, words = ELSEWHERE[file, name]
            is_bound = words in (ROOT / "reconciler" / there).read_text("utf-8")
        else:
            is_bound = bound in around
        if not is_bound:
            unbounded.append(f"{file}:{node.lineno} {name}")
    assert unbounded == []


@pytest.mark.source
def test_every_library_for_network_or_processes_is_known() -> None:
    """Add a new library or function for the network or processes to the tables of this file."""
    known = {
        "socket": {"compliance/resolver/udp.py", "sandbox/server.py", "sandbox/dns/server.py",
                   "app/header.py"},  # reads the host name of this machine
        "subprocess": {"app/git.py", "app/demo/demo.py", "config/secrets/command.py"},
        "urllib.request": {"app/demo/edits.py"},
        "http.client": {"compliance/resolver/https.py"},
        "ssl": {"compliance/resolver/https.py", "smartermail/transport/session.py", "smartermail/transport/errors.py"},
        "smtplib": set(), "ftplib": set(), "requests": {"config/secrets/vault.py"}, "aiohttp": set(), "asyncssh": set(), "paramiko": set(), "pexpect": set(),
        "imaplib": set(), "poplib": set(), "telnetlib": set(), "xmlrpc": set(), "multiprocessing": set(), "urllib3": {"config/secrets/vault.py"},
    }  # fmt: skip
    found: dict[str, set[str]] = {name: set() for name in known}
    for file, text, tree in trees():
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                for library in known:
                    if name == library or name.startswith(f"{library}."):
                        found[library].add(file)
        assert "os.system(" not in text, file
        assert "shell=True" not in text, file
    assert {name: files - known[name] for name, files in found.items() if files - known[name]} == {}


def test_the_client_gives_up_on_a_server_that_sends_byte_by_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = 0

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while True:
            writer.write(b" ")
            sent += 1
            await writer.drain()
            await asyncio.sleep(0.05)

    async def main() -> None:
        async with listening(drip) as port:
            there = settings(f"http://127.0.0.1:{port}")
            async with connect(there, username="admin", password=Secret("p4ss"), timeout=0.1) as server:
                with pytest.raises(ReconcilerError):
                    await server.list_domains()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert 0 < sent < 400


def test_the_tests_use_no_url_of_a_real_server() -> None:
    assert URL.startswith("https://mail1.example.net")
