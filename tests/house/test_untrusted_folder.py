"""Untrusted people may have written a workspace. The program executes nothing from the folder in which it runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sampling import sampled

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
    """Write a workspace in which the import of one of these modules leaves a trace. Return the path of the trace."""
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
    "words",
    # `python -m` is the form that would look into the folder first.
    sampled([[sys.executable, "-m", "reconciler"], [str(COMMAND)], [sys.executable, "-P", "-m", "reconciler"]], 3),
)
def test_no_module_of_the_workspace_is_imported(tmp_path: Path, words: list[str]) -> None:
    trace = traps(tmp_path)
    if words[1:] == ["-m", "reconciler"]:
        # Python imports these of its own modules before our first line runs. Only -P keeps the folder out of these imports.
        for name in ("json", "logging", "encodings"):
            (tmp_path / f"{name}.py").unlink()
    # PYTHONPATH or PYTHONSAFEPATH of the developer would change the search path under test.
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RECONCILER_"))}
    clean |= {"WHO": "admin", "WHAT": "nothing"}
    done = subprocess.run([*words, "plan"], cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=60)
    assert done.returncode == 6, done.stderr  # the run got as far as the request to the absent server
    assert not trace.exists(), trace.read_text()
    # Prove that the trap works: `python -c` runs into it.
    done = subprocess.run(
        [sys.executable, "-c", "import click"], cwd=tmp_path, env=clean, capture_output=True, text=True
    )
    assert (done.returncode, trace.read_text()) == (1, "click")


class Trap:
    """A repository that configures a program in every place where git would run one."""

    def __init__(self, folder: Path) -> None:
        self.top = folder / "repo"
        self.traces = folder / "traces"
        self.traces.mkdir()
        self.top.mkdir()
        self.git("init", "-q", "-b", "main")
        (self.top / "reconciler.yaml").write_text("old content\n")
        (self.top / ".gitattributes").write_text("*.yaml filter=trap diff=trap merge=trap ident\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "one")
        (self.top / "reconciler.yaml").write_text("new content\n")
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
        """Delete the traces that the test's own git commands left."""
        for path in self.traces.iterdir():
            path.unlink()

    def caught(self) -> set[str]:
        return {path.name for path in self.traces.iterdir()}


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


def test_git_runs_no_filter_hook_or_program_from_the_configuration(trap: Trap) -> None:
    with files_at(trap.top, "HEAD~1") as files:
        assert (files / "reconciler.yaml").read_text() == "old content\n"
    assert commit_of(trap.top) == trap.git("rev-parse", "HEAD")
    assert trap.caught() == set()
    # Prove that the trap works: git without our settings runs the filter.
    trap.git("archive", "HEAD", "--output", str(trap.traces.parent / "x.tar"))
    assert "filter.trap.smudge" in trap.caught()


def test_filters_with_odd_names_and_required_filters_are_switched_off(trap: Trap) -> None:
    (trap.top / ".gitattributes").write_text("*.yaml filter=a=b.c\n")
    trap.git("commit", "-q", "-a", "-m", "three")
    for key, value in (("smudge", f"touch {trap.traces / 'odd'}"), ("process", f"touch {trap.traces / 'process'}")):
        trap.config(f"filter.a=b.c.{key}", value)
    trap.config("filter.a=b.c.required", "true")
    trap.forget()
    with files_at(trap.top, "HEAD") as files:
        assert (files / "reconciler.yaml").read_text() == "new content\n"
    assert trap.caught() == set()


def test_git_settings_in_the_environment_are_kept(trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI runners set `safe.directory` through `GIT_CONFIG_COUNT`. Our settings follow theirs and do not replace them."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "filter.trap.smudge")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"touch {trap.traces / 'from-the-environment'}; cat")
    with files_at(trap.top, "HEAD"):
        assert trap.caught() == set()


def test_a_partial_clone_fetches_nothing(trap: Trap, tmp_path: Path) -> None:
    """git would fetch the missing objects with a command from the configuration of the clone."""
    partial = tmp_path / "partial"
    subprocess.run(["git", "clone", "-q", "--no-local", str(trap.top), str(partial)], check=True, capture_output=True)
    for key, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": f"touch {trap.traces / 'uploadpack'}; false",
    }.items():
        subprocess.run(["git", "-C", str(partial), "config", key, value], check=True)
    # Without any object, every access to HEAD would have to fetch.
    shutil.rmtree(partial / ".git/objects")
    (partial / ".git/objects").mkdir()
    assert commit_of(partial) is None
    with pytest.raises(UnusableCommit), files_at(partial, "HEAD"):
        pass
    assert "uploadpack" not in trap.caught()
    # Prove that the trap works: git without our settings fetches.
    subprocess.run(["git", "-C", str(partial), "cat-file", "-p", "HEAD"], capture_output=True)
    assert "uploadpack" in trap.caught()


def test_a_folder_that_poses_as_a_bare_repository_is_not_used(trap: Trap, tmp_path: Path) -> None:
    """git takes a folder with HEAD, objects and refs for a bare repository, and obeys its `config`."""
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


def test_a_file_missing_from_a_partial_clone_is_reported(repository_with_a_hole: Path) -> None:
    with pytest.raises(UnusableCommit) as caught, files_at(repository_with_a_hole, "HEAD~1"):
        pass
    assert "without --filter" in str(caught.value.hint)


@pytest.fixture
def repository_with_a_hole(trap: Trap, tmp_path: Path) -> Path:
    """Make a clone with `--filter=blob:none`. It has the files of HEAD and none of earlier commits."""
    trap.config("uploadpack.allowFilter", "true")
    subprocess.run(["git", "-C", str(trap.top), "config", "--unset", "uploadpack.packObjectsHook"], check=True)
    clone = ["git", "clone", "-q", "--no-local", "--filter=blob:none", trap.top.as_uri(), str(tmp_path / "hole")]
    subprocess.run(clone, check=True, capture_output=True)
    return tmp_path / "hole"
