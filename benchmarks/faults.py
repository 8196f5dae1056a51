"""Inject every fault at every request: `python -m benchmarks.faults [--quick] [--jobs N] [--write [FILE]]`.

The harness is that of the tests (`tests/faults`): one run with a fault, a second one without, and rules for both.
`--quick` injects each fault once at each request. Without it, a fault also strikes several times in a row, until the
end of the run, and with eight concurrent requests. `--signals N` instead runs the program in a process and sends
SIGKILL, SIGINT and SIGTERM, N times each. The result is a Markdown table. `--write` puts it into docs/faults.md.
"""

import argparse
import gc
import os
import platform
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The harness is part of the tests and not of the package.
sys.path += [str(ROOT / "tests" / folder) for folder in ("faults", "laws", "engine", "core")]
PAGE = ROOT / "docs" / "faults.md"

MODES = {"once": (1, 1), "twice": (2, 1), "5 ×": (5, 1), "until the end": (-1, 1), "once, 8 concurrent": (1, 8)}
"""Title -> (strikes in a row, concurrent requests). -1 strikes until the end of the run."""


@dataclass
class Row:
    """The results of one fault in one mode."""

    fault: str
    mode: str
    struck: int = 0
    undetectable: int = 0
    exits: dict[int, int] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)


def enumerate_places(fault: str, mode: str) -> Row:
    """Inject a fault at every request of a run. Runs in a process of its own."""
    from every_fault import Bench, Strike, hurried
    from http_world import start, stop
    from places import all_places, folder_in_memory
    from scenario import EVERYTHING

    times, at_once = MODES[mode]
    row = Row(fault, mode)
    with folder_in_memory() as folder, hurried():
        world = start(folder)
        world.more["max_concurrency"] = at_once
        bench = Bench(world, EVERYTHING)
        gc.collect()
        # The harness survives every run. Frozen, it costs the collector no time in hundreds of runs.
        gc.freeze()
        for at in all_places(bench):
            point = bench.strike(Strike(fault, at, times))
            # Some faults do not apply to every request: no token can expire at the login.
            row.struck += bool(point.struck)
            row.undetectable += point.undetectable
            if point.exit_code is not None:
                row.exits[point.exit_code] = row.exits.get(point.exit_code, 0) + 1
            row.surprises += [f"{point.strike} ({point.where}): {text}" for text in point.surprises]
        stop(world)
    return row


def measured(faults: Iterable[str], modes: Iterable[str], jobs: int) -> Iterator[Row]:
    """Yield the rows in order."""
    work = [(fault, mode) for fault in faults for mode in modes]
    # A task freezes the objects of its process, so each task gets a fresh one.
    with ProcessPoolExecutor(jobs, max_tasks_per_child=1) as pool:
        yield from pool.map(enumerate_places, *zip(*work, strict=True))


def signalled(sent: int, count: int) -> tuple[str, int]:
    """Return a row of the table of signals, and its number of violations. Runs in a process of its own."""
    from every_fault import Bench, hurried
    from http_world import start, stop
    from interrupted import interrupt, moments
    from places import folder_in_memory
    from scenario import EVERYTHING

    with folder_in_memory() as folder, hurried():
        world = start(folder)
        bench = Bench(world, EVERYTHING)
        found = [interrupt(bench, signal.Signals(sent), at, delay) for at, delay in moments(bench, count, sent)]
        stop(world)
    during = [f for f in found if f.exit_code != 0 and f.writes]
    surprises = [f"{one}: {text}" for one in found for text in one.surprises]
    for text in surprises:
        print(f"  VIOLATION {text}", file=sys.stderr, flush=True)
    codes = ", ".join(f"{code}: {n}" for code, n in sorted(Counter(f.exit_code for f in found).items()))
    before = sum(f.exit_code != 0 and not f.writes for f in found)
    after = sum(f.exit_code == 0 for f in found)
    name = signal.Signals(sent).name
    return f"| {name} | {len(found)} | {before} | {len(during)} | {after} | {codes} | {len(surprises)} |", len(
        surprises
    )


