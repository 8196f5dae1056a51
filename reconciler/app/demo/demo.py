"""The whole story in under a minute: files become mailboxes on a real HTTP server, drift is found and repaired, and
the DNS report goes from red to green. Every step runs the program itself, as a user would."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from reconciler.app.data import data_folder
from reconciler.app.demo.edits import by_hand, publish
from reconciler.app.demo.script import AFTERWARDS, BROKEN, INTRODUCTION, STEPS, DemoStep
from reconciler.app.demo.terminal import ON_DEMO_TERMINAL
from reconciler.app.sandbox import load_seed, seed_domains, seed_zones
from reconciler.core.errors import ReconcilerError, WouldOverwrite
from reconciler.sandbox import Sandbox, SandboxConfig

MARK = ".made-by-reconciler-demo"
URLS = {"mail1": "http://127.0.0.1:17017", "mail2": "http://127.0.0.1:17018"}
"""The addresses in the example workspace, which are exchanged for those of the running sandboxes."""
RESOLVER = "127.0.0.1:5353"
_COLORS = re.compile("\x1b\\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the story is played: the folder, the running servers, the environment of the commands."""

    folder: Path
    hosts: Mapping[str, Sandbox]
    environment: Mapping[str, str]

    @property
    def workspace(self) -> Path:
        """The copy of the example workspace."""
        return self.folder / "examples"


def run_demo(folder: Path, say: Callable[[str], None], *, color: bool) -> None:
    """Plays the story, and leaves its files in `folder`.

    Args:
        folder: new, empty, or left by an earlier demo, which is then replaced.
        say: prints a line of the story.
        color: whether the commands are to print in colour.

    Raises:
        WouldOverwrite: the folder holds something else.
        ReconcilerError: a step did not end as it should.
    """
    _prepare(folder)
    say(INTRODUCTION)
    with ExitStack() as stack:
        stage = _set(folder, stack, color=color)
        for number, step in enumerate(STEPS, 1):
            _play(stage, number, step, say)
    _restore(folder / "examples")
    say(AFTERWARDS.format(folder=folder, workspace=folder / "examples"))


def _prepare(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            raise WouldOverwrite(
                f"{folder} is not empty, and was not made by a demo; nothing was written",
                hint="give another folder with --output",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("This folder is replaced by the next demo.\n", encoding="utf-8")
    (folder / "output").mkdir()
    shutil.copytree(data_folder("examples"), folder / "examples")
    shutil.copytree(data_folder("schemas"), folder / "schemas")


def _set(folder: Path, stack: ExitStack, *, color: bool) -> Stage:
    """Starts one sandbox a server, and points the workspace's copy at them."""
    config = load_seed(folder / "examples")
    zones = seed_zones(config)
    hosts = {
        name: stack.enter_context(Sandbox(SandboxConfig(seed=seed_domains(config, name), zones=zones))) for name in URLS
    }
    text = (folder / "examples" / "reconciler.yaml").read_text("utf-8")
    for name, url in URLS.items():
        text = text.replace(url, hosts[name].endpoint.url)
    text = text.replace(RESOLVER, hosts["mail1"].endpoint.dns)
    (folder / "examples" / "reconciler.yaml").write_text(text, encoding="utf-8")
    host, customer = hosts["mail1"].endpoint, hosts["mail2"].endpoint
    user, password = customer.domain_admins["customer.example"]
    environment = {
        **os.environ,
        "SMARTERMAIL_USER": host.username,
        "SMARTERMAIL_PASSWORD": host.password,
        "CUSTOMER_USER": user,
        "CUSTOMER_PASSWORD": password,
        "ALICE_PASSWORD": f"{secrets.token_urlsafe(15)}-Aa1!",
    }
    if color:
        environment[ON_DEMO_TERMINAL] = "1"
    return Stage(folder=folder, hosts=hosts, environment=environment)


def _restore(workspace: Path) -> None:
    """Gives the files that are left behind the addresses again that the text at the end speaks of."""
    shutil.copyfile(data_folder("examples") / "reconciler.yaml", workspace / "reconciler.yaml")


def _play(stage: Stage, number: int, step: DemoStep, say: Callable[[str], None]) -> None:
    say(f"\n== {number}. {step.title}\n{step.text}")
    broken = stage.workspace / "domains" / "broken.example.yaml"
    if step.broken:
        broken.write_text(BROKEN, encoding="utf-8")
    if step.by_hand:
        by_hand(stage.hosts["mail1"].endpoint, say)
    if step.publish:
        count = publish(stage.hosts["mail1"], _records(stage))
        say(f"   {count} records are in the sandbox's DNS now.")
    if step.command:
        _run(stage, number, step, say)
    if step.broken:
        broken.unlink()


def _run(stage: Stage, number: int, step: DemoStep, say: Callable[[str], None]) -> None:
    """Runs one command, shows what it prints, keeps that, and insists on the exit code that the story needs."""
    words = [w.format(output=Path("..") / "output") for w in step.command]
    say(f"\n$ reconciler {' '.join(words)}")
    done = _reconciler(stage, words)
    shown = done.stdout + done.stderr
    plain = _COLORS.sub("", shown)
    (stage.folder / "output" / f"{number:02}-{step.command[0]}.txt").write_text(plain, encoding="utf-8")
    file = f"output/{number:02}-{step.command[0]}.txt"
    lines = shown.rstrip("\n").split("\n")
    first = next((n for n, line in enumerate(plain.split("\n")) if step.begin and line.startswith(step.begin)), 0)
    if first:
        say(f"   … {first} lines of the plan again, in {file}")
    for line in lines[first:][: step.lines]:
        say(line)
    if len(lines) - first > step.lines + 1:
        say(f"   … {len(lines) - first - step.lines - 1} more lines, in {file}")
        say(lines[-1])
    say(f"(exit code {done.returncode})")
    if done.returncode != step.exit:
        raise ReconcilerError(
            f"the demo expected exit code {step.exit} of `reconciler {' '.join(words)}`, not {done.returncode}",
            hint="this is a fault of the program: please report it with the lines above",
        )


def _reconciler(stage: Stage, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this very program, words of our own, no shell
        [sys.executable, "-m", "reconciler", *words],
        cwd=stage.workspace,
        env=dict(stage.environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _records(stage: Stage) -> list[Mapping[str, object]]:
    """The records to publish, as `dns records` gives them to other programs."""
    done = _reconciler(stage, ["dns", "records", "--format", "json"])
    if done.returncode:
        raise ReconcilerError(f"`dns records` failed: {done.stderr.strip()}")
    document = json.loads(done.stdout)
    return [record for domain in document["domains"] for record in domain["records"]]
