"""A workspace is files that others may have written: being run in one, the program runs nothing of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.app.git import commit_of, files_at
from reconciler.core.errors import UnusableCommit

pytestmark = pytest.mark.source

MODULES = (
    "yaml",
    "click",
    "httpx",
    "sitecustomize",
    "usercustomize",
    "json",
    "encodings",
    "logging",
    "idna",
    "stamina",
)
COMMAND = Path(sys.executable).parent / "reconciler"


def traps(folder: Path) -> Path:
    """A workspace in which importing any of these leaves a trace."""
    trace = folder / "trace"
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"open({str(trace)!r}, 'a').write({name!r})\nraise SystemExit('caught')\n")
    head = "apiVersion: reconciler/v1\nkind: "
    server = "mail1: {url: 'http://127.0.0.1:9', username: {env: WHO}, password: {env: WHAT}}"
    (folder / "reconciler.yaml").write_text(f"{head}Workspace\nservers:\n  {server}\n")
    (folder / "domains").mkdir()
    (folder / "domains/example.com.yaml").write_text(f"{head}Domain\ndomain: example.com\nmailboxes: {{}}\n")
    return trace


@pytest.mark.parametrize(
    "words", [[str(COMMAND)], [sys.executable, "-m", "reconciler"], [sys.executable, "-P", "-m", "reconciler"]]
)
def test_no_module_of_the_workspace_is_imported(tmp_path: Path, words: list[str]) -> None:
    trace = traps(tmp_path)
    if words[1:] == ["-m", "reconciler"]:
        # Of Python's own modules it imports some before any line of ours is run. Those nobody can keep out but with -P.
        for name in ("json", "logging", "encodings"):
            (tmp_path / f"{name}.py").unlink()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RECONCILER_"))}
    clean |= {"WHO": "admin", "WHAT": "nothing"}
    done = subprocess.run([*words, "plan"], cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=60)
    assert done.returncode == 6, done.stderr  # it came as far as asking the server, which is not there
    assert not trace.exists(), trace.read_text()
    # The trap works: a plain `python -c` is caught by it.
    done = subprocess.run(
        [sys.executable, "-c", "import click"], cwd=tmp_path, env=clean, capture_output=True, text=True
    )
    assert (done.returncode, trace.read_text()) == (1, "click")


class Trap:
    """A repository whose configuration runs a program wherever git would run one."""

    def __init__(self, folder: Path) -> None:
        self.top = folder / "repo"
        self.traces = folder / "traces"
        self.traces.mkdir()
        self.top.mkdir()
        self.git("init", "-q", "-b", "main")
        (self.top / "reconciler.yaml").write_text("as it was\n")
        (self.top / ".gitattributes").write_text("*.yaml filter=trap diff=trap merge=trap ident\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "one")
        (self.top / "reconciler.yaml").write_text("as it is\n")
        self.git("commit", "-q", "-a", "-m", "two")
        for key in (
            "filter.trap.smudge", "filter.trap.clean", "diff.trap.textconv", "diff.trap.command", "diff.external",
            "core.fsmonitor", "core.sshCommand", "core.askPass", "core.pager", "core.editor", "core.gitProxy",
            "core.alternateRefsCommand", "credential.helper", "gpg.program", "tar.tar.command", "uploadpack.packObjectsHook",
            "alias.archive", "alias.rev-parse", "alias.ls-tree",
        ):  # fmt: skip
            program = f"touch {self.traces / key}; cat"
            self.config(key, f"!{program}" if key.startswith(("alias.", "credential.")) else program)
        hooks = folder / "hooks"
        hooks.mkdir()
        for name in ("post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"):
            (hooks / name).write_text(f"#!/bin/sh\ntouch {self.traces / name}\n")
            (hooks / name).chmod(0o755)
        self.config("core.hooksPath", str(hooks))

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *who, "-C", str(self.top), *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def config(self, key: str, value: str) -> None:
        self.git("config", key, value)

    def forget(self) -> None:
        """What our own git commands set off."""
        for path in self.traces.iterdir():
            path.unlink()

    def caught(self) -> set[str]:
        return {path.name for path in self.traces.iterdir()}


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


def test_git_runs_no_filter_hook_or_program_that_a_repository_configures(trap: Trap) -> None:
    with files_at(trap.top, "HEAD~1") as files:
        assert (files / "reconciler.yaml").read_text() == "as it was\n"
    assert commit_of(trap.top) == trap.git("rev-parse", "HEAD")
    assert trap.caught() == set()
    # The trap works: git by itself runs the filter.
    trap.git("archive", "HEAD", "--output", str(trap.traces.parent / "x.tar"))
    assert "filter.trap.smudge" in trap.caught()


def test_a_filter_with_an_odd_name_or_one_that_is_required_is_switched_off_too(trap: Trap) -> None:
    (trap.top / ".gitattributes").write_text("*.yaml filter=a=b.c\n")
    trap.git("commit", "-q", "-a", "-m", "three")
    for key, value in (("smudge", f"touch {trap.traces / 'odd'}"), ("process", f"touch {trap.traces / 'process'}")):
        trap.config(f"filter.a=b.c.{key}", value)
    trap.config("filter.a=b.c.required", "true")
    trap.forget()
    with files_at(trap.top, "HEAD") as files:
        assert (files / "reconciler.yaml").read_text() == "as it is\n"
    assert trap.caught() == set()


def test_settings_of_the_caller_in_the_environment_still_count(trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    """`GIT_CONFIG_COUNT` is how a CI runner says `safe.directory`: ours come after it, and do not replace it."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "filter.trap.smudge")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"touch {trap.traces / 'from-the-environment'}; cat")
    with files_at(trap.top, "HEAD"):
        assert trap.caught() == set()


