"""Fixtures: a sandbox with populated domains, the program in a subprocess, and a terminal."""

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import forked_program
import pytest

from reconciler.sandbox import Sandbox, SandboxConfig, SeedDomain

sys.path.append(str(Path(__file__).parent))  # `ci_runners` is importable for the tests in this folder

PASSWORD = 'C4nary-"of\\the/sandbox+%&<7!'
"""The password of every administrator; the tests search the output and the files for it."""
DOMAINS = ("first.example", "second.example", "third.example")
PATIENCE = 30.0


@dataclass
class World:
    """A populated server: mailboxes, aliases, forwarding, a domain alias."""

    sandbox: Sandbox
    password: str = PASSWORD
    domains: tuple[str, ...] = DOMAINS

    @property
    def url(self) -> str:
        return self.sandbox.endpoint.url

    @property
    def dns(self) -> str:
        return self.sandbox.endpoint.dns

    def account(self, domain: str = "") -> dict[str, str]:
        """The credentials in the environment: of the system administrator or of a domain administrator."""
        user = f"boss@{domain}" if domain else "admin"
        return {"SMARTERMAIL_USER": user, "SMARTERMAIL_PASSWORD": PASSWORD}

    def post(self, path: str, body: Any, headers: dict[str, str]) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/{path}",
            data,
            {"Content-Type": "application/json", **headers},
            method="POST" if data else "GET",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def own(self, path: str, body: Any = None) -> Any:
        """Sends a request to a control endpoint of the sandbox."""
        return self.post(f"sandbox/{path}", body, {"X-Sandbox": "1"})

    def requests(self, part: str = "") -> list[str]:
        """The paths of the requests so far."""
        return [row["path"] for row in self.own("requests")["requests"] if part in row["path"]]

    def forget_requests(self) -> None:
        self.own("requests/reset", {})

    def as_boss(self, domain: str, path: str, body: Any) -> None:
        """Sends a request as the domain administrator; it must succeed."""
        who = {"username": f"boss@{domain}", "password": self.password, "clientId": "by hand"}
        token = self.post("api/v1/auth/authenticate-user", who, {})["accessToken"]
        done = self.post(f"api/v1/settings/domain/{path}", body, {"Authorization": f"Bearer {token}"})
        assert done["success"], (path, done)

    def fill(self, domain: str, mailboxes: int = 3) -> None:
        """Creates resources as a person would in the web interface."""
        for number in range(mailboxes):
            user = {"userName": f"user{number}", "password": PASSWORD, "fullName": f"User {number}: a name"}
            user["maxMailboxSize"] = number << 30
            self.as_boss(domain, "user-put", {"userData": user, "userMailSettings": {"enableMailForwarding": True}})
        forwards = {"email": f"user1@{domain}", "mailboxForwardList": {"forwardList": ["x@elsewhere.example"]}}
        self.as_boss(domain, "post-mailbox-forward-list", forwards)
        alias = {"name": "sales", "aliasTargetList": ["user0", "partner@elsewhere.example"]}
        self.as_boss(domain, "alias-put", {"alias": alias})


@pytest.fixture
def world() -> Iterator[World]:
    seed = tuple(
        SeedDomain(
            name=name,
            admin_username="boss",
            admin_password=PASSWORD,
            hostname="mail1.example.net",
            limits={"maxUsers": 25},
            zones={name: "@ 300 IN MX 10 mail1.example.net.\n"},
        )
        for name in DOMAINS
    )
    zones = {"example.net": 'mail1 300 IN A 192.0.2.10\nspf 300 IN TXT "v=spf1 ip4:192.0.2.10 -all"\n'}
    with Sandbox(SandboxConfig(seed=seed, password=PASSWORD, zones=zones)) as running:
        made = World(running)
        for name in DOMAINS[:2]:
            made.fill(name)
        made.forget_requests()
        yield made


@dataclass
class Program:
    """Runs `reconciler` in a folder, without a terminal."""

    cwd: Path
    environment: dict[str, str] = field(default_factory=dict)

    def clean(self) -> dict[str, str]:
        """The environment of the caller without the variables that this program, git or a CI reads."""
        ours = ("RECONCILER_", "SMARTERMAIL_", "GITHUB_", "GIT_", "CI_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**kept, "PATH": path, "NO_COLOR": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def __call__(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**self.clean(), **self.environment, **environment}
        return forked_program.run(words, cwd=self.cwd, env=env, no_input=True)

    def git(self, *words: str) -> str:
        """Runs git; the command must succeed."""
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.net")
        done = subprocess.run(
            ["git", *who, *words], cwd=self.cwd, env=self.clean(), capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.strip()


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def _take_terminal() -> None:
    """Makes the terminal the controlling one for password prompts, and restores the default action of SIGINT."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A command on its own terminal."""

    def __init__(self, program: Program, words: Sequence[str], **environment: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            words,
            cwd=program.cwd,
            env={**program.clean(), **program.environment, "COLUMNS": "100", **environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - between fork and exec it makes two system calls
        )
        os.close(slave)
        self.seen = ""
        self.read_up_to = 0

    def answer(self, question: str, keys: str) -> None:
        """Waits for a new prompt with this text, then sends the keys."""
        end = time.monotonic() + PATIENCE
        while question not in self.seen[self.read_up_to :]:
            assert time.monotonic() < end, self.seen
            assert self._read() or question in self.seen[self.read_up_to :], self.seen
        self.read_up_to = self.seen.index(question, self.read_up_to) + len(question)
        if keys:
            time.sleep(0.3)  # A hidden prompt discards earlier input.
            self.type(keys)

    def type(self, keys: str) -> None:
        """Sends the keys to the terminal."""
        os.write(self._master, keys.encode())

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
            self.seen += data.decode("utf-8", "replace")
            return bool(data)
        return self.process.poll() is None


@pytest.fixture
def on_terminal(program: Program) -> Iterator[Callable[..., Terminal]]:
    """Starts any command on a terminal and ends it after the test."""
    started: list[Terminal] = []

    def start(words: Sequence[str], **environment: str) -> Terminal:
        started.append(Terminal(program, words, **environment))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def terminal(on_terminal: Callable[..., Terminal]) -> Callable[..., Terminal]:
    """Starts the program on a terminal."""
    return lambda *words, **environment: on_terminal([sys.executable, "-m", "reconciler", *words], **environment)


def texts_of(folder: Path) -> dict[str, str]:
    """Maps each file of a folder to its text."""
    return {
        str(path.relative_to(folder)): path.read_text("utf-8", errors="replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


@pytest.fixture
def files() -> Callable[[Path], dict[str, str]]:
    return texts_of
