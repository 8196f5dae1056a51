"""Coverage-guided fuzzing of the targets, with atheris: `make fuzz SECONDS=60`, or one target by name.

    python tests/fuzz/fuzz.py --seconds 60                all targets, two at a time, 60 seconds for all
    python tests/fuzz/fuzz.py --seconds 300 spf dkim      only these targets
    python tests/fuzz/fuzz.py --seconds 30 --together     all targets in two processes, for a gate
    python tests/fuzz/fuzz.py --seconds 60 --keep         adds new interesting inputs to the corpus, minimised
    python tests/fuzz/fuzz.py --run spf FILE...           runs one target over files, under libFuzzer

After a crash, its input is in `tests/fuzz/crashes/TARGET/`, and the exit code is 1. Fix the bug, then add the input:

    python tests/fuzz/fuzz_corpus.py add TARGET tests/fuzz/crashes/TARGET/FILE

`test_corpus.py` runs the complete corpus in every test run, without atheris.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import fuzz_corpus

HERE = Path(__file__).parent
CRASHES = HERE / "crashes"
WORDS = HERE / "words.dict"
PROCESSES = 2
"""Targets that run at the same time."""
MAX_LENGTH = 4096
SECONDS_PER_INPUT = 10
MEGABYTES = 1536
TOGETHER = "+"
"""Joins the names of targets that share a process. The first byte of an input then selects the target."""
MAX_CORPUS = 40_000
"""Bytes of all inputs of one target. `--keep` keeps the smallest inputs first."""
STARTUP = 3.0
"""Seconds, about, in which a target is imported and instrumented. They are part of the time limit."""


@dataclass(frozen=True)
class Result:
    """The result of one process: a target, or several targets that share it.

    Attributes:
        target: its name; several names are joined by `+`.
        executions: inputs that libFuzzer ran.
        edges, features: libFuzzer's two measures of coverage, the highest values in the run.
        crashes: new files in the crash folders.
        failure: the end of the output; empty after a run without a fault.
    """

    target: str
    executions: int
    edges: int
    features: int
    crashes: tuple[Path, ...]
    failure: str


def run_under_libfuzzer(target: str, arguments: Sequence[str]) -> None:
    """Runs libFuzzer in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["reconciler", "yaml", "idna"], enable_loader_override=False):
        from fuzz_targets import TARGETS
    # For a merge, libFuzzer starts itself again through a shell: the first argument must be the complete command.
    again = shlex.join([sys.executable, __file__, "--run", target])
    chosen = [TARGETS[name] for name in target.split(TOGETHER)]

    def run_selected(data: bytes) -> None:
        if data:
            chosen[data[0] % len(chosen)](data[1:])

    atheris.Setup([again, *arguments], run_selected if len(chosen) > 1 else chosen[0])
    atheris.Fuzz()


def options(target: str) -> list[str]:
    """The options of every libFuzzer process."""
    return [
        f"-artifact_prefix={CRASHES / target}/",
        f"-max_len={MAX_LENGTH}",
        f"-timeout={SECONDS_PER_INPUT}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-dict={WORDS}",
        "-print_final_stats=1",
    ]


def run_process(target: str, arguments: Sequence[str], seconds: float) -> tuple[int, str]:
    """Exit code and output of a new libFuzzer process. It is killed a minute after its time limit."""
    command = [sys.executable, __file__, "--run", target, *options(target), *arguments]
    # With a fixed hash seed a crash can be reproduced: sets and dictionaries keep their order.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
            timeout=seconds + 60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as e:
        return 1, (e.output or b"").decode("utf-8", "replace") + f"\nkilled after {seconds + 60:.0f} s"
    return done.returncode, done.stdout.decode("utf-8", "replace")


def fuzz_target(target: str, seconds: float, *, keep: bool) -> Result:
    """Fuzzes one target for a number of seconds. `keep` adds the new interesting inputs to the corpus."""
    (CRASHES / target).mkdir(parents=True, exist_ok=True)
    before = set((CRASHES / target).iterdir())
    with tempfile.TemporaryDirectory() as folder:
        corpus, found = (Path(folder) / part for part in ("corpus", "found"))
        for path in (corpus, found):
            path.mkdir()
        fuzz_corpus.unpack(target, corpus)
        limit = max(1, round(seconds - STARTUP))
        code, output = run_process(target, [f"-max_total_time={limit}", str(found), str(corpus)], seconds)
        if keep:
            keep_minimised(target, corpus, found)
    crashes = tuple(sorted(set((CRASHES / target).iterdir()) - before))
    return result_of(target, code, output, crashes)


