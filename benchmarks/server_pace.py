"""Compare the adaptive concurrency limit with a fixed one: `python -m benchmarks.server_pace [--quick]`.

It measures the cost on a healthy server and the savings on an overloaded one. The reference is the same client with
a constant limit and an endless retry budget, as most clients have. Both run in turns in one process, against a
sandbox in another process.
"""

import asyncio
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from reconciler.core.errors import ReconcilerError
from reconciler.core.secret import Secret, SecretRef
from reconciler.core.workspace import ServerSettings
from reconciler.smartermail import Server, connect
from reconciler.smartermail.transport.retry import RetryBudget

DOMAIN = "bench.test"
MOST = 8
ROUNDS = 5


@dataclass(frozen=True)
class Run:
    """One run: seconds, requests at the sandbox, refused requests, reads that failed after all retries, final limit."""

    seconds: float
    requests: int
    refused: int
    failed: int
    window: float


class Endless(RetryBudget):
    """A retry budget without a limit. A request still has at most four attempts."""

    def take(self) -> bool:
        """Always permit another retry."""
        return True


class Box:
    """The sandbox of this run."""

    def __init__(self, endpoint: dict[str, Any]) -> None:
        self.endpoint = endpoint
        self._http = httpx.Client(headers={"X-Sandbox": "1"}, trust_env=False)

    def own(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control endpoint of the sandbox. Returns its JSON."""
        answer = self._http.request(method, f"{self.endpoint['url']}/sandbox/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def make_domain(self) -> None:
        """Create the domain of the alias."""
        api = f"{self.endpoint['url']}/api/v1/"
        login = {"username": self.endpoint["username"], "password": self.endpoint["password"]}
        token = self._http.post(f"{api}auth/authenticate-user", json=login).json()["accessToken"]
        data = {"adminUsername": "boss", "adminPassword": "B0ss-of-bench", "domainData": {"name": DOMAIN}}
        head = {"Authorization": f"Bearer {token}"}
        assert self._http.post(f"{api}settings/sysadmin/domain-put", json=data, headers=head).json()["success"]

    def connect(self, most: int = MOST) -> Server:
        """Return a client with this concurrency limit."""
        given = ServerSettings(
            name="box", url=self.endpoint["url"], hostname="box", username="x", password=SecretRef("env", "P"),
            max_concurrency=most,
        )  # fmt: skip
        return connect(given, username=self.endpoint["username"], password=Secret(self.endpoint["password"]))


@contextmanager
def sandbox() -> Iterator[Box]:
    """Start a sandbox with one domain in a separate process."""
    words = (sys.executable, "-m", "reconciler", "sandbox", "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            box = Box(json.loads(process.stdout.readline()))
            box.make_domain()
            asyncio.run(_make_alias(box))
            yield box
        finally:
            process.terminate()


async def _make_alias(box: Box) -> None:
    async with box.connect() as server:
        await server.writer().create_alias(DOMAIN, "a", {"to": ("x@else.test",)})


async def reads(box: Box, count: int, *, adapts: bool, faults: Sequence[dict[str, Any]]) -> Run:
    """Read an alias `count` times, with as many concurrent requests as the client permits."""
    box.own("DELETE", "faults")
    async with box.connect() as server:
        session = server._calls.session
        session.limiter.limit.adapts = adapts
        # A constant limit with a retry budget would give up early, and most clients have no budget.
        if not adapts:
            session.retry_budget = Endless()
        # The first read logs in, which must not count.
        await server.reader().read_alias(DOMAIN, "a")
        box.own("POST", "requests/reset")
        for fault in faults:
            box.own("POST", "faults", {"times": -1, **fault})
        started = time.perf_counter()
        work = (server.reader().read_alias(DOMAIN, "a") for _ in range(count))
        found = await asyncio.gather(*work, return_exceptions=True)
        seconds = time.perf_counter() - started
        window = session.limiter.limit.window
        counters = box.own("GET", "requests")["counters"]
        box.own("DELETE", "faults")
    failed = [e for e in found if isinstance(e, BaseException)]
    assert all(isinstance(e, ReconcilerError) for e in failed), failed
    refused = counters.get("status 429", 0) + counters.get("status 503", 0)
    return Run(seconds, counters["total"], refused, len(failed), window)


SLOW = {"name": "latency", "param": 20}
CASES: dict[str, Sequence[dict[str, Any]]] = {
    "healthy": (),
    "healthy, 20 ms an answer": (SLOW,),
    "429 above 4 concurrent requests, 20 ms an answer": (SLOW, {"name": "busy", "param": 4}),
    "429 above 2 concurrent requests, 20 ms an answer": (SLOW, {"name": "busy", "param": 2}),
    "503 for 2 % of requests, 20 ms an answer": (SLOW, {"name": "503", "probability": 0.02, "seed": 3}),
    "500 for all requests": ({"name": "500"},),
}
"""Title -> faults of the sandbox."""


def table(count: int) -> None:
    """Measure and print the table."""
    where = f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}"
    print(f"{where}; {count} reads, maxConcurrency {MOST}; medians of {ROUNDS} runs, in turns\n")
    print("| Server | Limit | Seconds | Reads/s | Requests | Refused | Failed | Final limit | Adaptive : fixed |")
    print("|---|---|---|---|---|---|---|---|---|")
    with sandbox() as box:
        for title, faults in CASES.items():
            runs: dict[bool, list[Run]] = {True: [], False: []}
            for _ in range(ROUNDS):
                # In turns, so that a change in the load of the machine affects both.
                for adapts in (False, True):
                    runs[adapts].append(asyncio.run(reads(box, count, adapts=adapts, faults=faults)))
            # Failed reads do not count as work, so a client that gives up quickly does not look fast.
            rates = {a: [(count - r.failed) / r.seconds for r in done] for a, done in runs.items()}
            middle = {a: statistics.median(found) for a, found in rates.items()}
            ratio = f"{middle[True] / middle[False]:.2f}" if middle[False] else "–"
            for adapts, name in ((False, "fixed"), (True, "adaptive")):
                done = runs[adapts]

                def mid(field: str, done: list[Run] = done) -> float:
                    return float(statistics.median(getattr(run, field) for run in done))

                print(
                    f"| {title} | {name} | {mid('seconds'):.2f} | {middle[adapts]:.0f} "
                    f"| {mid('requests'):.0f} | {mid('refused'):.0f} | {mid('failed'):.0f} | {mid('window'):.1f} "
                    f"| {ratio if adapts else ''} |",
                    flush=True,
                )


if __name__ == "__main__":
    table(200 if "--quick" in sys.argv[1:] else 1000)
