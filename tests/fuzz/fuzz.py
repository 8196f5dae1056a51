"""Coverage-guided fuzzing of the targets, with atheris: `make fuzz SECONDS=60`, or one target by name.

    python tests/fuzz/fuzz.py --seconds 60                all targets, two at a time, 60 seconds together
    python tests/fuzz/fuzz.py --seconds 300 spf dkim      these only
    python tests/fuzz/fuzz.py --seconds 30 --together     all targets in two processes, for a gate
    python tests/fuzz/fuzz.py --seconds 60 --keep         what was found interesting goes into the corpus, minimised
    python tests/fuzz/fuzz.py --run spf FILE...           one target over files, under libFuzzer

A crash is written to `tests/fuzz/crashes/TARGET/`, and the exit code is 1. To keep it from coming back, mend it and
move the file to `tests/fuzz/corpus/TARGET/`: `test_corpus.py` runs those in every test run, without atheris.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

HERE = Path(__file__).parent
CORPUS, CRASHES = HERE / "corpus", HERE / "crashes"
WORDS = HERE / "words.dict"
AT_A_TIME = 2
MAX_LENGTH = 4096
SECONDS_A_INPUT = 10
MEGABYTES = 1536
TOGETHER = "+"
"""Between names of targets that share a process: the first byte of an input says whose it is."""
LARGEST = 40_000
"""Bytes of the corpus of one target; of what is interesting the smallest is kept."""
STARTING = 3.0
"""Seconds that a target takes to be imported and instrumented, about; they count too."""


@dataclass(frozen=True)
class Ran:
    """What became of one target."""

    target: str
    executions: int
    edges: int
    features: int
    crashes: tuple[Path, ...]
    failed: str


def run_under_libfuzzer(target: str, arguments: Sequence[str]) -> None:
    """In this process; it ends it."""
    import atheris

    sys.path.insert(0, str(HERE))
    with atheris.instrument_imports(include=["reconciler", "yaml", "idna"], enable_loader_override=False):
        from fuzz_targets import TARGETS
    # The first word is what libFuzzer starts again, through a shell, for merging.
    again = shlex.join([sys.executable, __file__, "--run", target])
    chosen = [TARGETS[name] for name in target.split(TOGETHER)]

    def one_of_them(data: bytes) -> None:
        if data:
            chosen[data[0] % len(chosen)](data[1:])

    atheris.Setup([again, *arguments], one_of_them if len(chosen) > 1 else chosen[0])
    atheris.Fuzz()


def names() -> list[str]:
    """All targets, without importing what they test."""
    return sorted(path.name for path in CORPUS.iterdir() if path.is_dir())


def options(target: str) -> list[str]:
    """What libFuzzer is told in every case."""
    return [
        f"-artifact_prefix={CRASHES / target}/",
        f"-max_len={MAX_LENGTH}",
        f"-timeout={SECONDS_A_INPUT}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-dict={WORDS}",
        "-print_final_stats=1",
    ]


def started(target: str, arguments: Sequence[str], seconds: float) -> tuple[int, str]:
    """Exit code and output of a libFuzzer process of its own, which is killed where it does not end in time."""
    command = [sys.executable, __file__, "--run", target, *options(target), *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
            timeout=seconds + 60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as e:
        return 1, (e.output or b"").decode("utf-8", "replace") + f"\nkilled after {seconds + 60:.0f} s"
    return done.returncode, done.stdout.decode("utf-8", "replace")


def fuzzed(target: str, seconds: float, *, keep: bool) -> Ran:
    """One target for so many seconds; what it finds interesting is thrown away unless it is to be kept."""
    (CRASHES / target).mkdir(parents=True, exist_ok=True)
    before = set((CRASHES / target).iterdir())
    with tempfile.TemporaryDirectory() as found:
        limit = max(1, round(seconds - STARTING))
        code, output = started(target, [f"-max_total_time={limit}", found, str(CORPUS / target)], seconds)
        if keep:
            minimised(target, Path(found))
    crashes = tuple(sorted(set((CRASHES / target).iterdir()) - before))
    return ran(target, code, output, crashes)


def shared(targets: Sequence[str], seconds: float) -> Ran:
    """Several targets in one process, which is imported and instrumented once: for a run that must be short."""
    name = TOGETHER.join(targets)
    marked = len(targets) > 1
    with tempfile.TemporaryDirectory() as folder:
        corpus, found, crashes = (Path(folder) / part for part in ("corpus", "found", "crashes"))
        for path in (corpus, found, crashes):
            path.mkdir()
        for number, target in enumerate(targets):
            for path in (CORPUS / target).iterdir():
                (corpus / f"{target}-{path.name}").write_bytes(bytes([number]) * marked + path.read_bytes())
        limit = max(1, round(seconds - STARTING))
        arguments = [f"-artifact_prefix={crashes}/", f"-max_total_time={limit}", str(found), str(corpus)]
        code, output = started(name, arguments, seconds)
        kept = []
        for path in sorted(crashes.iterdir()):
            data = path.read_bytes()
            target = targets[data[0] % len(targets)] if marked and data else targets[0]
            (CRASHES / target).mkdir(parents=True, exist_ok=True)
            kept.append(CRASHES / target / path.name)
            kept[-1].write_bytes(data[1:] if marked else data)
    return ran(name, code, output, kept)


def ran(target: str, code: int, output: str, crashes: Iterable[Path]) -> Ran:
    """What the output of a process says."""
    edges, features = max(
        ((int(m[1]), int(m[2])) for m in re.finditer(r"cov: (\d+) ft: (\d+)", output)), default=(0, 0)
    )
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    failed = "" if code == 0 and executions else output[-6000:]
    return Ran(target, int(executions[1]) if executions else 0, edges, features, tuple(crashes), failed)


def minimised(target: str, found: Path) -> None:
    """Puts the fewest files that reach what all of them reach into the corpus."""
    with tempfile.TemporaryDirectory() as small:
        code, output = started(target, ["-merge=1", small, str(CORPUS / target), str(found)], 600)
        if code:
            print(output[-2000:], file=sys.stderr)
            return
        kept = sorted(Path(small).iterdir(), key=lambda path: (path.stat().st_size, path.name))
        named = [p for p in (CORPUS / target).iterdir() if not re.fullmatch("[0-9a-f]{40}", p.name)]
        for path in set((CORPUS / target).iterdir()) - set(named):
            path.unlink()
        known = {path.read_bytes() for path in named}
        room = LARGEST - sum(map(len, known))
        for path in kept:
            room -= path.stat().st_size
            if room >= 0 and path.read_bytes() not in known:
                shutil.copy(path, CORPUS / target / path.name)


def campaign(targets: Sequence[str], seconds: float, *, keep: bool, together: bool) -> Iterator[Ran]:
    """All targets, two at a time, each an equal part of the time; together: in two processes for all of it."""
    if together:
        halves = [half for n in range(AT_A_TIME) if (half := targets[n::AT_A_TIME])]
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            yield from pool.map(lambda half: shared(half, seconds), halves)
        return
    attribution = seconds * AT_A_TIME / max(len(targets), AT_A_TIME)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield from pool.map(lambda target: fuzzed(target, attribution, keep=keep), targets)


def main() -> int:
    """The command line."""
    if sys.argv[1:2] == ["--run"]:
        run_under_libfuzzer(sys.argv[2], sys.argv[3:])
        return 0
    parser = argparse.ArgumentParser(description="Coverage-guided fuzzing.")
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument(
        "--together", action="store_true", help="in two processes, which are started once: for short runs"
    )
    parser.add_argument("--keep", action="store_true", help="what is found interesting goes into the corpus")
    parser.add_argument("targets", nargs="*", choices=[[], *names()])
    given = parser.parse_args()
    began = monotonic()
    results = []
    for one in campaign(given.targets or names(), given.seconds, keep=given.keep, together=given.together):
        results.append(one)
        said = f"{one.executions:>9} executions {one.edges:>6} edges {one.features:>6} features"
        print(f"{one.target[:24]:<24}{said}  {len(one.crashes)} crashes", flush=True)
        if one.failed:
            print(one.failed, file=sys.stderr, flush=True)
        for path in one.crashes:
            print(
                f"  reproduce: python {Path(__file__).name} --run {path.parent.name} {path}",
                file=sys.stderr,
                flush=True,
            )
    print(f"{sum(r.executions for r in results)} executions in {monotonic() - began:.0f} s")
    return 1 if any(r.failed or r.crashes for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
