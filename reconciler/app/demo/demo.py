"""The guided demonstration: files become mailboxes on a real HTTP server, and DNS records get published.

Each step runs the program itself in a process of its own, as a user would. The terminal gets at most 120 lines; the
complete output goes into files.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from reconciler.app.data import data_folder
from reconciler.app.demo.edits import by_hand, publish
from reconciler.app.demo.script import AFTERWARDS, BROKEN, EDITED, INTRODUCTION, STEPS, WITHOUT_PAGES, DemoStep
from reconciler.app.demo.terminal import ON_DEMO_TERMINAL
from reconciler.app.sandbox import load_seed, seed_domains, seed_zones
from reconciler.core.errors import ReconcilerError, WouldOverwrite
from reconciler.sandbox import Sandbox, SandboxConfig

MARK = ".made-by-reconciler-demo"
URLS = {"mail1": "http://127.0.0.1:17017", "mail2": "http://127.0.0.1:17018"}
"""The addresses in the example workspace. The demonstration replaces them by those of the running sandboxes."""
RESOLVER = "127.0.0.1:5353"
_COLORS = re.compile("\x1b\\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The folder, the running servers, and the environment of the commands."""

    folder: Path
    hosts: Mapping[str, Sandbox]
    environment: Mapping[str, str]

    @property
    def workspace(self) -> Path:
        """The copy of the example workspace."""
        return self.folder / "examples"


def run_demo(folder: Path, say: Callable[[str], None], *, color: bool) -> None:
    """Run all steps, and leave their files in `folder`.

    Args:
        folder: new, empty, or the folder of an earlier demonstration, which is then replaced.
        say: prints lines.
        color: whether the commands print in color.

    Raises:
        WouldOverwrite: the folder contains other files.
        ReconcilerError: a step ended with another exit code than expected.
    """
    _prepare(folder)
    say(INTRODUCTION)
    with ExitStack() as stack:
        stage = _set(folder, stack, color=color)
        for number, step in enumerate(STEPS, 1):
            _play(stage, number, step, say)
    _restore(folder / "examples")
    page = f",\nand {folder}/output/report/index.html is the report" if _has_pages() else ""
    say(AFTERWARDS.format(folder=folder, workspace=folder / "examples", page=page))


def _prepare(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            raise WouldOverwrite(
                f"{folder} is not empty and not from an earlier demonstration; nothing was written",
                hint="Name another folder with --output.",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("The next demonstration replaces this folder.\n", encoding="utf-8")
    (folder / "output").mkdir()
    shutil.copytree(data_folder("examples"), folder / "examples")
    shutil.copytree(data_folder("schemas"), folder / "schemas")


def _set(folder: Path, stack: ExitStack, *, color: bool) -> Stage:
    """Start one sandbox per server, and set their addresses in the copy of the workspace."""
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
    """Restore the addresses in the workspace. The commands in the text at the end use them."""
    shutil.copyfile(data_folder("examples") / "reconciler.yaml", workspace / "reconciler.yaml")


def _play(stage: Stage, number: int, step: DemoStep, say: Callable[[str], None]) -> None:
    say(f"\n== {number}. {step.title}\n{step.text}")
    broken = stage.workspace / "domains" / "broken.example.yaml"
    edited = stage.workspace / "domains" / "example.com.yaml"
    before = edited.read_text("utf-8")
    if step.broken:
        broken.write_text(BROKEN, encoding="utf-8")
    if step.edit:
        edited.write_text(before.replace(*EDITED, 1), encoding="utf-8")
    if step.by_hand:
        by_hand(stage.hosts["mail1"].endpoint, say)
    if step.publish:
        publish(stage.hosts["mail1"], _records(stage))
    _run(stage, number, step, say)
    broken.unlink(missing_ok=True)
    edited.write_text(before, encoding="utf-8")


def _has_pages() -> bool:
    """Whether the extra `report` is installed, which makes web pages."""
    return find_spec("jinja2") is not None


def _run(stage: Stage, number: int, step: DemoStep, say: Callable[[str], None]) -> None:
    """Run a command, show a part of its output, write all of it to a file, and check the exit code."""
    command = step.command if step.command[0] != "report" or _has_pages() else WITHOUT_PAGES
    words = [w.format(output=Path("..") / "output") for w in command]
    say(f"$ reconciler {' '.join(words)}")
    done = _reconciler(stage, words)
    shown = (done.stdout + done.stderr).rstrip("\n")
    plain = _COLORS.sub("", shown)
    name = f"output/{number:02}-{command[0]}.txt"
    (stage.folder / name).write_text(plain + "\n", encoding="utf-8")
    # Empty lines would use up the space for the others.
    lines = [line for line in shown.split("\n") if _COLORS.sub("", line).strip()]
    for line in _excerpt(lines, step, name):
        say(line)
    say(f"(exit code {done.returncode})")
    if done.returncode != step.exit:
        raise ReconcilerError(
            f"the demonstration expected exit code {step.exit} of `reconciler {' '.join(words)}`, not "
            f"{done.returncode}",
            hint="This is a bug. Please report it with the lines above.",
        )


def _excerpt(lines: Sequence[str], step: DemoStep, name: str) -> Iterator[str]:
    """The lines to show: some from the line that begins with `step.begin`, and the last ones."""
    begins = (n for n, line in enumerate(lines) if step.begin and _COLORS.sub("", line).startswith(step.begin))
    first = next(begins, 0)
    end = first + step.lines
    yield from lines[first:end]
    left = len(lines) - end - step.tail
    if left > 0:
        yield f"   … {left} more lines in {name}"
    yield from lines[max(end, len(lines) - step.tail) :]


def _reconciler(stage: Stage, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - runs this program with fixed words, without a shell
        [sys.executable, "-m", "reconciler", *words],
        cwd=stage.workspace,
        env=dict(stage.environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _records(stage: Stage) -> list[Mapping[str, object]]:
    """The records to publish, from `dns records --format json`."""
    done = _reconciler(stage, ["dns", "records", "--format", "json"])
    if done.returncode:
        raise ReconcilerError(f"`dns records` failed: {done.stderr.strip()}")
    document = json.loads(done.stdout)
    return [record for domain in document["domains"] for record in domain["records"]]
