"""The page about secrets: its files are valid, its commands run, and its extras exist."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from reconciler.config.workspace import load_configuration
from reconciler.core.diagnostics import has_errors
from reconciler.core.model import Unset

from .conftest import ROOT, blocks

PAGE = "docs/secrets.md"
HEAD = "apiVersion: reconciler/v1\nkind: {}\n"
SERVERS = 'servers: {mail1: {url: "https://mail1.example.net", username: admin, password: {env: PW}}}\n'


def test_each_file_on_the_page_is_valid_and_the_files_show_all_sources(tmp_path: Path) -> None:
    texts = blocks(PAGE, "yaml")
    workspaces = [text for text in texts if text.startswith("secrets:")]
    domains = [text for text in texts if text.startswith("mailboxes:")]
    assert (len(workspaces), len(domains)) == (2, 2)
    commands, recipients = workspaces
    both = commands + "".join(recipients.splitlines(keepends=True)[1:])
    (tmp_path / "reconciler.yaml").write_text(HEAD.format("Workspace") + SERVERS + both)
    (tmp_path / "domains").mkdir()
    kinds: set[str] = set()
    for i, text in enumerate(domains):
        name = f"d{i}.example"
        (tmp_path / "domains" / f"{name}.yaml").write_text(HEAD.format("Domain") + f"domain: {name}\n{text}")
    config = load_configuration(tmp_path, here=tmp_path, environ={})
    assert not has_errors(config.diagnostics), config.diagnostics
    assert len(config.workspace.secrets.recipients) == 2
    for desired in config.domains.values():
        assert not isinstance(desired.mailboxes, Unset)
        kinds |= {box.password.kind for box in desired.mailboxes.values() if not isinstance(box.password, Unset)}
    assert kinds == {"env", "file", "sops", "vault", "keyring", "command", "generate"}


def test_the_commands_on_the_page_run(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path, dirs_exist_ok=True)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "alice").write_text("Long-enough-123\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    lines = [line for block in blocks(PAGE, "sh") for line in block.splitlines()]
    assert len(lines) == 2
    for line, results in zip(lines, (5, 0), strict=True):
        done = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == results


@pytest.mark.source
def test_the_extras_on_the_page_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = set(re.findall(r"pipx install '\.\[(\w+)\]'", (ROOT / PAGE).read_text("utf-8")))
    assert named == {"vault", "keyring", "age"}
    assert named <= project["optional-dependencies"].keys()
