"""What the pace costs on a server that is well, and what it saves on one that is not.

`python -m benchmarks.server_pace [--quick]`. The peer is the same client with as many requests in flight as allowed,
always, and with retries without end: that is how it was before, and how most clients are. Both run in turns in one
process, against one sandbox in another.
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
from reconciler.smartermail.transport.retry import Retries

DOMAIN = "bench.test"
MOST = 8
ROUNDS = 5


@dataclass(frozen=True)
class Run:
    """One run: seconds, requests that the sandbox saw, those of them that it refused, reads that failed in the end."""

    seconds: float
    requests: int
    refused: int
    failed: int
    window: float


class Endless(Retries):
    """As many retries as anybody wants, four tries a request."""

    def take(self) -> bool:
        """There is always one left."""
        return True


class Box:
    """The sandbox of this run, seen from outside."""

    def __init__(self, endpoint: dict[str, Any]) -> None:
        self.endpoint = endpoint
        self._http = httpx.Client(headers={"X-Sandbox": "1"}, trust_env=False)

    def own(self, method: str, path: str, body: Any = None) -> Any:
        """One of its own endpoints."""
        answer = self._http.request(method, f"{self.endpoint['url']}/sandbox/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def make_domain(self) -> None:
        """The domain that is read."""
        api = f"{self.endpoint['url']}/api/v1/"
        login = {"username": self.endpoint["username"], "password": self.endpoint["password"]}
        token = self._http.post(f"{api}auth/authenticate-user", json=login).json()["accessToken"]
        data = {"adminUsername": "boss", "adminPassword": "B0ss-of-bench", "domainData": {"name": DOMAIN}}
        head = {"Authorization": f"Bearer {token}"}
        assert self._http.post(f"{api}settings/sysadmin/domain-put", json=data, headers=head).json()["success"]

    def connect(self, most: int = MOST) -> Server:
        """A client of it."""
        given = ServerSettings(
            name="box", url=self.endpoint["url"], hostname="box", username="x", password=SecretRef("env", "P"),
            max_concurrency=most,
        )  # fmt: skip
        return connect(given, username=self.endpoint["username"], password=Secret(self.endpoint["password"]))


@contextmanager
def sandbox() -> Iterator[Box]:
    """A sandbox in a process of its own, with one domain."""
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
    """So many reads of an alias, as many at once as the client lets through."""
    box.own("DELETE", "faults")
    async with box.connect() as server:
        session = server._calls.session
        session.gate.pace.adapts = adapts
        if not adapts:
            session.retries = Endless()
        await server.reader().read_alias(DOMAIN, "a")
        box.own("POST", "requests/reset")
        for fault in faults:
            box.own("POST", "faults", {"times": -1, **fault})
        started = time.perf_counter()
        work = (server.reader().read_alias(DOMAIN, "a") for _ in range(count))
        found = await asyncio.gather(*work, return_exceptions=True)
        seconds = time.perf_counter() - started
        window = session.gate.pace.window
        counters = box.own("GET", "requests")["counters"]
        box.own("DELETE", "faults")
    failed = [e for e in found if isinstance(e, BaseException)]
    assert all(isinstance(e, ReconcilerError) for e in failed), failed
    refused = counters.get("status 429", 0) + counters.get("status 503", 0)
    return Run(seconds, counters["total"], refused, len(failed), window)


SLOW = {"name": "latency", "param": 20}
CASES: dict[str, Sequence[dict[str, Any]]] = {
    "a server that is well": (),
    "well, 20 ms an answer": (SLOW,),
    "429 above 4 in flight, 20 ms an answer": (SLOW, {"name": "busy", "param": 4}),
    "429 above 2 in flight, 20 ms an answer": (SLOW, {"name": "busy", "param": 2}),
    "503 to one in fifty, 20 ms an answer": (SLOW, {"name": "503", "probability": 0.02, "seed": 3}),
    "500 to everything": ({"name": "500"},),
}
"""What it is called, and the sandbox's faults."""


def table(count: int) -> None:
    """Prints the table."""
    where = f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}"
    print(f"{where}; {count} reads, maxConcurrency {MOST}; medians of {ROUNDS} runs in turns\n")
    print("| Server | Pace | Seconds | Reads/s | Requests | Refused | Failed | Window | Adaptive : fixed |")
    print("|---|---|---|---|---|---|---|---|---|")
    with sandbox() as box:
        for title, faults in CASES.items():
            runs: dict[bool, list[Run]] = {True: [], False: []}
            for _ in range(ROUNDS):
                for adapts in (False, True):
                    runs[adapts].append(asyncio.run(reads(box, count, adapts=adapts, faults=faults)))
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
