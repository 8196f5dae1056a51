"""Measure commands with the accounting of the operating system."""

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Medians over the runs: wall and CPU seconds, peak memory in MiB, and the range of wall seconds."""

    wall: float
    cpu: float
    peak: float
    lowest: float
    highest: float

    def row(self, title: str, note: str = "") -> str:
        """Return a line of the table."""
        return (
            f"| {title} | {self.wall:.2f} s [{self.lowest:.2f}–{self.highest:.2f}] | {self.cpu:.2f} s "
            f"| {self.peak:.0f} MiB | {note} |"
        )


def cost(
    words: Sequence[str], *, runs: int = 3, env: Mapping[str, str] | None = None, codes: Sequence[int] = (0,)
) -> Cost:
    """Run a command once to warm up and then `runs` times. With `runs=0` the first run counts.

    Raises:
        SystemExit: the exit code of a run is not in `codes`.
    """
    taken = [_once(words, env, codes) for _ in range(runs + 1)][1 if runs else 0 :]
    # Wall time varies with the load of the machine, so the table also shows its range.
    walls = [t[0] for t in taken]
    return Cost(
        wall=statistics.median(walls),
        cpu=statistics.median(t[1] for t in taken),
        peak=statistics.median(t[2] for t in taken),
        lowest=min(walls),
        highest=max(walls),
    )


def _once(words: Sequence[str], env: Mapping[str, str] | None, codes: Sequence[int]) -> tuple[float, float, float]:
    start = time.perf_counter()
    process = subprocess.Popen(
        words, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    # wait4 returns the resources of this child only, which getrusage(RUSAGE_CHILDREN) would add to earlier ones.
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        raise SystemExit(f"{' '.join(words)} exited with {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
