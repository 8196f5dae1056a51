"""Only this machine can use the sandbox: it listens on loopback and rejects requests of foreign web pages.

Tests with arbitrary requests are in `tests/sandbox/independent/test_fuzz.py` and `test_odd_http.py`.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from pathlib import Path

import pytest
from client_world import PASSWORD, World

from reconciler.sandbox import Sandbox, SandboxConfig, SandboxError

LOGIN = json.dumps({"username": "admin", "password": PASSWORD}).encode()


def ask(world: World, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Send one request with exactly these headers."""
    host, _, port = world.url.removeprefix("http://").partition(":")
    line = http.client.HTTPConnection(host, int(port), timeout=20)
    line.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        line.putheader(name.replace("_", "-"), value)
    line.endheaders(body)
    answer = line.getresponse()
    found = answer.status, answer.read()
    line.close()
    return found


PATHS = [("POST", "/api/v1/auth/authenticate-user", LOGIN), ("GET", "/", b""), ("GET", "/Documentation/api", b""),
         ("GET", "/sandbox/state", b""), ("POST", "/sandbox/check-password", b'{"email": "admin", "password": "x"}')]  # fmt: skip
OTHERS = [
    {"Host": "evil.test"}, {"Host": "evil.test:80"}, {"Host": "127.0.0.1.evil.test"}, {"Host": "localhost.evil.test"},
    {"Host": "192.0.2.1"}, {"Host": "0.0.0.0"}, {"Host": "evil.test."}, {"Host": "127.0.0.1@evil.test"},
    {"Host": "127.0.0.1", "Origin": "https://evil.test"}, {"Host": "127.0.0.1", "Origin": "null"},
    {"Host": "127.0.0.1", "Origin": "http://127.0.0.1.evil.test"}, {"Host": "127.0.0.1", "Sec_Fetch_Site": "cross-site"},
    {"Host": "localhost", "Origin": "file://"}, {"Host": "127.0.0.1", "Origin": "http://[bad"},
]  # fmt: skip


@pytest.mark.parametrize("headers", OTHERS, ids=str)
def test_a_foreign_web_page_reads_nothing_and_changes_nothing(world: World, headers: dict[str, str]) -> None:
    before = world.own("GET", "state")["domains"]
    for method, path, body in PATHS:
        status, raw = ask(world, method, path, body, X_Sandbox="1", **headers)
        assert status == 421, path
        assert b"accessToken" not in raw
        assert json.loads(raw)["success"] is False
    assert world.own("GET", "state")["domains"] == before


@pytest.mark.parametrize(
    "headers",
    [{"Host": "127.0.0.1"}, {"Host": "127.0.0.1:1"}, {"Host": "localhost:99"}, {"Host": "[::1]:80"}, {"Host": "mail.localhost"},
     {"Host": "sandbox"}, {"Host": ""}, {"Host": "127.0.0.1", "Origin": "http://localhost:3000"},
     {"Host": "127.0.0.1", "Sec_Fetch_Site": "none"}, {"Host": "127.0.0.1", "Sec_Fetch_Site": "same-origin"}],
    ids=str,
)  # fmt: skip
def test_programs_on_this_machine_are_served(world: World, headers: dict[str, str]) -> None:
    status, raw = ask(world, "POST", "/api/v1/auth/authenticate-user", LOGIN, **headers)
    assert (status, json.loads(raw)["success"]) == (200, True)


def test_the_sandbox_endpoints_require_a_header_that_no_form_can_send(world: World) -> None:
    for method, path, body in PATHS[3:]:
        assert ask(world, method, path, body, Host="127.0.0.1")[0] == 403
        assert ask(world, method, path, body, Host="127.0.0.1", X_Sandbox="1")[0] == 200
        assert ask(world, method, path, body, Host="sandbox", X_Sandbox="1")[0] == 403


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::1", "192.0.2.1", "localhost", "", "127.0.0.2"])
def test_any_listen_address_except_loopback_is_rejected_with_the_reason(address: str) -> None:
    with pytest.raises(SandboxError, match=r"127\.0\.0\.1 only.*it is not a mail server"):
        Sandbox(SandboxConfig(address=address))


@pytest.mark.parametrize("port", ["0.0.0.0:8080", "[::]:80", "192.0.2.1", ":80", "-1", "65536", "127.0.0.1:0"])
def test_the_command_line_accepts_a_port_and_rejects_an_address(port: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "sandbox", f"--port={port}"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 64
    assert "--port" in done.stderr


def test_pages_headers_and_help_state_that_the_sandbox_handles_no_real_mail(world: World) -> None:
    for path in ("/", "/Documentation/api"):
        assert (
            b"does not transport mail. Do not use it as a mail server" in ask(world, "GET", path, Host="127.0.0.1")[1]
        )
    line = http.client.HTTPConnection(world.url.removeprefix("http://"), timeout=20)
    line.request("GET", "/api/v1/anything")
    assert line.getresponse().headers["x-sandbox"] == "not-a-mail-server"
    line.close()
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "sandbox", "--help"], capture_output=True, text=True, timeout=60
    )
    assert "The sandbox cannot handle real mail" in " ".join(done.stdout.split())


def test_the_kernel_lists_the_socket_on_loopback_only(world: World) -> None:
    """By `/proc/net/tcp`: the sandbox's port is bound to 127.0.0.1 only."""
    tables = [Path("/proc/net") / name for name in ("tcp", "tcp6")]
    if not tables[0].is_file():
        pytest.skip("no /proc/net/tcp: this system does not list its sockets")
    port = f"{int(world.url.rpartition(':')[2]):04X}"
    found = set()
    for table in tables:
        if table.is_file():
            for row in table.read_text().splitlines()[1:]:
                address, state = row.split()[1], row.split()[3]
                if state == "0A" and address.endswith(f":{port}"):
                    found.add(address.partition(":")[0])
    assert found == {"0100007F"}