def test_nothing_is_fetched_from_where_a_repository_says_that_it_is_incomplete(trap: Trap, tmp_path: Path) -> None:
    """A partial clone fetches what it lacks, by a command that stands in its configuration."""
    partial = tmp_path / "partial"
    subprocess.run(["git", "clone", "-q", "--no-local", str(trap.top), str(partial)], check=True, capture_output=True)
    for key, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": f"touch {trap.traces / 'uploadpack'}; false",
    }.items():
        subprocess.run(["git", "-C", str(partial), "config", key, value], check=True)
    shutil.rmtree(partial / ".git/objects")
    (partial / ".git/objects").mkdir()
    assert commit_of(partial) is None
    with pytest.raises(UnusableCommit), files_at(partial, "HEAD"):
        pass
    assert "uploadpack" not in trap.caught()
    # The trap works.
    subprocess.run(["git", "-C", str(partial), "cat-file", "-p", "HEAD"], capture_output=True)
    assert "uploadpack" in trap.caught()


def test_a_folder_that_a_pull_request_made_to_look_like_a_repository_is_none(trap: Trap, tmp_path: Path) -> None:
    """Git takes a folder with HEAD, objects and refs for a bare repository, and its `config` for orders."""
    outer = tmp_path / "outer"
    shutil.copytree(trap.top / ".git", outer / "mail")
    subprocess.run(["git", "init", "-q", str(outer)], check=True)
    subprocess.run(
        ["git", "config", "-f", str(outer / "mail/config"), "core.worktree", str(outer / "mail")], check=True
    )
    subprocess.run(["git", "config", "-f", str(outer / "mail/config"), "core.bare", "false"], check=True)
    (outer / "mail/reconciler.yaml").write_text("x\n")
    assert commit_of(outer / "mail") is None
    with pytest.raises(UnusableCommit), files_at(outer / "mail", "HEAD"):
        pass
    assert trap.caught() == set()


def test_where_a_partial_clone_lacks_a_file_that_is_said(repository_with_a_hole: Path) -> None:
    with pytest.raises(UnusableCommit) as caught, files_at(repository_with_a_hole, "HEAD~1"):
        pass
    assert "without --filter" in str(caught.value.hint)


@pytest.fixture
def repository_with_a_hole(trap: Trap, tmp_path: Path) -> Path:
    """A clone that was made with `--filter=blob:none`: it has the files of HEAD and none of before."""
    trap.config("uploadpack.allowFilter", "true")
    subprocess.run(["git", "-C", str(trap.top), "config", "--unset", "uploadpack.packObjectsHook"], check=True)
    clone = ["git", "clone", "-q", "--no-local", "--filter=blob:none", trap.top.as_uri(), str(tmp_path / "hole")]
    subprocess.run(clone, check=True, capture_output=True)
    return tmp_path / "hole"
