"""Runs the shell blocks of the pages word for word, in a temporary folder."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import forked_program
import pytest

ROOT = Path(__file__).parents[2]


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


class Shell:
    """Follows a page: `export` and `cd` stay in effect, and `reconciler sandbox` runs in the background."""

    def __init__(self, folder: Path) -> None:
        self.cwd = folder
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RECONCILER_", "SMARTERMAIL_"))}
        self.env = {**clean, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
        self.background: list[subprocess.Popen[str]] = []

    def line(self, line: str, *, answer: str | None = None) -> subprocess.CompletedProcess[str] | None:
        """Runs one line. Returns the result of a `reconciler` command, and None for other lines."""
        words = shlex.split(line, comments=True)
        if not words:
            return None
        if words[0] == "cd":
            self.cwd = (self.cwd / words[1]).resolve()
            return None
        if words[0] == "export":
            self.env |= dict(word.split("=", 1) for word in words[1:])
            return None
        settings = {}
        while "=" in words[0]:
            name, value = words.pop(0).split("=", 1)
            settings[name] = value
        assert words[0] == "reconciler", f"this test cannot run the line: {line}"
        if words[1] == "sandbox":
            self.sandbox(words, settings)
            return None
        if words[-1] == "apply":
            # There is no terminal for the confirmation prompt, so the answer becomes an option.
            assert answer is not None
            words.append("--yes")
        return forked_program.run(words[1:], cwd=self.cwd, env={**self.env, **settings})

    def sandbox(self, words: list[str], settings: dict[str, str]) -> dict[str, str]:
        """Starts a sandbox, waits until it listens, and returns its addresses and credentials."""
        process = subprocess.Popen(
            words, cwd=self.cwd, env={**self.env, **settings}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.background.append(process)
        assert process.stdout is not None
        printed: dict[str, str] = json.loads(process.stdout.readline())
        return printed

    def close(self) -> None:
        """Ends the sandboxes in the background."""
        for process in self.background:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    made = Shell(tmp_path)
    yield made
    made.close()
