"""The prompt of `apply` on a terminal: only `yes` confirms, and every other answer cancels without a change."""

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


def _restore_sigint() -> None:
    """Restores the default action of SIGINT, because the children of a background job inherit that it is ignored."""
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
            preexec_fn=_restore_sigint,  # noqa: PLW1509 - between fork and exec it calls nothing but signal()
        )
        os.close(slave)
        self.seen = b""

    def until(self, text: bytes) -> None:
        """Reads until the text appears."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            self._read()

    def type(self, keys: bytes) -> None:
        """Sends the keys to the terminal."""
        os.write(self._master, keys)

    def end(self) -> int:
        """Reads until the process ends and returns its exit code."""
        end = time.monotonic() + PATIENCE
        while self._read():
            if time.monotonic() > end:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the process does not end: {self.seen!r}")
        os.close(self._master)
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        if select.select([self._master], [], [], 0.1)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux reports a closed terminal as an I/O error.
                return False
            self.seen += data
            return bool(data)
        return self.process.poll() is None


@pytest.fixture
def ready(sandbox: Sandbox, workspace: Callable[..., Any]) -> Any:
    """A workspace whose plan creates one mailbox."""
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {bob: {}}\n")
    return made


def test_the_answer_yes_starts_the_apply(ready: Any) -> None:
    terminal = Terminal(ready, "apply")
    terminal.until(QUESTION)
    terminal.type(b"yes\n")
    assert terminal.end() == 0, terminal.seen
    assert b"converged" in terminal.seen


@pytest.mark.parametrize("keys", [b"y\n", b"\n", b"\x04"], ids=["y", "enter", "end of input"])
def test_any_other_answer_cancels_the_apply(ready: Any, sandbox: Sandbox, keys: bytes) -> None:
    terminal = Terminal(ready, "apply")
    terminal.until(QUESTION)
    terminal.type(keys)
    assert terminal.end() == 4, terminal.seen
    assert b"nothing was changed" in terminal.seen
    assert b"Traceback" not in terminal.seen


def test_control_c_at_the_prompt_exits_at_once_and_changes_nothing(ready: Any) -> None:
    terminal = Terminal(ready, "apply")
    terminal.until(QUESTION)
    # The program prints the prompt shortly before it waits for input. This pause is shorter than human typing.
    time.sleep(0.5)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 4, terminal.seen
    assert b"nothing was changed" in terminal.seen
    assert b"Traceback" not in terminal.seen
    assert ready.run("plan", "--detailed-exitcode").returncode == 2


def faults(sandbox: Sandbox, fault: dict[str, object] | None = None) -> Any:
    """Sets a fault in the sandbox, or returns the current faults."""
    body = None if fault is None else json.dumps(fault).encode()
    request = urllib.request.Request(f"{sandbox.endpoint.url}/sandbox/faults", body, {"X-Sandbox": "1"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["faults"]


def test_a_second_control_c_during_apply_exits_at_once_and_names_the_journal_folder(
    ready: Any, sandbox: Sandbox
) -> None:
    ready.domain("example.com", "mailboxes: {" + ", ".join(f"m{n}: {{}}" for n in range(8)) + "}\n")
    # The delay of the third creation is longer than the rest of the test on any machine.
    faults(sandbox, {"name": "latency", "param": 8000, "path": "user-put", "skip": 2, "times": 1})
    terminal = Terminal(ready, "apply", "--yes")
    terminal.until(b"ok        + mailbox m1@example.com")
    end = time.monotonic() + PATIENCE
    while not faults(sandbox)[0]["struck"]:
        assert time.monotonic() < end
        time.sleep(0.01)
    terminal.process.send_signal(signal.SIGINT)
    terminal.until(b"A second signal ends the run.")
    time.sleep(0.4)  # The program ignores the same signal within a short interval.
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130, terminal.seen
    assert b"Traceback" not in terminal.seen
    assert str(ready.root / ".reconciler").encode() in terminal.seen.replace(b"\r\n", b"")
