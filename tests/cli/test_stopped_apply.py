"""A signal, a closed pipe or a closed terminal stops an apply."""

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
    """Delays the response to one request, after `skip` requests of the same kind."""
    ask(sandbox, "faults", {"name": "latency", "param": 1000 * seconds, "path": path, "skip": skip, "times": 1})


def in_flight(sandbox: Sandbox) -> None:
    """Waits until the sandbox has received the delayed request."""
    end = time.monotonic() + PATIENCE
    while not ask(sandbox, "faults")["faults"][0]["struck"]:
        assert time.monotonic() < end
        time.sleep(0.01)


def _restore_signals() -> None:
    """Restores the default actions, because the children of a background job inherit an ignored SIGINT."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_DFL)


class Running:
    """The program in a subprocess with pipes for its output."""

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
            preexec_fn=_restore_signals,  # noqa: PLW1509 - between fork and exec it calls nothing but signal()
        )

    def end(self) -> tuple[int, str, str]:
        """Waits for the end; returns the exit code, the output and the messages."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@pytest.fixture
def many(sandbox: Sandbox, workspace: Callable[..., Any]) -> Any:
    """A workspace with twelve mailboxes to create; the sandbox delays the creation of the third."""
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {" + ", ".join(f"{n}: {{}}" for n in NAMES) + "}\n")
    hold(sandbox, "user-put", skip=2, seconds=0.7)
    return made


def journal(root: Path) -> list[dict[str, Any]]:
    (path,) = (root / ".reconciler" / "journal").glob("*.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def results_of(records: list[dict[str, Any]], event: str) -> dict[str, str]:
    return {r["change"]["address"].split("@")[0]: r.get("result", "") for r in records if r["event"] == event}


def mailboxes(workspace: Any, inside: Callable[..., Any]) -> set[str]:
    """The mailboxes that exist on the server: all names that a plan does not create."""
    plan = json.loads(inside(workspace, "plan", "--format", "json").out)
    missing = {c["address"].split("@")[0] for d in plan["domains"] for c in d["changes"] if c["action"] == "create"}
    return set(NAMES) - missing


def check_no_lock() -> None:
    assert not [*(Path(os.environ["XDG_STATE_HOME"]) / "reconciler" / "locks").glob("*.json")]


def check_stopped(workspace: Any, inside: Callable[..., Any], why: str) -> None:
    """Checks that the journal matches the server and that all generated passwords are delivered."""
    check_no_lock()
    records = journal(workspace.root)
    assert (records[-1]["event"], records[-1]["detail"]) == ("end", "not converged")
    intents, outcomes = results_of(records, "intent"), results_of(records, "outcome")
    made = {n for n, result in outcomes.items() if result == "applied"}
    assert set(outcomes) == set(NAMES)
    assert set(intents) == made, "the run finished the change in flight and started no other"
    assert len(NAMES) > len(made) >= 3
    assert made == set(NAMES[: len(made)])
    assert {outcomes[n] for n in set(NAMES) - made} == {"not tried"}
    assert {r["detail"] for r in records if r.get("result") == "not tried"} == {why}
    assert mailboxes(workspace, inside) == made
    (passwords,) = (workspace.root / ".reconciler" / "passwords").glob("*.jsonl")
    assert {json.loads(line)["address"].split("@")[0] for line in passwords.read_text("utf-8").splitlines()} == made


def test_after_a_signal_apply_finishes_and_journals_the_change_in_flight_and_lists_the_rest(
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


def test_a_saved_plan_can_be_stopped_and_applied_again(many: Any, sandbox: Sandbox, inside: Callable[..., Any]) -> None:
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


def test_a_second_signal_ends_the_run_at_once(many: Any, sandbox: Sandbox) -> None:
    hold(sandbox, "user-put", skip=2, seconds=8)  # The delay is longer than the test on any machine.
    running = Running(many, "apply", "--yes")
    in_flight(sandbox)
    running.process.send_signal(signal.SIGINT)
    assert running.process.stderr is not None
    message = running.process.stderr.readline()
    while "A second signal ends the run" not in message:
        assert message
        message = running.process.stderr.readline()
    running.process.send_signal(signal.SIGTERM)
    code, _, err = running.end()
    assert code == 143, err
    assert "Interrupted by SIGTERM." in err
    assert str(many.root / ".reconciler") in err
    assert "Traceback" not in err
    check_no_lock()
    assert journal(many.root)[-1]["event"] == "intent", "the journal has no outcome for the change in flight"


def test_a_signal_that_a_wrapper_forwards_again_counts_once(
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


def test_a_signal_before_the_first_write_ends_the_run_at_once_and_changes_nothing(
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


def test_a_closed_output_pipe_stops_the_run_between_two_changes(
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


def test_a_closed_terminal_stops_the_run_between_two_changes(
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
        preexec_fn=_restore_signals,  # noqa: PLW1509 - between fork and exec it calls nothing but signal()
    )
    os.close(slave)
    in_flight(sandbox)
    os.close(master)  # The kernel sends SIGHUP, and every later write fails.
    assert process.wait(PATIENCE) == 5
    check_stopped(many, inside, "stopped by SIGHUP")
