"""A long soak: `python -m benchmarks.soak [--domains 500] [--minutes 20] [--write [FILE]]`, a Markdown table.

Two sandboxes in processes of their own; in this one the whole of `plan` and `apply`, over and over, amid faults at
random, a committer who edits files and a human who edits the servers. After each epoch the faults stop, and an apply
has to converge. Memory is this process's own, after a garbage collection. Exit code 1: something did not hold, or grew.
"""

import argparse
import gc
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.faults import PAGE, machine, written

WARM_UP = 1 / 3
"""The part of the epochs that is left out where growth is judged."""
FLAT = 0.05
"""Growth of memory over the rest, as a part of it, that counts as none."""


def table(epochs: list, domains: int, seconds: float) -> tuple[str, list[str]]:
    """The figures, and what did not hold."""
    from soak_run import slope

    faults = [f"epoch {e.number}: {text}" for e in epochs for text in e.surprises]
    rest = epochs[int(len(epochs) * WARM_UP) :]
    growth = slope([e.rss for e in rest])
    whole = growth * (len(rest) - 1)
    if len(rest) > 2 and whole > FLAT * rest[0].rss:
        faults.append(f"memory grew by {whole:.1f} MiB over {len(rest)} epochs")
    for what in ("files", "tasks", "threads"):
        values = [getattr(e, what) for e in rest]
        if slope([float(v) for v in values]) * len(values) > 1.5:
            faults.append(f"open {what} grew: {values}")
    shown = epochs if len(epochs) <= 12 else [epochs[n * (len(epochs) - 1) // 11] for n in range(12)]
    converged = "yes" if not any(e.surprises for e in epochs) else "NO"
    head = (
        f"{domains} domains on two servers, {len(epochs)} epochs in {seconds / 60:.1f} minutes: "
        f"{sum(e.struck for e in epochs):,} faults struck, {sum(e.edits for e in epochs):,} edits by a human, "
        f"{sum(e.commits for e in epochs):,} changes of files; {sum(e.applied for e in epochs):,} changes applied, "
        f"{sum(e.disturbed for e in epochs):,} failed or not tried amid faults. "
        f"Every epoch ended converged and as the files say: {converged}."
    )
    grown = (
        f"After a warm-up of a third memory grew by {growth:+.2f} MiB an epoch ({whole:+.1f} MiB in all, of "
        f"{rest[0].rss if rest else 0:.0f}); the journal by "
        f"{slope([e.journal / 1024 for e in rest]):,.0f} KiB an epoch. {machine()}."
    )
    lines = [
        head,
        "",
        grown,
        "",
        "| Epoch | Seconds | Faults | Edits | Applied | Memory | Objects | Files | Tasks | Threads | Journal |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(
            f"| {e.number} | {e.seconds:.1f} | {e.struck} | {e.edits} | {e.applied} | {e.rss:.1f} MiB | {e.objects:,} "
            f"| {e.files} | {e.tasks} | {e.threads} | {e.journal / 1024:,.0f} KiB |"
            for e in shown
        ),
    ]
    return "\n".join(lines), faults


def main() -> None:
    """Runs it."""
    options = argparse.ArgumentParser(prog="benchmarks.soak")
    options.add_argument("--domains", type=int, default=500)
    options.add_argument("--minutes", type=float, default=20)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--pause", type=float, default=0.1, help="seconds between a human's edits")
    options.add_argument("--write", nargs="?", const=str(PAGE), help="write the table into this page")
    given = options.parse_args()

    from http_values import ADMIN_PASSWORD, NEW_PASSWORD
    from places import folder_in_memory
    from soak_run import servers, soak

    os.environ["LAWS_ADMIN_PASSWORD"], os.environ["PW"] = ADMIN_PASSWORD, NEW_PASSWORD
    started = time.monotonic()
    gc.collect()

    def told(one: object) -> None:
        print(f"{time.monotonic() - started:,.0f} s: {one}", file=sys.stderr, flush=True)

    with ExitStack() as stack:
        folder = stack.enter_context(folder_in_memory())
        urls = servers(stack, 2, ADMIN_PASSWORD)
        epochs = soak(
            folder,
            urls,
            domains=given.domains,
            seed=given.seed,
            pause=given.pause,
            goes_on=lambda done: not done or time.monotonic() - started < given.minutes * 60,
            told=told,
        )
    text, faults = table(epochs, given.domains, time.monotonic() - started)
    print(text)
    for fault in faults:
        print(f"SURPRISE {fault}", file=sys.stderr)
    if given.write:
        written(Path(given.write), "soak", text)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
