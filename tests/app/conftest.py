"""A git repository for each test, independent of the git configuration of the machine."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


class Repository:
    """A real repository in a folder."""

    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        settings = ("user.name=T", "user.email=t@example.com", "commit.gpgsign=false", "core.hooksPath=/dev/null")
        options = [word for s in settings for word in ("-c", s)]
        done = subprocess.run(
            ["git", *options, "-C", str(self.top), *words],
            env={**clean, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        target = self.top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def commit(self, message: str = "A change") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Repository]:
    """Creates a repository in the temporary folder of the test."""
    return lambda name="repo": Repository(tmp_path / name)
