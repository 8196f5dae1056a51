"""Runs the jobs of the CI files like GitHub and GitLab: the original shell lines in fresh clones of a repository.

The module imitates the parts of a CI host around a script: expressions, variables, caches, artifacts, the comments of
a pull request behind `gh`. An unknown expression, action or condition is an error.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import forked_program
import yaml

GH = r'''
"""A replacement of `gh api` for the comments of one pull request, stored in $GH_STORE."""
import json, os, re, sys
words = sys.argv[1:]
assert words.pop(0) == "api", words
assert os.environ["GH_TOKEN"] == "github-token"
options = {}
path = ""
while words:
    word = words.pop(0)
    if word in ("--paginate", "--silent"):
        options[word] = True
    elif word.startswith("--"):
        options[word] = words.pop(0)
    else:
        path = word
with open(os.environ["GH_STORE"]) as file:
    comments = json.load(file)
def body():
    name, _, at = options["--field"].partition("=@")
    assert name == "body", options
    with open(at, encoding="utf-8") as file:
        text = file.read()
    assert len(text) <= 65536, "GitHub rejects a longer comment"
    return text
method = options.get("--method", "GET")
if method == "GET":
    assert path == "repos/acme/mail/issues/7/comments", path
    expected = '.[] | select(.user.login == "github-actions[bot]" and (.body | startswith(env.MARKER))) | .id'
    assert options["--jq"] == expected, options
    for comment in comments:
        if comment["user"]["login"] == "github-actions[bot]" and comment["body"].startswith(os.environ["MARKER"]):
            print(comment["id"])
elif method == "POST":
    assert path == "repos/acme/mail/issues/7/comments", path
    comments.append({"id": 100 + len(comments), "user": {"login": "github-actions[bot]"}, "body": body()})
else:
    assert method == "PATCH", method
    number = int(re.fullmatch("repos/acme/mail/issues/comments/([0-9]+)", path)[1])
    (comment,) = [c for c in comments if c["id"] == number]
    comment["body"] = body()
with open(os.environ["GH_STORE"], "w") as file:
    json.dump(comments, file)
'''
SOURCE = f"smartermail-reconciler @ git+https://git.example/mail/reconciler@{'a' * 40}"
"""The source of the program in the CI files of these tests."""
PIP = f"import sys; assert sys.argv[1:] == ['install', {SOURCE!r}], sys.argv"
NOTHING = "0" * 40


@dataclass
class Ran:
    """The result of a job: its exit code, its output, its folder, and its artifacts by name."""

    code: int
    out: str
    folder: Path
    artifacts: dict[str, str] = field(default_factory=dict)
    summary: str = ""


@dataclass
class Runners:
    """A CI host: the repository, its caches, the comments of pull request 7.

    Attributes:
        origin: a bare repository.
        accounts: the secrets, by name.
    """

    place: Path
    origin: Path
    clean: Mapping[str, str]
    accounts: Mapping[str, str]
    jobs: int = 0

    def __post_init__(self) -> None:
        tools = self.place / "tools"
        tools.mkdir(parents=True)
        for name, text in (("gh", GH), ("pip", PIP)):
            (tools / f"{name}.py").write_text(text, "utf-8")
            (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tools}/{name}.py" "$@"\n', "utf-8")
            (tools / name).chmod(0o755)
        forked_program.write_command(tools)
        self.path = f"{tools}:{self.clean['PATH']}"
        self.comments_file = self.place / "comments.json"
        self.comments_file.write_text('[{"id": 1, "user": {"login": "carol"}, "body": "Looks good."}]', "utf-8")

    @property
    def comments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.comments_file.read_text("utf-8"))
        return found

    def clone(self, commit: str) -> Path:
        """Checks a commit out in a new folder; every branch of the repository is a branch of origin."""
        self.jobs += 1
        folder = self.place / f"job{self.jobs}"
        self._git("clone", "-q", "--no-checkout", str(self.origin), str(folder), cwd=self.place)
        self._git("fetch", "-q", "origin", "+refs/pull/*:refs/remotes/pull/*", cwd=folder)
        self._git("checkout", "-q", "--detach", commit, cwd=folder)
        return folder

    def _git(self, *words: str, cwd: Path) -> None:
        subprocess.run(["git", *words], cwd=cwd, env={**self.clean}, check=True, capture_output=True, timeout=30)

    def shell(self, script: str, folder: Path, env: Mapping[str, str], *, pipefail: bool = False) -> tuple[int, str]:
        """Starts bash with the options of the CI hosts."""
        words = ["bash", "--noprofile", "--norc", "-e", *(["-o", "pipefail"] if pipefail else []), "-c", script]
        done = subprocess.run(
            words,
            cwd=folder,
            env={**self.clean, "PATH": self.path, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
        )
        return done.returncode, done.stdout

    def cached(self, key: str, folder: Path, path: str, *, save: bool) -> None:
        """Copies a folder from the cache or to the cache."""
        kept, here = self.place / "caches" / key, folder / path
        source, target = (here, kept) if save else (kept, here)
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)


@dataclass
class GitHub:
    """GitHub Actions for the version of one workflow file in the commit under test."""

    runners: Runners
    file: str = ".github/workflows/reconciler.yml"

    def run(self, job: str, commit: str, **values: str) -> Ran:
        """Runs the steps of a job; `values` are the values of expressions, with `_` for each dot."""
        folder = self.runners.clone(commit)
        text = (folder / self.file).read_text("utf-8")
        workflow = yaml.safe_load(text.replace("\non:\n", '\n"on":\n'))
        known = {
            "github.token": "github-token",
            "github.run_id": str(self.runners.jobs),
            "github.run_attempt": "1",
            **{f"secrets.{name}": value for name, value in self.runners.accounts.items()},
            **{f"env.{name}": value for name, value in workflow["env"].items()},
            **{name.replace("__", "."): value for name, value in values.items()},
        }
        made = Ran(0, "", folder)
        common = {**workflow["env"], "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/mail", "CI": "true"}
        for number, step in enumerate(workflow["jobs"][job]["steps"]):
            if self._is_due(step.get("if"), made):
                self._step(step, number, made, common, known)
        return made

    def _is_due(self, condition: str | None, made: Ran) -> bool:
        if condition is None:
            return made.code == 0
        return {
            "${{ always() }}": True,
            "${{ !cancelled() }}": True,
            "${{ !cancelled() && hashFiles('plan.md') != '' }}": (made.folder / "plan.md").is_file(),
        }[condition]

    def _step(self, step: Any, number: int, made: Ran, common: Mapping[str, str], known: Mapping[str, str]) -> None:
        if "uses" in step:
            self._action(step["uses"].split("@")[0], step.get("with", {}), made, known)
            return
        summary = self.runners.place / f"summary{self.runners.jobs}-{number}"
        summary.touch()
        env = {name: self._filled(str(value), known) for name, value in step.get("env", {}).items()}
        env |= {"GITHUB_STEP_SUMMARY": str(summary), "GH_STORE": str(self.runners.comments_file)}
        code, out = self.runners.shell(step["run"], made.folder, {**common, **env})
        made.out += out
        made.summary += summary.read_text("utf-8")
        made.code = made.code or code

    def _action(self, name: str, given: Mapping[str, Any], made: Ran, known: Mapping[str, str]) -> None:
        if name in ("actions/checkout", "actions/setup-python"):
            return
        path = self._filled(given["path"], known)
        if name == "actions/upload-artifact":
            found = {line: made.folder / line for line in path.split()}
            made.artifacts |= {line: file.read_text("utf-8") for line, file in found.items() if file.is_file()}
            return
        assert name in ("actions/cache/restore", "actions/cache/save"), name
        key = self._filled(given["key"], known)
        assert key.startswith("reconciler-journal-")
        self.runners.cached("reconciler-journal", made.folder, path, save=name.endswith("save"))

    def _filled(self, text: str, known: Mapping[str, str]) -> str:
        return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: known[found[1]], text)


@dataclass
class GitLab:
    """GitLab CI: the script lines of a job in order, its cache and its artifacts."""

    runners: Runners

    def run(self, job: str, commit: str, **variables: str) -> Ran:
        """Runs a job without evaluating its rules."""
        folder = self.runners.clone(commit)
        pipeline = yaml.safe_load((folder / ".gitlab-ci.yml").read_text("utf-8"))
        row = pipeline[job]
        cache: dict[str, Any] = {}
        if "extends" in row:
            cache = {**pipeline[row["extends"]]["cache"], **row.get("cache", {})}
        env = {**self.runners.accounts, "CI": "true", "GITLAB_CI": "true", **pipeline["variables"], **variables}
        made = Ran(0, "", folder)
        self._cache(cache, made, env, save=False)
        for line in (*pipeline["default"]["before_script"], *row["script"]):
            if made.code == 0:
                made.code, out = self.runners.shell(line, folder, env, pipefail=True)
                made.out += out
        self._cache(cache, made, env, save=True)
        kept = row.get("artifacts", {})
        for name in (*kept.get("paths", ()), *kept.get("reports", {}).values()):
            if (folder / name).is_file():
                made.artifacts[name] = (folder / name).read_text("utf-8")
        return made

    def _cache(self, cache: Mapping[str, Any], made: Ran, env: Mapping[str, str], *, save: bool) -> None:
        if not cache or (save and ("push" not in cache["policy"] or (made.code and cache.get("when") != "always"))):
            return
        for path in cache["paths"]:
            place = path.replace("$RECONCILER_WORKSPACE", env["RECONCILER_WORKSPACE"])
            self.runners.cached(cache["key"], made.folder, place, save=save)


def at_home(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for git and the program without the settings of the caller."""
    return {**environment, "HOME": os.devnull}