def fuzz_together(targets: Sequence[str], seconds: float) -> Result:
    """Fuzzes several targets in one process, for short runs: Python imports and instruments the program once."""
    name = TOGETHER.join(targets)
    marked = len(targets) > 1
    with tempfile.TemporaryDirectory() as folder:
        corpus, found, crashes = (Path(folder) / part for part in ("corpus", "found", "crashes"))
        for path in (corpus, found, crashes):
            path.mkdir()
        for number, target in enumerate(targets):
            for input_name, data in fuzz_corpus.read(target).items():
                (corpus / f"{target}-{input_name}").write_bytes(bytes([number]) * marked + data)
        limit = max(1, round(seconds - STARTUP))
        arguments = [f"-artifact_prefix={crashes}/", f"-max_total_time={limit}", str(found), str(corpus)]
        code, output = run_process(name, arguments, seconds)
        kept = []
        for path in sorted(crashes.iterdir()):
            data = path.read_bytes()
            target = targets[data[0] % len(targets)] if marked and data else targets[0]
            (CRASHES / target).mkdir(parents=True, exist_ok=True)
            kept.append(CRASHES / target / path.name)
            # Without the first byte, so that the target can be run over the file by itself.
            kept[-1].write_bytes(data[1:] if marked else data)
    return result_of(name, code, output, kept)


def result_of(target: str, code: int, output: str, crashes: Iterable[Path]) -> Result:
    """The result, from the exit code and the output of a process."""
    edges, features = max(
        ((int(m[1]), int(m[2])) for m in re.finditer(r"cov: (\d+) ft: (\d+)", output)), default=(0, 0)
    )
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    failure = "" if code == 0 and executions else output[-6000:]
    return Result(target, int(executions[1]) if executions else 0, edges, features, tuple(crashes), failure)


def keep_minimised(target: str, corpus: Path, found: Path) -> None:
    """Replaces the corpus by the fewest inputs that reach the coverage of all inputs.

    Inputs with a name stay: people wrote them, or they reproduce a bug. libFuzzer names its own inputs by their SHA-1.
    """
    with tempfile.TemporaryDirectory() as small:
        code, output = run_process(target, ["-merge=1", small, str(corpus), str(found)], 600)
        if code:
            print(output[-2000:], file=sys.stderr)
            return
        candidates = sorted(Path(small).iterdir(), key=lambda path: (path.stat().st_size, path.name))
        kept = {name: data for name, data in fuzz_corpus.read(target).items() if not re.fullmatch("[0-9a-f]{40}", name)}
        known = set(kept.values())
        room = MAX_CORPUS - sum(map(len, known))
        for path in candidates:
            data = path.read_bytes()
            room -= len(data)
            if room >= 0 and data not in known:
                kept[path.name] = data
    fuzz_corpus.write(target, kept)


def campaign(targets: Sequence[str], seconds: float, *, keep: bool, together: bool) -> Iterator[Result]:
    """Runs all targets, two processes at a time. Each target gets an equal part of the time.

    Args:
        together: start only two processes, each with half of the targets and all of the time.
    """
    if together:
        halves = [half for n in range(PROCESSES) if (half := targets[n::PROCESSES])]
        with ThreadPoolExecutor(PROCESSES) as pool:
            yield from pool.map(lambda half: fuzz_together(half, seconds), halves)
        return
    part = seconds * PROCESSES / max(len(targets), PROCESSES)
    with ThreadPoolExecutor(PROCESSES) as pool:
        yield from pool.map(lambda target: fuzz_target(target, part, keep=keep), targets)


def main() -> int:
    """The command line."""
    if sys.argv[1:2] == ["--run"]:
        run_under_libfuzzer(sys.argv[2], sys.argv[3:])
        return 0
    targets = fuzz_corpus.targets()
    parser = argparse.ArgumentParser(description="Coverage-guided fuzzing.")
    parser.add_argument("--seconds", type=float, default=60, help="for all targets (default: 60)")
    parser.add_argument("--together", action="store_true", help="start only two processes, for short runs")
    parser.add_argument("--keep", action="store_true", help="add new interesting inputs to the corpus")
    parser.add_argument("targets", nargs="*", choices=[[], *targets])
    given = parser.parse_args()
    began = monotonic()
    results = []
    for one in campaign(given.targets or targets, given.seconds, keep=given.keep, together=given.together):
        results.append(one)
        figures = f"{one.executions:>9} executions {one.edges:>6} edges {one.features:>6} features"
        print(f"{one.target[:24]:<24}{figures}  {len(one.crashes)} crashes", flush=True)
        if one.failure:
            print(one.failure, file=sys.stderr, flush=True)
        for path in one.crashes:
            print(
                f"  reproduce: python {Path(__file__).name} --run {path.parent.name} {path}",
                file=sys.stderr,
                flush=True,
            )
    print(f"{sum(r.executions for r in results)} executions in {monotonic() - began:.0f} s")
    return 1 if any(r.failure or r.crashes for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
