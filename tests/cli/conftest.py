"""Fixtures: the installed program in a subprocess, a running sandbox, and workspaces that use the sandbox."""

import os
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import forked_program
import pytest

from reconciler.sandbox import Endpoint, Sandbox, SandboxConfig, SeedDomain

ADMIN_PASSWORD = "Fixture-only-1!"


@dataclass
class Program:
    """Runs `reconciler` in a workspace."""

    cwd: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RECONCILER_", "SMARTERMAIL_", "GITHUB_"))}
        return forked_program.run(words, cwd=self.cwd, env={**clean, **self.environment, **environment}, stdin=stdin)


@dataclass
class Workspace:
    """A workspace on disk, and the program that runs in it."""

    root: Path
    run: Program

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), encoding="utf-8")

    def domain(self, name: str, body: str, *, server: str = "mail1", product: str | None = "standard") -> None:
        head = f"apiVersion: reconciler/v1\nkind: Domain\ndomain: {name}\nserver: {server}\n"
        head += f"product: {product}\n" if product else ""
        self.write(f"domains/{name}.yaml", head + textwrap.dedent(body))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    seed = tuple(
        SeedDomain(
            name=name,
            admin_username="boss",
            admin_password=ADMIN_PASSWORD,
            hostname="mail1.example.net",
            zones={name: "@ 300 IN MX 10 mail1.example.net.\n"},
        )
        for name in ("example.com", "second.example")
    )
    zones = {
        "example.net": (
            "@ 300 IN MX 10 mail1.example.net.\n"
            "mail1 300 IN A 192.0.2.10\n"
            'spf 300 IN TXT "v=spf1 ip4:192.0.2.10 -all"\n'
            '*._report._dmarc 300 IN TXT "v=DMARC1"\n'
        )
    }
    with Sandbox(SandboxConfig(seed=seed, zones=zones)) as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path) -> Callable[..., Workspace]:
    """Creates a workspace for an endpoint, with this role and this policy."""

    def make(endpoint: Endpoint, *, role: str = "admin", policy: str = "{}") -> Workspace:
        user, password = (
            (endpoint.username, endpoint.password) if role == "admin" else ("boss@example.com", ADMIN_PASSWORD)
        )
        environment = {"SMARTERMAIL_USER": user, "SMARTERMAIL_PASSWORD": password, "NO_COLOR": "1"}
        made = Workspace(tmp_path, Program(tmp_path, environment))
        made.write(
            "reconciler.yaml",
            f"""\
            apiVersion: reconciler/v1
            kind: Workspace
            servers:
              mail1:
                url: {endpoint.url}
                hostname: mail1.example.net
                username: {{env: SMARTERMAIL_USER}}
                password: {{env: SMARTERMAIL_PASSWORD}}
                role: {role}
            policy: {policy}
            dns:
              resolvers: ["{endpoint.dns}"]
              timeout: 2
            """,
        )
        made.write(
            "products/standard.yaml",
            """\
            apiVersion: reconciler/v1
            kind: Product
            limits: {mailboxes: 25, domainAliases: 5, mailboxQuota: 50 GiB}
            dns:
              spf: {primary: "include:spf.example.net"}
              dmarc: {check: true, rua: dmarc@example.net}
            """,
        )
        return made

    return make


@dataclass(frozen=True)
class Ran:
    """The exit code and the output of one command."""

    code: int
    out: str
    err: str


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs `reconciler` in a workspace inside this process, which is much faster than a subprocess."""
    from reconciler.cli.main import run

    def do(place: Workspace, *words: str, cwd: Path | None = None, **environment: str) -> Ran:
        with monkeypatch.context() as patch:
            for name in [n for n in os.environ if n.startswith(("RECONCILER_", "SMARTERMAIL_", "GITHUB_"))]:
                patch.delenv(name)
            for name, value in {**place.run.environment, **environment}.items():
                patch.setenv(name, value)
            patch.chdir(cwd or place.root)
            capsys.readouterr()
            code = run(words)
            return Ran(code, *capsys.readouterr())

    return do


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program in an empty folder."""
    return Program(tmp_path, {"NO_COLOR": "1"})
