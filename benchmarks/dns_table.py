"""Checking DNS: `python -m benchmarks.dns_table [--quick]`, a Markdown table on standard output.

1,000 domains on a Knot beside a bare `dns.asyncresolver` loop over the very same questions; beside checkdmarc, where
CHECKDMARC_PYTHON names a Python that has it; and beside dnsperf, where it is installed. Server and client have a core
each. Each way is run three times, in turns; medians.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import dns_zone
from benchmarks.dns_server import knot, pinned

RUNS = 3
WAYS = {
    "loop": "a bare `dns.asyncresolver` loop, 20 at a time",
    "lookup": "our resolver, the same questions",
    "audit": "the five checks, questions to findings",
    "usual": "all usual checks (they ask more)",
}


@dataclass(frozen=True)
class Run:
    """Medians: wall and CPU seconds; questions sent."""

    seconds: float
    cpu: float
    questions: int

    def row(self, title: str, domains: int, loop: "Run", note: str = "") -> str:
        """A line of the table."""
        per = f"{self.questions / self.seconds:,.0f}" if self.questions else "–"
        cpu = f"{self.questions / self.cpu:,.0f}" if self.questions else "–"
        rate = f"{domains / self.seconds:,.0f}"
        against = f"{loop.seconds / self.seconds:.2f} × | {loop.cpu / self.cpu:.2f} ×"
        return f"| {title} | {self.seconds:.2f} s | {rate} | {per} | {cpu} | {against} | {note} |"


def _run(words: Sequence[str]) -> Run:
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def _median(runs: Sequence[Run]) -> Run:
    return Run(
        seconds=statistics.median(run.seconds for run in runs),
        cpu=statistics.median(run.cpu for run in runs),
        questions=runs[-1].questions,
    )


def _client(way: str, port: int, count: int, questions: Path) -> list[str]:
    return pinned(1, [sys.executable, "-m", "benchmarks.dns_client", way, str(port), str(count), str(questions)])


def _dnsperf(port: int, questions: Path) -> str:
    program = shutil.which("dnsperf")
    if program is None:
        return "dnsperf is not installed: no yardstick of what the server can do."
    data = questions.with_suffix(".dnsperf")
    data.write_text("".join(f"{name} {rtype}\n" for name, rtype in json.loads(questions.read_text())))
    words = [program, "-s", "127.0.0.1", "-p", str(port), "-d", str(data), "-l", "3", "-c", "10", "-q", "100", "-e"]
    done = subprocess.run(pinned(1, words), stdout=subprocess.PIPE, check=True, text=True)
    found = re.search(r"Queries per second:\s*([0-9.]+)", done.stdout)
    assert found, done.stdout
    return f"dnsperf, 10 sockets, 100 outstanding: {float(found[1]):,.0f} questions/s."


def table(count: int) -> None:
    """Measures, and prints."""
    python = os.environ.get("CHECKDMARC_PYTHON", "")
    with tempfile.TemporaryDirectory() as folder, knot(Path(folder) / "knot", dns_zone.zone(count)) as port:
        questions = Path(folder) / "questions.json"
        subprocess.run(_client("ask", port, count, questions), check=True)
        commands = {way: _client(way, port, count, questions) for way in WAYS}
        if python:
            script = str(Path(__file__).with_name("dns_checkdmarc.py"))
            commands["checkdmarc"] = pinned(1, [python, script, str(port), str(count)])
        taken: dict[str, list[Run]] = {way: [] for way in commands}
        for _ in range(RUNS):
            for way, words in commands.items():
                taken[way].append(_run(words))
        runs = {way: _median(found) for way, found in taken.items()}
        asked = len(json.loads(questions.read_text()))
        print(f"{count:,} domains, {asked:,} questions of the five checks; medians of {RUNS}, in turns.\n")
        print(
            "| What | Wall | Domains/s | Questions/s | per CPU second | of the loop | by CPU | |\n"
            "|---|---|---|---|---|---|---|---|"
        )
        for way, title in {**WAYS, "checkdmarc": "checkdmarc, its own checks"}.items():
            if way in runs:
                against = f"{runs['checkdmarc'].seconds / runs[way].seconds:.1f} × checkdmarc" if python else ""
                print(runs[way].row(title, count, runs["loop"], against))
        if not python:
            print("\nCHECKDMARC_PYTHON names no Python with checkdmarc: not compared with it.")
        print("\n" + _dnsperf(port, questions))


def main() -> None:
    """Runs it; --quick takes a tenth of the domains."""
    table(100 if "--quick" in sys.argv[1:] else 1000)


if __name__ == "__main__":
    main()
