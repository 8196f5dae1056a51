"""The real program in a process of its own, hit by a signal at a request of its run; then a run that nobody disturbs."""

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
    """What came of one signal.

    Attributes:
        at: the request after which it was sent.
        writes: how many requests had changed something when the process was over.
        exit_code: negative for the signal that killed it.
    """

    sent: signal.Signals
    at: int
    exit_code: int = 0
    writes: int = 0
    said: str = ""
    surprises: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.sent.name} after request {self.at}: exit {self.exit_code} after {self.writes} writes"


def interrupt(bench: Bench, sent: signal.Signals, at: int, delay: float = 0.0) -> Interruption:
    """Runs `apply` in a process, sends it a signal while it waits for the answer to request `at`, and runs it again.

    The signal comes from a proxy that holds the answer back, `delay` seconds after the server has carried the request
    out. So the process is at the same place whatever the speed of the machine.
    """
    world, found = bench.world, Interruption(sent, at)
    world.heal()
    world.own("POST", "restore")
    root = world.begin(bench.there)
    answers, struck = count(1), threading.Event()

    def dead_men_ask_nothing(path: str, answer: Any, body: bytes) -> tuple[int, Any] | None:
        return (503, {}) if struck.is_set() and sent is signal.SIGKILL else None

    def strike(path: str, answer: Any, body: bytes) -> None:
        if next(answers) == at:
            time.sleep(delay)
            struck.set()
            process.send_signal(sent)

    with closing(LyingProxy(world.url)) as proxy:
        proxy.instead, proxy.lie = dead_men_ask_nothing, strike
        written_down(proxy.url, bench.there, root)
        process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "apply", "--yes"],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "NO_COLOR": "1"},
        )
        found.said, _ = process.communicate(timeout=TIMEOUT)
    found.exit_code = process.returncode
    log = world.log()
    found.writes = sum(r["mutated"] for r in log)
    between, _ = bench.states()
    found.surprises += _first(bench, found, between, root)
    second = world.apply(bench.there, root)
    # Whether a password was set before the process died is not known to the next run: it is set again, to the same.
    found.surprises += bench.second(second, root, 1)
    return found


def moments(bench: Bench, count: int, seed: int) -> Iterator[tuple[int, float]]:
    """Random requests of a run, and random short whiles after them."""
    dice = random.Random(seed)
    for _ in range(count):
        yield dice.randint(1, bench.requests - 1), dice.random() * 0.015


def _first(bench: Bench, found: Interruption, between: dict[str, Any], root: Path) -> Iterator[str]:
    journals = [read_run(path) for path in run_files(journal_folder(root))][1:]
    for run in journals:
        if run.chain != "ok":
            yield f"journal: {run.fault}"
    if found.exit_code == 0 and between != bench.ideal.after:
        yield "exit code: 0, and the state is not the one that was asked for"
    if found.sent is signal.SIGKILL:
        if found.exit_code not in (0, -signal.SIGKILL):
            yield f"exit code: {found.exit_code}: {found.said}"
        return
    untouched = found.exit_code == BEFORE_ANY_WRITE[found.sent]
    if found.exit_code not in (0, PARTIAL) and not untouched:
        yield f"exit code: {found.exit_code}: {found.said}"
    if untouched and between != bench.ideal.before:
        yield f"exit code: {found.exit_code}, though {found.writes} writes were made"
    if found.exit_code == PARTIAL and not journals:
        yield "journal: there is none"
    for run in journals:
        yield from _told(bench, run.records, between)
        if not untouched and not run.ended:
            yield "journal: it does not say that the run ended"


def _told(bench: Bench, records: Any, between: dict[str, Any]) -> Iterator[str]:
    """Every intent has its outcome, and that is what the server saw."""
    said: dict[tuple[str, str], str | None] = {}
    for _, record in records:
        if record["event"] in ("intent", "outcome"):
            key = record["change"]["action"], f"{record['change']['kind']}:{record['change']['address']}"
            said[key] = record.get("result")
    for change in bench.ideal.done.plans[0].changes:
        effect = effect_of(change, bench.ideal.before, between, NEW_PASSWORD)
        result = said.get((change.action, change.key), "nothing")
        fits = {"applied": ("whole",), "failed": ("none", "part"), "not tried": ("none",), "nothing": ("none",)}
        if result is None:
            yield f"journal: {change.action} {change.key} has an intent and no outcome"
        elif effect not in fits.get(result, ()):
            yield f"journal: {change.action} {change.key} is said to be: {result}; its effect is there: {effect}"
