"""Measure DNS checks and print a Markdown table: `python -m benchmarks.dns_table [--quick]`.

A Knot name server serves 1,000 domains. The table compares the checks with a bare `dns.asyncresolver` loop over the
same queries, with checkdmarc (if CHECKDMARC_PYTHON names a Python that has it), and with dnsperf (if installed).
Server and client have a core each. Each mode runs three times, in turns. The figures are medians.
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
MODES = {
    "loop": "a bare `dns.asyncresolver` loop, 20 at a time",
    "lookup": "our resolver, the same queries",
    "audit": "the five checks, queries to findings",
    "usual": "all default checks (with more queries)",
}


@dataclass(frozen=True)
class Run:
    """The cost of one run, or the medians of several: wall seconds, CPU seconds, sent queries."""

    seconds: float
    cpu: float
    questions: int

    def row(self, title: str, domains: int, loop: "Run", note: str = "") -> str:
        """Return a line of the table. `loop` is the reference of the ratios."""
        per = f"{self.questions / self.seconds:,.0f}" if self.questions else "–"
        cpu = f"{self.questions / self.cpu:,.0f}" if self.questions else "–"
        rate = f"{domains / self.seconds:,.0f}"
        against = f"{loop.seconds / self.seconds:.2f} × | {loop.cpu / self.cpu:.2f} ×"
        return f"| {title} | {self.seconds:.2f} s | {rate} | {per} | {cpu} | {against} | {note} |"


def _run(words: Sequence[str]) -> Run:
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True)
    # The result is the last line. A client may print warnings before it.
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def _median(runs: Sequence[Run]) -> Run:
    return Run(
        seconds=statistics.median(run.seconds for run in runs),
        cpu=statistics.median(run.cpu for run in runs),
        questions=runs[-1].questions,
    )


def _client(mode: str, port: int, count: int, questions: Path) -> list[str]:
    return pinned(1, [sys.executable, "-m", "benchmarks.dns_client", mode, str(port), str(count), str(questions)])


def _dnsperf(port: int, questions: Path) -> str:
    program = shutil.which("dnsperf")
    if program is None:
        return "dnsperf is not installed: the maximum rate of the server is not measured."
    data = questions.with_suffix(".dnsperf")
    data.write_text("".join(f"{name} {rtype}\n" for name, rtype in json.loads(questions.read_text())))
    words = [program, "-s", "127.0.0.1", "-p", str(port), "-d", str(data), "-l", "3", "-c", "10", "-q", "100", "-e"]
    done = subprocess.run(pinned(1, words), stdout=subprocess.PIPE, check=True, text=True)
    found = re.search(r"Queries per second:\s*([0-9.]+)", done.stdout)
    assert found, done.stdout
    return f"dnsperf, 10 sockets, 100 outstanding: {float(found[1]):,.0f} queries/s."


def table(count: int) -> None:
    """Measure and print the table for so many domains."""
    python = os.environ.get("CHECKDMARC_PYTHON", "")
    with tempfile.TemporaryDirectory() as folder, knot(Path(folder) / "knot", dns_zone.zone(count)) as port:
        questions = Path(folder) / "questions.json"
        # The other modes replay exactly these queries.
        subprocess.run(_client("ask", port, count, questions), check=True)
        commands = {mode: _client(mode, port, count, questions) for mode in MODES}
        if python:
            script = str(Path(__file__).with_name("dns_checkdmarc.py"))
            commands["checkdmarc"] = pinned(1, [python, script, str(port), str(count)])
        taken: dict[str, list[Run]] = {mode: [] for mode in commands}
        # In turns, so that a change in the load of the machine affects every mode.
        for _ in range(RUNS):
            for mode, words in commands.items():
                taken[mode].append(_run(words))
        runs = {mode: _median(found) for mode, found in taken.items()}
        asked = len(json.loads(questions.read_text()))
        print(f"{count:,} domains, {asked:,} queries of the five checks; medians of {RUNS}, in turns.\n")
        print(
            "| Client | Wall | Domains/s | Queries/s | Queries/CPU s | vs. loop | by CPU | |\n"
            "|---|---|---|---|---|---|---|---|"
        )
        for mode, title in {**MODES, "checkdmarc": "checkdmarc, its own checks"}.items():
            if mode in runs:
                against = f"{runs['checkdmarc'].seconds / runs[mode].seconds:.1f} × checkdmarc" if python else ""
                print(runs[mode].row(title, count, runs["loop"], against))
        if not python:
            print("\ncheckdmarc is not measured: set CHECKDMARC_PYTHON to a Python that has it.")
        print("\n" + _dnsperf(port, questions))


def main() -> None:
    """Run the benchmark. --quick uses a tenth of the domains."""
    table(100 if "--quick" in sys.argv[1:] else 1000)


if __name__ == "__main__":
    main()
