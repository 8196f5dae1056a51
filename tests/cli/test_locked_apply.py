"""`apply` takes a lock per server and domain."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.engine.locks.locks import LockFolder
from reconciler.engine.locks.record import LockRecord, server_key
from reconciler.sandbox import Sandbox

PATIENCE = 30.0


def ask(sandbox: Sandbox, what: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{sandbox.endpoint.url}/sandbox/{what}", data, {"X-Sandbox": "1"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def hold(sandbox: Sandbox, path: str, *, seconds: float) -> None:
    ask(sandbox, "faults", {"name": "latency", "param": 1000 * seconds, "path": path, "times": 1})


def in_flight(sandbox: Sandbox) -> None:
    until(lambda: ask(sandbox, "faults")["faults"][0]["struck"])


def until(ready: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def made(sandbox: Sandbox, workspace: Callable[..., Any], tmp_path: Path) -> Any:
    """Two domains with changes in each; the locks are in a separate folder."""
    made = workspace(sandbox.endpoint)
    made.run.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    made.domain("example.com", "mailboxes: {a: {}, b: {}}\n")
    made.domain("second.example", "mailboxes: {c: {}}\n")
    return made


def own(workspace: Any) -> Path:
    return Path(workspace.run.environment["XDG_STATE_HOME"]) / "reconciler" / "locks"


def locks(workspace: Any) -> list[str]:
    return sorted(p.name for p in own(workspace).iterdir() if p.name != "register")


@contextmanager
def another_run(folder: Path, sandbox: Sandbox, domain: str, *, shared: bool = False) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    record = LockRecord(
        run="other",
        user="bob",
        host="build7",
        pid=4242,
        since=datetime.now(UTC),
        command="apply",
        places=frozenset({(server_key(sandbox.endpoint.url), domain)}),
    )
    held = asyncio.run(LockFolder(folder, shared=shared, heartbeat=0.1).take(record))
    try:
        yield
    finally:
        held.release()


def test_a_second_apply_to_a_locked_domain_is_refused_before_any_request(
    made: Any, sandbox: Sandbox, inside: Callable[..., Any]
) -> None:
    assert inside(made, "plan", "--save", "p.saved").code == 0
    ask(sandbox, "requests/reset", {})
    with another_run(own(made), sandbox, "example.com"):
        for words in (["apply", "--yes"], ["apply", "--yes", "example.com"], ["apply", "--plan", "p.saved", "--yes"]):
            done = inside(made, *words)
            assert done.code == 4, done.out + done.err
            assert "another run has the lock: bob@build7 (process 4242)" in done.err
            assert f"`apply` of example.com on {sandbox.endpoint.url}" in done.err
            assert "--lock-timeout" in done.err
        assert ask(sandbox, "requests")["requests"] == []
        assert not (made.root / ".reconciler" / "journal").exists()
        assert inside(made, "apply", "--yes", "second.example").code == 0, "another domain is free"
        assert inside(made, "plan").code == 0, "a command that only reads takes no lock"
    assert inside(made, "apply", "--yes").code == 0


def test_another_clone_uses_the_same_lock_even_if_it_names_the_server_differently(
    made: Any, sandbox: Sandbox, inside: Callable[..., Any]
) -> None:
    clone = made.root / "clone"
    clone.mkdir()
    for name in ("domains", "products"):
        shutil.copytree(made.root / name, clone / name)
    for path in (clone / "domains").iterdir():
        path.write_text(path.read_text("utf-8").replace("server: mail1", "server: post"), "utf-8")
    text = (made.root / "reconciler.yaml").read_text("utf-8").replace("mail1:", "post:")
    (clone / "reconciler.yaml").write_text(text.replace(sandbox.endpoint.url, f"{sandbox.endpoint.url}/"), "utf-8")
    with another_run(own(made), sandbox, "example.com"):
        done = inside(made, "-w", str(clone), "apply", "--yes")
        assert (done.code, "bob@build7" in done.err) == (4, True), done.err


def test_runners_with_a_shared_lock_folder_use_the_same_lock(
    made: Any, sandbox: Sandbox, inside: Callable[..., Any], tmp_path: Path
) -> None:
    text = (made.root / "reconciler.yaml").read_text("utf-8")
    made.write("reconciler.yaml", f"{text}lock: {{folder: shared/locks}}\n")
    done = inside(made, "apply", "--yes")
    assert done.code == 4
    assert "the folder for locks does not exist" in done.err
    assert not (made.root / "shared").exists(), "a new folder would not be the shared one"
    with another_run(made.root / "shared" / "locks", sandbox, "example.com", shared=True):
        done = inside(made, "apply", "--yes")
        assert (done.code, "bob@build7" in done.err) == (4, True), done.err
    done = inside(made, "apply", "--yes")
    assert done.code == 0, done.err
    assert list((made.root / "shared" / "locks").iterdir()) == []
    assert not own(made).exists()


def test_without_a_home_directory_the_locks_are_in_the_workspace(made: Any, inside: Callable[..., Any]) -> None:
    (made.root / "state").write_text("no folder", "utf-8")
    assert inside(made, "apply", "--yes").code == 0
    assert [p.name for p in (made.root / ".reconciler" / "locks").iterdir()] == ["register"]


def start(workspace: Any, *words: str) -> "subprocess.Popen[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("RECONCILER_", "GITHUB_", "CI_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "reconciler", *words],
        cwd=workspace.root,
        env={**clean, **workspace.run.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_apply_with_a_lock_timeout_waits_and_then_makes_a_new_plan(
    made: Any, sandbox: Sandbox, inside: Callable[..., Any]
) -> None:
    hold(sandbox, "user-put", seconds=2)
    first = start(made, "apply", "--yes", "example.com")
    in_flight(sandbox)
    (record,) = own(made).glob("*.json")
    text = record.read_text("utf-8")
    assert json.loads(text)["servers"] == {sandbox.endpoint.url: ["example.com"]}
    assert not [v for v in made.run.environment.values() if len(v) > 8 and v in text], (
        "the lock file contains no secret"
    )
    refused = inside(made, "apply", "--yes")
    assert refused.code == 4
    done = inside(made, "apply", "--yes", "--lock-timeout", "60")
    assert done.code == 0, done.out + done.err
    assert "Waiting for another run: " in done.err
    out, err = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0, out + err
    assert "+ mailbox c@second.example" in done.out
    assert "a@example.com" not in done.out, "the plan was made after the other run"
    assert locks(made) == []


def test_a_run_that_loses_its_lock_stops_before_the_next_write(made: Any, sandbox: Sandbox) -> None:
    hold(sandbox, "user-put", seconds=1)
    running = start(made, "apply", "--yes", "example.com")
    in_flight(sandbox)
    (alive,) = own(made).glob("*.alive")
    alive.unlink()
    out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 5, out + err
    assert "ok        + mailbox a@example.com" in out
    assert "not tried + mailbox b@example.com: the lock was lost" in out.replace("\n", " ")
    assert made.run("plan", "example.com").stdout.count("+ mailbox") == 1


@pytest.mark.parametrize(
    ("way", "code"),
    [("done", 0), ("nothing to do", 0), ("failed", 5), ("refused", 4), ("unreachable", 6), ("journal", 4)],
)
def test_the_lock_is_released_at_every_exit(
    made: Any, sandbox: Sandbox, inside: Callable[..., Any], way: str, code: int
) -> None:
    words = ["apply", "--yes"]
    match way:
        case "nothing to do":
            assert inside(made, *words).code == 0
        case "failed":
            ask(sandbox, "faults", {"name": "500", "path": "user-put", "times": 1000})
        case "refused":
            words = ["apply", "--yes", "--allow-deletions", "3"]
        case "unreachable":
            made.run.environment["SMARTERMAIL_PASSWORD"] = "wrong"
        case "journal":
            made.write(".reconciler/journal", "no folder")
        case _:
            pass
    done = inside(made, *words)
    assert done.code == code, done.out + done.err
    assert locks(made) == []
