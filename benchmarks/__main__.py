"""Run all benchmarks and print Markdown tables: `python -m benchmarks [--quick]`."""

import json
import platform
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import dns_server, dns_table
from benchmarks.measure import cost
from benchmarks.workspaces import workspace

PYTHON = sys.executable
RECONCILER = (PYTHON, "-m", "reconciler")


def show(line: str) -> None:
    """Print a line without buffering, so that a long run shows its progress."""
    print(line, flush=True)


@contextmanager
def sandbox(seed: Path) -> Iterator[dict[str, Any]]:
    """Start a sandbox in a separate process, with the domains of the workspace but without mailboxes."""
    words = [*RECONCILER, "sandbox", "--seed", str(seed), "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def point_at(root: Path, endpoint: dict[str, Any]) -> None:
    """Set the server address of a workspace to a sandbox."""
    path = root / "reconciler.yaml"
    # Port 9 is the address that the generated workspaces have before a sandbox runs.
    path.write_text(path.read_text().replace("http://127.0.0.1:9\n", f"{endpoint['url']}\n"))


def requests(endpoint: dict[str, Any], *, reset: bool) -> int:
    """Return the number of API requests that the sandbox has received since the last reset."""
    # The sandbox answers its control endpoints only with this header, which a web page cannot send.
    headers = {"X-Sandbox": "1"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{endpoint['url']}/sandbox/requests", headers=headers)
    ) as answer:
        total = int(json.load(answer)["counters"].get("total", 0))
    if reset:
        url = f"{endpoint['url']}/sandbox/requests/reset"
        urllib.request.urlopen(urllib.request.Request(url, method="POST", data=b"", headers=headers)).close()
    return total


def startup() -> None:
    """Compare `--version` and `validate` of one file with a bare interpreter."""
    # These commands take milliseconds, so the median needs more runs.
    bare = cost([PYTHON, "-c", "pass"], runs=7)
    show(bare.row("a bare `python -c pass`"))
    version = cost([*RECONCILER, "--version"], runs=7)
    show(version.row("`--version`", f"{version.wall / bare.wall:.1f} × bare"))
    with tempfile.TemporaryDirectory() as folder:
        root = workspace(Path(folder) / "w", domains=1, mailboxes=10)
        one = cost([*RECONCILER, "-w", str(root), "validate"], runs=7)
    show(one.row("`validate`, one domain of 10", f"{one.wall / bare.wall:.1f} × bare"))


def offline(title: str, domains: int, mailboxes: int) -> None:
    """Compare `validate` and a plan without network with PyYAML's C loader on the same files."""
    with tempfile.TemporaryDirectory() as folder:
        root = workspace(Path(folder) / "w", domains=domains, mailboxes=mailboxes)
        floor = cost([PYTHON, "-m", "benchmarks.load_floor", str(root)])
        show(floor.row(f"{title}: CSafeLoader only"))
        checked = cost([*RECONCILER, "-w", str(root), "validate"])
        show(checked.row(f"{title}: `validate`", f"{checked.cpu / floor.cpu:.1f} × CSafeLoader"))
        planned = cost([PYTHON, "-m", "benchmarks.offline_plan", str(root)])
        show(planned.row(f"{title}: load and plan, no network", f"{planned.cpu / floor.cpu:.1f} × CSafeLoader"))


def online(title: str, domains: int, mailboxes: int) -> None:
    """Apply everything, then plan, against a sandbox in a separate process."""
    with tempfile.TemporaryDirectory() as folder:
        root = workspace(Path(folder) / "w", domains=domains, mailboxes=mailboxes)
        with sandbox(root) as endpoint:
            point_at(root, endpoint)
            env = {"SMARTERMAIL_USER": endpoint["username"], "SMARTERMAIL_PASSWORD": endpoint["password"]}
            requests(endpoint, reset=True)
            # runs=0: the first apply is the measured one, because a second one would have nothing to do.
            applied = cost(
                [*RECONCILER, "-q", "-w", str(root), "apply", "--yes", "--allow-deletions", "0"], runs=0, env=env
            )
            asked = requests(endpoint, reset=True)
            show(applied.row(f"{title}: `apply`, all new", f"{asked} requests, {asked / applied.wall:.0f}/s"))
            planned = cost([*RECONCILER, "-w", str(root), "plan", "--detailed-exitcode"], runs=3, env=env)
            # Three measured runs and the warm-up run.
            asked = requests(endpoint, reset=True) // 4
            show(planned.row(f"{title}: `plan`, nothing to do", f"{asked} requests"))


def main() -> None:
    """Run all benchmarks. --quick uses a tenth of the sizes."""
    part = 10 if "--quick" in sys.argv[1:] else 1
    show(
        f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}; medians; CPU: user + system.\n"
    )
    show("| What | Wall [range] | CPU | Peak memory | |\n|---|---|---|---|---|")
    startup()
    offline(f"{10_000 // part:,} mailboxes in one domain", 1, 10_000 // part)
    offline(f"{1_000 // part:,} domains of 10", 1_000 // part, 10)
    online(f"{10_000 // part:,} mailboxes in one domain", 1, 10_000 // part)
    online(f"{1_000 // part:,} domains of 10", 1_000 // part, 10)
    show("")
    if dns_server.installed() is None:
        show("DNS checks are not measured: knotd is not installed (Debian: apt install knot).")
    else:
        dns_table.table(1_000 // part)


if __name__ == "__main__":
    main()
