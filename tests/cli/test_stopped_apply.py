"""An apply that is told to stop in the middle: by a signal, or because nobody reads its output any more."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import Sandbox

PATIENCE = 30.0
NAMES = [f"m{n:02}" for n in range(12)]


def ask(sandbox: Sandbox, what: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{sandbox.endpoint.url}/sandbox/{what}", data, {"X-Sandbox": "1"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def hold(sandbox: Sandbox, path: str, *, skip: int, seconds: float) -> None:
    """One request is answered late: after so many others like it."""
    ask(sandbox, "faults", {"name": "latency", "param": 1000 * seconds, "path": path, "skip": skip, "times": 1})


def in_flight(sandbox: Sandbox) -> None:
    """Waits until that request is there."""
    end = time.monotonic() + PATIENCE
    while not ask(sandbox, "faults")["faults"][0]["struck"]:
        assert time.monotonic() < end
        time.sleep(0.01)


def _hears_signals() -> None:
    """A background job, as a gate may be, has SIGINT ignored, and its children inherit that."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_DFL)


class Running:
    """The program, its output read line by line through pipes."""

    def __init__(self, workspace: Any, *words: str) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("RECONCILER_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", *words],
            cwd=workspace.root,
            env={**clean, **workspace.run.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_hears_signals,  # noqa: PLW1509 - between fork and exec it calls nothing but signal()
        )

    def end(self) -> tuple[int, str, str]:
        """Exit code, all output, all messages."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@pytest.fixture
def many(sandbox: Sandbox, workspace: Callable[..., Any]) -> Any:
    """A workspace with a dozen mailboxes to create; the server takes its time over the third of them."""
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {" + ", ".join(f"{n}: {{}}" for n in NAMES) + "}\n")
    hold(sandbox, "user-put", skip=2, seconds=0.7)
    return made


def journal(root: Path) -> list[dict[str, Any]]:
    (path,) = (root / ".reconciler" / "journal").glob("*.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def told(records: list[dict[str, Any]], event: str) -> dict[str, str]:
    return {r["change"]["address"].split("@")[0]: r.get("result", "") for r in records if r["event"] == event}


def mailboxes(workspace: Any, inside: Callable[..., Any]) -> set[str]:
    """What the server has, as a plan of an empty section tells it."""
    plan = json.loads(inside(workspace, "plan", "--format", "json").out)
    wanted = {c["address"].split("@")[0] for d in plan["domains"] for c in d["changes"] if c["action"] == "create"}
    return set(NAMES) - wanted


def check_no_lock() -> None:
    assert not [*(Path(os.environ["XDG_STATE_HOME"]) / "reconciler" / "locks").glob("*.json")]


def check_stopped(workspace: Any, inside: Callable[..., Any], why: str) -> None:
    """The journal tells what the server has, its passwords are delivered, and a new run finishes the work."""
    check_no_lock()
    records = journal(workspace.root)
    assert (records[-1]["event"], records[-1]["detail"]) == ("end", "not converged")
    intents, outcomes = told(records, "intent"), told(records, "outcome")
    made = {n for n, result in outcomes.items() if result == "applied"}
    assert set(outcomes) == set(NAMES)
    assert set(intents) == made, "the change in flight was finished, and no other was begun"
    assert len(NAMES) > len(made) >= 3
    assert made == set(NAMES[: len(made)])
    assert {outcomes[n] for n in set(NAMES) - made} == {"not tried"}
    assert {r["detail"] for r in records if r.get("result") == "not tried"} == {why}
    assert mailboxes(workspace, inside) == made
    (passwords,) = (workspace.root / ".reconciler" / "passwords").glob("*.jsonl")
    assert {json.loads(line)["address"].split("@")[0] for line in passwords.read_text("utf-8").splitlines()} == made


def test_a_signal_finishes_the_change_in_flight_writes_it_down_and_says_what_was_not_tried(
    many: Any, sandbox: Sandbox, inside: Callable[..., Any]
) -> None:
    running = Running(many, "apply", "--yes")
    in_flight(sandbox)
    running.process.send_signal(signal.SIGINT)
    code, out, err = running.end()
    assert code == 5, out + err
    why = "stopped by SIGINT"
    assert "SIGINT: stopping after the change in progress. A second signal ends the run." in err
    assert f"not tried + mailbox m11@example.com: {why}" in out
    assert f"Not done: {why}." in out
    assert "converged" not in out
    assert "1 domain not read again" in out
    assert "Traceback" not in err
    check_stopped(many, inside, why)
    done = inside(many, "apply", "--yes")
    assert done.code == 0, done.out + done.err
    assert mailboxes(many, inside) == set(NAMES)


def test_a_saved_plan_is_stopped_like_any_apply_and_taken_up_again(
    many: Any, sandbox: Sandbox, inside: Callable[..., Any]
) -> None:
    assert inside(many, "plan", "--save", "p.saved").code == 0
    running = Running(many, "apply", "--plan", "p.saved", "--yes", "--format", "json")
    in_flight(sandbox)
    running.process.send_signal(signal.SIGTERM)
    code, out, err = running.end()
    assert code == 5, out + err
    document = json.loads(out)
    assert document["converged"] is False
    assert document["summary"]["notTried"] == len(NAMES) - document["summary"]["applied"] > 0
    assert "Not completed: stopped by SIGTERM." in err
    check_stopped(many, inside, "stopped by SIGTERM")
    done = inside(many, "apply", "--plan", "p.saved", "--yes")
    assert done.code == 0, done.out + done.err


def test_a_second_signal_ends_at_once(many: Any, sandbox: Sandbox) -> None:
    hold(sandbox, "user-put", skip=2, seconds=8)  # longer than the test takes on any machine
    running = Running(many, "apply", "--yes")
    in_flight(sandbox)
    running.process.send_signal(signal.SIGINT)
    assert running.process.stderr is not None
    heard = running.process.stderr.readline()
    while "A second signal ends the run" not in heard:
        assert heard
        heard = running.process.stderr.readline()
    running.process.send_signal(signal.SIGTERM)
    code, _, err = running.end()
    assert code == 143, err
    assert "Interrupted by SIGTERM." in err
    assert str(many.root / ".reconciler") in err
    assert "Traceback" not in err
    check_no_lock()
    assert journal(many.root)[-1]["event"] == "intent", "the change in flight is left open, and the journal says so"


def test_a_signal_that_a_wrapper_passes_on_once_more_is_one_wish_and_not_two(
    many: Any, sandbox: Sandbox, inside: Callable[..., Any]
) -> None:
    running = Running(many, "apply", "--yes")
    in_flight(sandbox)
    for _ in range(2):
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    code, out, err = running.end()
    assert code == 5, out + err
    check_stopped(many, inside, "stopped by SIGINT")


def test_before_the_first_write_a_signal_ends_at_once_and_nothing_is_changed(
    sandbox: Sandbox, workspace: Callable[..., Any], inside: Callable[..., Any]
) -> None:
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {m00: {}}\n")
    hold(sandbox, "list-users|account-list-search", skip=0, seconds=20)
    running = Running(made, "apply", "--yes")
    in_flight(sandbox)
    running.process.send_signal(signal.SIGTERM)
    code, out, err = running.end()
    assert code == 143, out + err
    check_no_lock()
    assert not (made.root / ".reconciler" / "journal").exists()
    assert ask(sandbox, "requests")["effects"] == {}


def test_an_output_that_is_gone_stops_the_run_between_two_changes(
    many: Any, sandbox: Sandbox, inside: Callable[..., Any]
) -> None:
    running = Running(many, "apply", "--yes")
    in_flight(sandbox)
    assert running.process.stdout is not None
    assert running.process.stderr is not None
    running.process.stdout.close()
    err = running.process.stderr.read()
    assert running.process.wait(PATIENCE) == 5
    running.process.stderr.close()
    assert "Traceback" not in err
    check_stopped(many, inside, "stopped: the output is gone: Broken pipe")


def test_a_terminal_that_is_closed_stops_the_run_between_two_changes(
    many: Any, sandbox: Sandbox, inside: Callable[..., Any]
) -> None:
    master, slave = pty.openpty()
    code = "import os, fcntl, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    code += "from reconciler.cli import main; main(['apply', '--yes'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=many.root,
        env={**os.environ, **many.run.environment},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        preexec_fn=_hears_signals,  # noqa: PLW1509 - between fork and exec it calls nothing but signal()
    )
    os.close(slave)
    in_flight(sandbox)
    os.close(master)  # the kernel sends SIGHUP, and every write fails from now on
    assert process.wait(PATIENCE) == 5
    check_stopped(many, inside, "stopped by SIGHUP")
