"""Every fault at every request: `python -m benchmarks.faults [--quick] [--jobs N] [--write [FILE]]`, a Markdown table.

The harness is the tests' own (`tests/faults`): one run with a fault, a second one without, and what must hold of both.
`--quick` injects each fault once at each request; without it also several times in a row, to the end of the run, and
with eight requests at once. `--signals N` instead runs the program in a process and sends N times each of SIGKILL,
SIGINT and SIGTERM. `--write` puts the table into docs/faults.md.
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
sys.path += [str(ROOT / "tests" / folder) for folder in ("faults", "laws", "engine", "core")]
PAGE = ROOT / "docs" / "faults.md"

MODES = {"once": (1, 1), "twice": (2, 1), "5 ×": (5, 1), "to the end": (-1, 1), "once, 8 at once": (1, 8)}
"""Title -> how often in a row, and how many requests at once."""


@dataclass
class Row:
    """What came of one fault in one mode."""

    fault: str
    mode: str
    struck: int = 0
    undetectable: int = 0
    exits: dict[int, int] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)


def enumerate_places(fault: str, mode: str) -> Row:
    """A fault at every request of a run. In a process of its own."""
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
        gc.freeze()
        for at in all_places(bench):
            point = bench.strike(Strike(fault, at, times))
            row.struck += bool(point.struck)
            row.undetectable += point.undetectable
            if point.exit_code is not None:
                row.exits[point.exit_code] = row.exits.get(point.exit_code, 0) + 1
            row.surprises += [f"{point.strike} ({point.where}): {text}" for text in point.surprises]
        stop(world)
    return row


def measured(faults: Iterable[str], modes: Iterable[str], jobs: int) -> Iterator[Row]:
    """All rows, as they come."""
    work = [(fault, mode) for fault in faults for mode in modes]
    with ProcessPoolExecutor(jobs, max_tasks_per_child=1) as pool:
        yield from pool.map(enumerate_places, *zip(*work, strict=True))


def signalled(sent: int, count: int) -> tuple[str, int]:
    """A row of the table of signals, and how many surprises there were. In a process of its own."""
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
    amid = [f for f in found if f.exit_code != 0 and f.writes]
    surprises = [f"{one}: {text}" for one in found for text in one.surprises]
    for text in surprises:
        print(f"  SURPRISE {text}", file=sys.stderr, flush=True)
    codes = ", ".join(f"{code}: {n}" for code, n in sorted(Counter(f.exit_code for f in found).items()))
    before = sum(f.exit_code != 0 and not f.writes for f in found)
    after = sum(f.exit_code == 0 for f in found)
    name = signal.Signals(sent).name
    return f"| {name} | {len(found)} | {before} | {len(amid)} | {after} | {codes} | {len(surprises)} |", len(surprises)


def signals(count: int, jobs: int) -> tuple[str, int]:
    """The table of signals, and how many surprises there were."""
    started = time.perf_counter()
    kinds = [signal.SIGKILL, signal.SIGINT, signal.SIGTERM]
    with ProcessPoolExecutor(jobs, max_tasks_per_child=1) as pool:
        rows = list(pool.map(signalled, kinds, [count] * len(kinds)))
    lines = [
        "| Signal | Sent | Before the first write | Amid the writes | Done before | Exit codes | Surprises |",
        "|---|---|---|---|---|---|---|",
        *(row for row, _ in rows),
    ]
    head = f"{time.perf_counter() - started:,.0f} seconds in {jobs} processes. {machine()}."
    return "\n".join([head, "", *lines]), sum(n for _, n in rows)


def table(rows: list[Row], modes: list[str]) -> str:
    """Faults down, modes across: how many points were struck."""
    faults = list(dict.fromkeys(r.fault for r in rows))
    cells = {(r.fault, r.mode): r for r in rows}
    lines = [
        f"| Fault | {' | '.join(modes)} | Exit 0 / 5 / 4, 6 | Surprises |",
        f"|---|{'---|' * len(modes)}---|---|",
    ]
    for fault in faults:
        own = [cells[fault, mode] for mode in modes]
        exits: dict[int, int] = {}
        for row in own:
            for code, n in row.exits.items():
                exits[code] = exits.get(code, 0) + n
        said = f"{exits.get(0, 0)} / {exits.get(5, 0)} / {exits.get(4, 0) + exits.get(6, 0)}"
        counts = " | ".join(str(r.struck) for r in own)
        lines.append(f"| `{fault}` | {counts} | {said} | {sum(len(r.surprises) for r in own)} |")
    totals = " | ".join(str(sum(r.struck for r in rows if r.mode == mode)) for mode in modes)
    every = sum(len(r.surprises) for r in rows)
    lines.append(f"| **all** | {totals} | | **{every}** |")
    return "\n".join(lines)


def written(page: Path, block: str, text: str) -> None:
    """Puts a text between the marks of a block of a page."""
    before = page.read_text("utf-8")
    pattern = re.compile(rf"(<!-- {block} -->\n).*?(<!-- /{block} -->)", re.DOTALL)
    assert pattern.search(before), f"{page} has no block {block}"
    page.write_text(pattern.sub(lambda m: f"{m[1]}{text}\n{m[2]}", before), "utf-8")


def machine() -> str:
    """Where the figures come from."""
    return (
        f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}, {os.cpu_count()} cores, "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )


def main() -> None:
    """Runs the enumeration; exit code 1 if there was a surprise."""
    from every_fault import FAULTS

    options = argparse.ArgumentParser(prog="benchmarks.faults")
    options.add_argument("--quick", action="store_true", help="each fault once at each request, and nothing else")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("--fault", action="append", choices=list(FAULTS), help="only this one; repeatable")
    options.add_argument("--mode", action="append", choices=list(MODES), help="only this one; repeatable")
    options.add_argument("--signals", type=int, metavar="N", help="send signals instead, each so often")
    options.add_argument("--write", nargs="?", const=str(PAGE), help="write the table into this page")
    given = options.parse_args()
    if given.signals:
        block, (text, surprises) = "signals", signals(given.signals, given.jobs)
    else:
        modes = given.mode or (list(MODES)[:1] if given.quick else list(MODES))
        block, (text, surprises) = "faults", faults(given.fault or list(FAULTS), modes, given.jobs)
    print(text)
    if given.write:
        written(Path(given.write), block, text)
    sys.exit(1 if surprises else 0)


def faults(names: list[str], modes: list[str], jobs: int) -> tuple[str, int]:
    """The table of faults, and how many surprises there were."""
    started = time.perf_counter()
    rows: list[Row] = []
    for row in measured(names, modes, jobs):
        rows.append(row)
        print(f"{row.fault}, {row.mode}: {row.struck} points", file=sys.stderr, flush=True)
        for surprise in row.surprises:
            print(f"  SURPRISE {surprise}", file=sys.stderr, flush=True)
    surprises = sum(len(r.surprises) for r in rows)
    text = (
        f"{sum(r.struck for r in rows):,} points were struck, {surprises} surprises; "
        f"{sum(r.undetectable for r in rows)} outcomes said less than was true (a short list of seats, see above). "
        f"{time.perf_counter() - started:,.0f} seconds in {jobs} processes. {machine()}."
    )
    return f"{text}\n\n{table(rows, modes)}", surprises


if __name__ == "__main__":
    main()