def signals(count: int, jobs: int) -> tuple[str, int]:
    """Return the table of signals, and the number of violations."""
    started = time.perf_counter()
    kinds = [signal.SIGKILL, signal.SIGINT, signal.SIGTERM]
    with ProcessPoolExecutor(jobs, max_tasks_per_child=1) as pool:
        rows = list(pool.map(signalled, kinds, [count] * len(kinds)))
    lines = [
        "| Signal | Sent | Before the first write | During the writes | After the end | Exit codes | Violations |",
        "|---|---|---|---|---|---|---|",
        *(row for row, _ in rows),
    ]
    head = f"{time.perf_counter() - started:,.0f} seconds in {jobs} processes. {machine()}."
    return "\n".join([head, "", *lines]), sum(n for _, n in rows)


def table(rows: list[Row], modes: list[str]) -> str:
    """Return a table with a row for each fault and a column for each mode. Cells count the points."""
    faults = list(dict.fromkeys(r.fault for r in rows))
    cells = {(r.fault, r.mode): r for r in rows}
    lines = [
        f"| Fault | {' | '.join(modes)} | Exit 0 / 5 / 4, 6 | Violations |",
        f"|---|{'---|' * len(modes)}---|---|",
    ]
    for fault in faults:
        own = [cells[fault, mode] for mode in modes]
        exits: dict[int, int] = {}
        for row in own:
            for code, n in row.exits.items():
                exits[code] = exits.get(code, 0) + n
        codes = f"{exits.get(0, 0)} / {exits.get(5, 0)} / {exits.get(4, 0) + exits.get(6, 0)}"
        counts = " | ".join(str(r.struck) for r in own)
        lines.append(f"| `{fault}` | {counts} | {codes} | {sum(len(r.surprises) for r in own)} |")
    totals = " | ".join(str(sum(r.struck for r in rows if r.mode == mode)) for mode in modes)
    every = sum(len(r.surprises) for r in rows)
    lines.append(f"| **all** | {totals} | | **{every}** |")
    return "\n".join(lines)


def written(page: Path, block: str, text: str) -> None:
    """Replace the text between the marks of a block of a page."""
    before = page.read_text("utf-8")
    pattern = re.compile(rf"(<!-- {block} -->\n).*?(<!-- /{block} -->)", re.DOTALL)
    assert pattern.search(before), f"{page} has no block {block}"
    page.write_text(pattern.sub(lambda m: f"{m[1]}{text}\n{m[2]}", before), "utf-8")


def machine() -> str:
    """Describe the machine of the figures."""
    return (
        f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}, {os.cpu_count()} cores, "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )


def main() -> None:
    """Run the enumeration. Exits with 1 if there is a violation."""
    from every_fault import FAULTS

    options = argparse.ArgumentParser(prog="benchmarks.faults")
    options.add_argument("--quick", action="store_true", help="inject each fault once at each request")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("--fault", action="append", choices=list(FAULTS), help="run only this fault; repeatable")
    options.add_argument("--mode", action="append", choices=list(MODES), help="run only this mode; repeatable")
    options.add_argument("--signals", type=int, metavar="N", help="send each signal N times, instead of faults")
    options.add_argument("--write", nargs="?", const=str(PAGE), help="write the table into this page")
    given = options.parse_args()
    if given.signals:
        block, (text, violations) = "signals", signals(given.signals, given.jobs)
    else:
        modes = given.mode or (list(MODES)[:1] if given.quick else list(MODES))
        block, (text, violations) = "faults", faults(given.fault or list(FAULTS), modes, given.jobs)
    print(text)
    if given.write:
        written(Path(given.write), block, text)
    sys.exit(1 if violations else 0)


def faults(names: list[str], modes: list[str], jobs: int) -> tuple[str, int]:
    """Return the table of faults, and the number of violations."""
    started = time.perf_counter()
    rows: list[Row] = []
    for row in measured(names, modes, jobs):
        rows.append(row)
        print(f"{row.fault}, {row.mode}: {row.struck} points", file=sys.stderr, flush=True)
        for surprise in row.surprises:
            print(f"  VIOLATION {surprise}", file=sys.stderr, flush=True)
    violations = sum(len(r.surprises) for r in rows)
    undetectable = sum(r.undetectable for r in rows)
    wrong = "outcomes reported a failure although the change was applied (short list of activations, see above)"
    text = (
        f"{sum(r.struck for r in rows):,} points, {violations} violations"
        f"{f'; {undetectable} {wrong}' if undetectable else ''}. "
        f"{time.perf_counter() - started:,.0f} seconds in {jobs} processes. {machine()}."
    )
    return f"{text}\n\n{table(rows, modes)}", violations


if __name__ == "__main__":
    main()
