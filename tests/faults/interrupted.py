"""The real program in its own process gets a signal at one request; then an undisturbed run follows."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from effects import effect_of
from every_fault import Bench
from http_values import NEW_PASSWORD, written_down
from lying_proxy import LyingProxy

from reconciler.app.plan.planner import journal_folder
from reconciler.engine.journal.reader import read_run, run_files

BEFORE_ANY_WRITE = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""The exit code by which a shell knows that a command was interrupted."""
PARTIAL = 5
TIMEOUT = 200.0
"""Seconds after which the process counts as hanging."""


@dataclass
class Interruption:
    """The result of one signal.

    Attributes:
        at: the number of the request during which the test sends it.
        writes: number of requests with an effect until the process ended.
        exit_code: negative if a signal killed the process.
        output: standard output and standard error of the process.
    """

    sent: signal.Signals
    at: int
    exit_code: int = 0
    writes: int = 0
    output: str = ""
    surprises: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.sent.name} after request {self.at}: exit {self.exit_code} after {self.writes} writes"


def interrupt(bench: Bench, sent: signal.Signals, at: int, delay: float = 0.0) -> Interruption:
    """Run `apply` in a process, send it a signal while it waits for the answer to request `at`, and run it again.

    A proxy delays the answer and sends the signal `delay` seconds after the server has executed the request.
    So the process is at the same point on a slow machine as on a fast one.
    """
    world, found = bench.world, Interruption(sent, at)
    world.heal()
    world.own("POST", "restore")
    root = world.begin(bench.there)
    answers, struck = count(1), threading.Event()

    def refuse_after_the_kill(path: str, answer: Any, body: bytes) -> tuple[int, Any] | None:
        return (503, {}) if struck.is_set() and sent is signal.SIGKILL else None

    def strike(path: str, answer: Any, body: bytes) -> None:
        if next(answers) == at:
            time.sleep(delay)
            struck.set()
            process.send_signal(sent)

    with closing(LyingProxy(world.url)) as proxy:
        proxy.instead, proxy.lie = refuse_after_the_kill, strike
        written_down(proxy.url, bench.there, root)
        process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "apply", "--yes"],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "NO_COLOR": "1"},
        )
        found.output, _ = process.communicate(timeout=TIMEOUT)
    found.exit_code = process.returncode
    log = world.log()
    found.writes = sum(r["mutated"] for r in log)
    between, _ = bench.states()
    found.surprises += _first(bench, found, between, root)
    second = world.apply(bench.there, root)
    # The next run cannot know whether the killed process set a password, so it sets the same password again.
    found.surprises += bench.second(second, root, 1)
    return found


def moments(bench: Bench, count: int, seed: int) -> Iterator[tuple[int, float]]:
    """Yield random requests of a run, each with a random short delay."""
    dice = random.Random(seed)
    for _ in range(count):
        yield dice.randint(1, bench.requests - 1), dice.random() * 0.015


def _first(bench: Bench, found: Interruption, between: dict[str, Any], root: Path) -> Iterator[str]:
    journals = [read_run(path) for path in run_files(journal_folder(root))][1:]
    for run in journals:
        if run.chain != "ok":
            yield f"journal: {run.fault}"
    if found.exit_code == 0 and between != bench.ideal.after:
        yield "exit code: 0, and the state is not the declared one"
    if found.sent is signal.SIGKILL:
        if found.exit_code not in (0, -signal.SIGKILL):
            yield f"exit code: {found.exit_code}: {found.output}"
        return
    untouched = found.exit_code == BEFORE_ANY_WRITE[found.sent]
    if found.exit_code not in (0, PARTIAL) and not untouched:
        yield f"exit code: {found.exit_code}: {found.output}"
    if untouched and between != bench.ideal.before:
        yield f"exit code: {found.exit_code}, although the run made {found.writes} writes"
    if found.exit_code == PARTIAL and not journals:
        yield "journal: missing"
    for run in journals:
        yield from _compared(bench, run.records, between)
        if not untouched and not run.ended:
            yield "journal: the record of the end is missing"


def _compared(bench: Bench, records: Any, between: dict[str, Any]) -> Iterator[str]:
    """Every intent has an outcome, and the outcome agrees with the server's state."""
    reported: dict[tuple[str, str], str | None] = {}
    for _, record in records:
        if record["event"] in ("intent", "outcome"):
            key = record["change"]["action"], f"{record['change']['kind']}:{record['change']['address']}"
            reported[key] = record.get("result")
    for change in bench.ideal.done.plans[0].changes:
        effect = effect_of(change, bench.ideal.before, between, NEW_PASSWORD)
        result = reported.get((change.action, change.key), "nothing")
        fits = {"applied": ("complete",), "failed": ("none", "part"), "not tried": ("none",), "nothing": ("none",)}
        if result is None:
            yield f"journal: {change.action} {change.key} has an intent and no outcome"
        elif effect not in fits.get(result, ()):
            yield f"journal: {change.action} {change.key} is reported as: {result}; its effect: {effect}"
