"""`reconciler sandbox` from the command line: start, stop, restart and misspelled options."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import forked_program
import pytest
from plain_client import Wire

from reconciler.sandbox import FAULTS, QUIRKS

COMMAND = [sys.executable, "-m", "reconciler", "sandbox"]
EXAMPLES = Path(__file__).parents[3] / "examples"
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("RECONCILER_")}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return forked_program.run(["sandbox", *words], cwd=Path.cwd(), env=CLEAN)


@contextmanager
def running(*words: str, **environment: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """A sandbox in its own process, ended by SIGTERM: its line of JSON, and the process."""
    process = subprocess.Popen(
        [*COMMAND, *words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**CLEAN, **environment},
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate(timeout=10)
        yield json.loads(line), process
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", ""), "SIGTERM ends it cleanly without further output"
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate(timeout=10)


def log_in(found: dict[str, Any]) -> tuple[Wire, str]:
    wire = Wire(found["url"])
    body = {"username": found["username"], "password": found["password"]}
    return wire, wire.post("/api/v1/auth/authenticate-user", body).done()["accessToken"]


@pytest.fixture
def state() -> Callable[[str], dict[str, Any]]:
    def read(url: str) -> dict[str, Any]:
        found: dict[str, Any] = Wire(url).get("/sandbox/state", X_Sandbox="1").json["domains"]
        return found

    return read


def test_the_help_and_the_lists_name_everything():
    done = run("--help")
    assert done.returncode == 0
    for option in (
        "--port",
        "--dns-port",
        "--data",
        "--seed",
        "--server",
        "--fault",
        "--quirk",
        "--list-faults",
        "--json",
    ):
        assert option in done.stdout
    listed = run("--list-faults", "--list-quirks")
    assert listed.returncode == 0
    for name in (*FAULTS, *QUIRKS, "missing", "not-allowed"):
        assert f"\n{name} " in f"\n{listed.stdout}"


def test_the_state_survives_a_restart_on_the_same_folder(tmp_path, state):
    words = ("--data", str(tmp_path / "state"), "--seed", str(EXAMPLES))
    with running(*words, RECONCILER_SANDBOX_PASSWORD="Given-1234") as (first, _):
        assert first["password"] == "Given-1234"
        wire, token = log_in(first)
        domain, credentials = min(first["domainAdmins"].items())
        assert set(wire.get("/api/v1/settings/sysadmin/domain-names", token).done()["data"]) == set(
            first["domainAdmins"]
        )
        own = {"X_SmarterMailDomain": domain}
        user = {"userData": {"userName": "kept", "password": "Kept-1234", "fullName": "Kept Ünïcode"}}
        wire.post("/api/v1/settings/domain/user-put", user, token, **own).done()
        alias = {"alias": {"name": "kept-too", "aliasTargetList": ["kept"]}}
        wire.post("/api/v1/settings/domain/alias-put", alias, token, **own).done()
        wire.post("/api/v1/settings/domain/dkim-create-rollover/1024", {}, token, **own).done()
        wire.get("/api/v1/settings/domain/domain", token, **own).done()
        wire.admin("records", {"add": [{"name": domain, "type": "A", "value": "192.0.2.77"}]})
        wire.post("/api/v1/auth/authenticate-user", {"username": f"kept@{domain}", "password": "Kept-1234"}).done()
        before = state(first["url"])
        zones = wire.get("/sandbox/zones", X_Sandbox="1").json
    with running(*words) as (second, _):
        assert second["password"] != "Given-1234"
        wire, token = log_in(second)
        after = state(second["url"])
        assert after[domain]["dkim"] == before[domain]["dkim"] and before[domain]["dkim"]["pending"]["keySize"] == 1024
        assert after[domain] == before[domain]
        assert wire.get("/sandbox/zones", X_Sandbox="1").json == zones and "192.0.2.77" in zones["zones"][domain]
        for username, password in ((f"kept@{domain}", "Kept-1234"), (credentials["username"], credentials["password"])):
            assert wire.post("/api/v1/auth/authenticate-user", {"username": username, "password": password}).done()


def test_a_second_sandbox_on_the_same_folder_or_port_is_rejected_in_one_sentence(tmp_path):
    with running("--data", str(tmp_path)) as (found, _):
        second = run("--data", str(tmp_path), "--json")
        assert (second.returncode, second.stdout) == (1, "")
        assert "the other sandbox that uses this folder" in second.stderr and str(tmp_path) in second.stderr
        port = found["url"].rpartition(":")[2]
        third = run("--port", port)
        assert third.returncode == 1 and f"127.0.0.1:{port}" in third.stderr and "choose another port" in third.stderr
        for done in (second, third):
            assert "Traceback" not in done.stderr
        assert log_in(found)


@pytest.mark.parametrize("content", [None, b"this is no database, whatever its name says" * 50])
def test_an_unusable_folder_is_rejected_in_one_sentence(tmp_path, content):
    target = tmp_path / "file" / "state"
    if content is None:
        target.parent.write_text("a file where a folder should be")
    else:
        target.mkdir(parents=True)
        (target / "sandbox.sqlite3").write_bytes(content)
    done = run("--data", str(target))
    assert done.returncode in {1, 64} and str(target) in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--fault", "nope"], "unknown fault 'nope'"),
        (["--fault", ""], "unknown fault ''"),
        (["--fault", "latency:soon"], "param must be a number, not 'soon'"),
        (["--fault", "latency:nan"], "is not between 0 and"),
        (["--fault", "html:5"], "it has no parameter"),
        (["--fault", "500,times"], "'times' is not SELECTOR=VALUE"),
        (["--fault", "500,times=often"], "times must be an integer, not 'often'"),
        (["--fault", "500,until=noon"], "unknown selector 'until'"),
        (["--fault", "500,path=["], "is an invalid regular expression"),
        (["--fault", "500,probability=2"], "probability must be between 0 and 1"),
        (["--quirk", "nope"], "unknown quirk 'nope'"),
        (["--quirk", "missing:"], "unknown quirk 'missing:'"),
        (["--quirk", "missing:settings/domain/lst-users"], "names no endpoint"),
        (["--quirk", "missing:PUT settings/domain/list-users"], "names no endpoint"),
        (["--port", "99999"], "99999"),
        (["--port", "http"], "'http'"),
        (["--seed", "/no/such/folder"], "/no/such/folder"),
        (["--server", "mail1"], "--server requires --seed"),
        (["--access-token-seconds", "0"], "0"),
        (["--no-such-option"], "--no-such-option"),
    ],
)  # fmt: skip
def test_a_misspelling_is_a_usage_error_that_lists_the_valid_names(words, reason):
    done = run(*words)
    assert (done.returncode, done.stdout) == (64, ""), done.stderr
    assert reason in done.stderr and "Traceback" not in done.stderr


def test_faults_and_quirks_of_the_command_line_are_active():
    words = ("--fault", "503:7,path=domain-names,times=1", "--quirk", "no-message", "--quirk",
             "missing:GET /api/v1/settings/sysadmin/domains/")  # fmt: skip
    with running(*words) as (found, _):
        wire, token = log_in(found)
        answer = wire.get("/api/v1/settings/sysadmin/domain-names", token)
        assert (answer.status, answer.headers["retry-after"]) == (503, "7")
        assert "message" not in wire.get("/api/v1/settings/sysadmin/domain-names", token).done()
        assert wire.get("/api/v1/settings/sysadmin/domains", token).status == 404


def test_sigterm_ends_it_while_a_client_holds_a_connection_open():
    import http.client

    with running() as (found, process):
        connection = http.client.HTTPConnection(found["url"].removeprefix("http://"), timeout=10)
        connection.request("GET", "/")
        assert b"Do not use it as a mail server" in connection.getresponse().read()
        assert process.poll() is None
    connection.close()
