"""The question that `apply` asks on a terminal: only yes is yes, and every other end is a refusal that changes nothing."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox import Sandbox

QUESTION = b"Only 'yes' confirms"
PATIENCE = 20.0


def _hears_control_c() -> None:
    """A background job, as a gate may be, has SIGINT ignored, and its children inherit that; a terminal's have not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """The program on a terminal of 80 columns."""

    def __init__(self, workspace: Any, *words: str) -> None:
        self._master, slave = pty.openpty()
        clean = {k: v for k, v in os.environ.items() if not k.startswith("RECONCILER_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", *words],
            cwd=workspace.root,
            env={**clean, **workspace.run.environment, "COLUMNS": "80"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=_hears_control_c,  # noqa: PLW1509 - between fork and exec it calls nothing but signal()
        )
        os.close(slave)
        self.seen = b""

    def until(self, text: bytes) -> None:
        """Reads until the text was printed."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            self._read()

    def type(self, keys: bytes) -> None:
        """Types."""
        os.write(self._master, keys)

    def end(self) -> int:
        """The exit code, once everything was read."""
        end = time.monotonic() + PATIENCE
        while self._read():
            if time.monotonic() > end:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"it does not end: {self.seen!r}")
        os.close(self._master)
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        if select.select([self._master], [], [], 0.1)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux says so that the other side was closed
                return False
            self.seen += data
            return bool(data)
        return self.process.poll() is None


@pytest.fixture
def ready(sandbox: Sandbox, workspace: Callable[..., Any]) -> Any:
    """A workspace with one mailbox to create."""
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {bob: {}}\n")
    return made


def test_yes_applies(ready: Any) -> None:
    terminal = Terminal(ready, "apply")
    terminal.until(QUESTION)
    terminal.type(b"yes\n")
    assert terminal.end() == 0, terminal.seen
    assert b"converged" in terminal.seen


@pytest.mark.parametrize("keys", [b"y\n", b"\n", b"\x04"], ids=["y", "enter", "end of input"])
def test_anything_else_is_a_refusal(ready: Any, sandbox: Sandbox, keys: bytes) -> None:
    terminal = Terminal(ready, "apply")
    terminal.until(QUESTION)
    terminal.type(keys)
    assert terminal.end() == 4, terminal.seen
    assert b"nothing was changed" in terminal.seen
    assert b"Traceback" not in terminal.seen


def test_control_c_at_the_question_ends_at_once_and_changes_nothing(ready: Any) -> None:
    terminal = Terminal(ready, "apply")
    terminal.until(QUESTION)
    # The question is printed a moment before the answer is waited for; nobody's fingers are that quick.
    time.sleep(0.5)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 4, terminal.seen
    assert b"nothing was changed" in terminal.seen
    assert b"Traceback" not in terminal.seen
    assert ready.run("plan", "--detailed-exitcode").returncode == 2


def faults(sandbox: Sandbox, fault: dict[str, object] | None = None) -> Any:
    """Sets a fault, or asks for those that are set."""
    body = None if fault is None else json.dumps(fault).encode()
    request = urllib.request.Request(f"{sandbox.endpoint.url}/sandbox/faults", body, {"X-Sandbox": "1"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["faults"]


def test_control_c_twice_in_the_middle_of_an_apply_ends_at_once_and_says_where_to_look(
    ready: Any, sandbox: Sandbox
) -> None:
    ready.domain("example.com", "mailboxes: {" + ", ".join(f"m{n}: {{}}" for n in range(8)) + "}\n")
    # The third creation is held back for longer than the rest of the test takes on any machine.
    faults(sandbox, {"name": "latency", "param": 8000, "path": "user-put", "skip": 2, "times": 1})
    terminal = Terminal(ready, "apply", "--yes")
    terminal.until(b"ok        + mailbox m1@example.com")
    end = time.monotonic() + PATIENCE
    while not faults(sandbox)[0]["struck"]:
        assert time.monotonic() < end
        time.sleep(0.01)
    terminal.process.send_signal(signal.SIGINT)
    terminal.until(b"A second signal ends the run.")
    time.sleep(0.4)  # the same signal at once would be taken for an echo of the first
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130, terminal.seen
    assert b"Traceback" not in terminal.seen
    assert str(ready.root / ".reconciler").encode() in terminal.seen.replace(b"\r\n", b"")
