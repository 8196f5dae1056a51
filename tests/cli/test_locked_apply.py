"""One run at a time per server and domain, as the program keeps to it."""

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
    """Two domains with something to do in each; its locks have a folder of their own."""
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


def test_who_applies_the_same_domain_meanwhile_is_refused_before_anything_is_asked(
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
        assert inside(made, "plan").code == 0, "who only reads takes no lock"
    assert inside(made, "apply", "--yes").code == 0


def test_another_clone_on_this_machine_meets_the_same_lock_whatever_it_calls_the_server(
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


def test_runners_that_share_a_folder_meet_there(
    made: Any, sandbox: Sandbox, inside: Callable[..., Any], tmp_path: Path
) -> None:
    text = (made.root / "reconciler.yaml").read_text("utf-8")
    made.write("reconciler.yaml", f"{text}lock: {{folder: shared/locks}}\n")
    done = inside(made, "apply", "--yes")
    assert done.code == 4
    assert "the folder for locks does not exist" in done.err
    assert not (made.root / "shared").exists(), "made here it would not be the one that others see"
    with another_run(made.root / "shared" / "locks", sandbox, "example.com", shared=True):
        done = inside(made, "apply", "--yes")
        assert (done.code, "bob@build7" in done.err) == (4, True), done.err
    done = inside(made, "apply", "--yes")
    assert done.code == 0, done.err
    assert list((made.root / "shared" / "locks").iterdir()) == []
    assert not own(made).exists()


def test_without_a_home_the_locks_are_in_the_workspace(made: Any, inside: Callable[..., Any]) -> None:
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


def test_who_is_told_to_wait_waits_and_then_plans_anew(made: Any, sandbox: Sandbox, inside: Callable[..., Any]) -> None:
    hold(sandbox, "user-put", seconds=2)
    first = start(made, "apply", "--yes", "example.com")
    in_flight(sandbox)
    (record,) = own(made).glob("*.json")
    text = record.read_text("utf-8")
    assert json.loads(text)["servers"] == {sandbox.endpoint.url: ["example.com"]}
    assert not [v for v in made.run.environment.values() if len(v) > 8 and v in text], "no secret is in it"
    refused = inside(made, "apply", "--yes")
    assert refused.code == 4
    done = inside(made, "apply", "--yes", "--lock-timeout", "60")
    assert done.code == 0, done.out + done.err
    assert "Waiting for another run: " in done.err
    out, err = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0, out + err
    assert "+ mailbox c@second.example" in done.out
    assert "a@example.com" not in done.out, "it planned when the other one was done"
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
def test_the_lock_is_given_back_on_every_way_out(
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
