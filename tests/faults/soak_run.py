"""The soak test: epochs of commits, faults, manual edits, plans and applies in one event loop; each must converge."""

import asyncio
import gc
import json
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from http_values import Silent, faults_of
from http_world import HttpWorld
from soak_model import Model
from soak_people import Human, mood

from reconciler.app.apply.run import ApplyHooks, run_apply
from reconciler.app.exits import Exit
from reconciler.app.plan.planner import PlanRequest
from reconciler.app.plan.reading import make_plans
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.diagnostics import has_errors

HOOKS = ApplyHooks(agree=lambda _: True, on_outcome=lambda _: None)
AT_ONCE = 100
"""Number of domains whose state one request fetches."""


@dataclass
class Epoch:
    """The figures of one epoch. Those of the process are measured at its end, after a garbage collection."""

    number: int
    seconds: float = 0.0
    commits: int = 0
    edits: int = 0
    struck: int = 0
    disturbed: int = 0
    applied: int = 0
    exits: list[int] = field(default_factory=list)
    rss: float = 0.0
    files: int = 0
    tasks: int = 0
    threads: int = 0
    objects: int = 0
    journal: int = 0
    surprises: list[str] = field(default_factory=list)


class Soak:
    """Two servers in their own processes. Our code runs in this process, so that its figures show leaks."""

    def __init__(self, root: Path, urls: dict[str, str], *, domains: int, seed: int, pause: float) -> None:
        self.dice, self.pause, self.urls = random.Random(seed), pause, urls
        self.model = Model(root, urls)
        self.worlds: dict[str, Any] = {
            name: HttpWorld(SimpleNamespace(endpoint=SimpleNamespace(url=url)), root)  # type: ignore[arg-type]
            for name, url in urls.items()
        }
        self.model.begin(domains, self.dice)
        for server, world in self.worlds.items():
            for domain in self.model.on(server):
                data = {"name": domain, "hostname": f"{server}.example.net"}
                world.api("settings/sysadmin/domain-put", domainData=data, adminUsername="boss", adminPassword="B0ss-1")
        self.epochs: list[Epoch] = []

    async def begin(self) -> list[str]:
        """Apply all files for the first time. Returns the failures."""
        done = await run_apply(self._config(), self._request(), HOOKS, Silent())
        return [] if done.converged else [f"the first apply: {done.exit_code}, {faults_of(done)[:5]}"]

    async def epoch(self) -> Epoch:
        """Run commits, faults and manual edits during a plan and an apply, then an undisturbed apply."""
        one = Epoch(len(self.epochs) + 1)
        started = time.perf_counter()
        for _ in range(self.dice.randint(1, max(2, len(self.model.domains) // 10))):
            self.model.commit(self.dice)
            one.commits += 1
        for world in self.worlds.values():
            world.own("POST", "requests/reset")
            faults = mood(self.dice)
            if faults:
                world.own("POST", "faults", faults)
        human = Human(self.urls, self.model, self.dice.randrange(1 << 30), self.pause)
        human.start()
        try:
            await self._disturbed(one)
        finally:
            one.edits = human.stop()
        for world in self.worlds.values():
            one.struck += sum(f["struck"] for f in world.own("GET", "faults")["faults"])
            world.heal()
        await self._in_peace(one)
        one.seconds = time.perf_counter() - started
        self._sample(one)
        self.epochs.append(one)
        return one

    async def _disturbed(self, one: Epoch) -> None:
        config = self._config()
        some = self.dice.sample(sorted(config.domains), max(1, len(config.domains) // 3))
        try:
            await make_plans(replace(config, selected=tuple(sorted(some))), self._request(), Silent())
            done = await run_apply(config, self._request(), HOOKS, Silent())
        except Exception as e:  # noqa: BLE001 - every exception is a surprise
            one.surprises.append(f"exception during faults: {e!r}")
            return
        one.disturbed = len(faults_of(done))
        one.exits.append(int(done.exit_code))
        one.applied += sum(len(row) for row in done.outcomes.values()) - one.disturbed

    async def _in_peace(self, one: Epoch) -> None:
        """An apply without faults converges, matches the files, and leaves unmanaged data unchanged."""
        before = self._states()
        done = await run_apply(self._config(), self._request(), HOOKS, Silent())
        one.exits.append(int(done.exit_code))
        one.applied += sum(len(row) for row in done.outcomes.values())
        if not done.converged or done.exit_code is not Exit.DONE or faults_of(done):
            messages = [d.message for p in (*done.plans, *done.left) for d in p.diagnostics]
            one.surprises.append(f"not converged: exit {done.exit_code}, {faults_of(done)[:5]}, {messages[:5]}")
        after = self._states()
        for domain, state in after.items():
            one.surprises += self.model.differences(domain, state)
            if self.model.unmanaged(domain, state) != self.model.unmanaged(domain, before[domain]):
                one.surprises.append(f"{domain}: unmanaged data has changed")
        left = await make_plans(self._config(), self._request(), Silent())
        if any(p.changes or not p.complete for p in left):
            one.surprises.append("a plan after the apply is not empty")

    def close(self) -> None:
        """Close the connections to the servers."""
        for world in self.worlds.values():
            world.http.close()

    def _config(self) -> Configuration:
        config = load_configuration(self.model.root)
        assert not has_errors(config.diagnostics), [d.message for d in config.diagnostics][:5]
        return config

    def _request(self) -> PlanRequest:
        return PlanRequest(today=datetime.now(UTC).date())

    def _states(self) -> dict[str, Any]:
        """Return the state of every domain on its server, without the data that a login changes."""
        found: dict[str, Any] = {}
        for server, world in self.worlds.items():
            names = self.model.on(server)
            for at in range(0, len(names), AT_ONCE):
                found |= world.own("POST", "state", {"domains": names[at : at + AT_ONCE]})["domains"]
        return found

    def _sample(self, one: Epoch) -> None:
        gc.collect()
        one.objects = len(gc.get_objects())
        one.rss = resident()
        one.files = len(list(Path("/proc/self/fd").iterdir()))
        one.tasks = len(asyncio.all_tasks())
        one.threads = threading.active_count()
        folder = self.model.root / ".reconciler" / "journal"
        one.journal = sum(path.stat().st_size for path in folder.glob("*.jsonl"))


def resident() -> float:
    """Return the resident memory of this process in MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def slope(values: list[float]) -> float:
    """Return the mean growth between consecutive values, by least squares."""
    n = len(values)
    if n < 2:
        return 0.0
    middle, mean = (n - 1) / 2, sum(values) / n
    return sum((x - middle) * (y - mean) for x, y in enumerate(values)) / sum((x - middle) ** 2 for x in range(n))


def soak(
    root: Path,
    urls: dict[str, str],
    *,
    domains: int,
    seed: int,
    pause: float,
    goes_on: Callable[[list[Epoch]], bool],
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> list[Epoch]:
    """Run epochs in one event loop while `goes_on` returns True; `on_epoch` receives each finished epoch."""

    async def run() -> list[Epoch]:
        made = Soak(root, urls, domains=domains, seed=seed, pause=pause)
        try:
            first = await made.begin()
            while goes_on(made.epochs):
                one = await made.epoch()
                one.surprises[:0], first = first, []
                on_epoch(one)
        finally:
            made.close()
        return made.epochs

    return asyncio.run(run())


def servers(stack: ExitStack, count: int, password: str) -> dict[str, str]:
    """Start sandboxes in their own processes: name -> url."""
    import subprocess
    import sys

    found = {}
    for number in range(1, count + 1):
        words = [sys.executable, "-m", "reconciler", "sandbox", "--json"]
        env = {**os.environ, "RECONCILER_SANDBOX_PASSWORD": password}
        process = stack.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env))
        stack.callback(process.terminate)
        assert process.stdout is not None
        found[f"mail{number}"] = json.loads(process.stdout.readline())["url"]
    return found
