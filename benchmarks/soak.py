"""Run a long soak test: `python -m benchmarks.soak [--domains 500] [--minutes 20] [--write [FILE]]`.

Two sandboxes run in separate processes. This process runs `plan` and `apply` again and again, with random faults, edits
of the files, and out-of-band edits of the servers. After each epoch the faults stop, and an apply must converge. Memory
is that of this process after a garbage collection. The result is a Markdown table. Exit code 1 means that a rule was
broken or that a resource grew.
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
"""The fraction of the epochs before growth is measured. Caches and pools fill up in this time."""
FLAT = 0.05
"""The accepted growth of memory over the remaining epochs, as a fraction of the memory."""


def table(epochs: list, domains: int, seconds: float) -> tuple[str, list[str]]:
    """Return the Markdown text, and the violations."""
    from soak_run import slope

    violations = [f"epoch {e.number}: {text}" for e in epochs for text in e.surprises]
    rest = epochs[int(len(epochs) * WARM_UP) :]
    growth = slope([e.rss for e in rest])
    total = growth * (len(rest) - 1)
    # A slope needs more than two points.
    if len(rest) > 2 and total > FLAT * rest[0].rss:
        violations.append(f"memory grew by {total:.1f} MiB over {len(rest)} epochs")
    for resource in ("files", "tasks", "threads"):
        values = [getattr(e, resource) for e in rest]
        # A leak grows with every epoch. One or two more are noise of connections that are still closing.
        if slope([float(v) for v in values]) * len(values) > 1.5:
            violations.append(f"open {resource} grew: {values}")
    # The page shows at most twelve epochs, evenly spaced.
    shown = epochs if len(epochs) <= 12 else [epochs[n * (len(epochs) - 1) // 11] for n in range(12)]
    converged = "yes" if not any(e.surprises for e in epochs) else "NO"
    head = (
        f"{domains} domains on two servers, {len(epochs)} epochs in {seconds / 60:.1f} minutes: "
        f"{sum(e.struck for e in epochs):,} faults, {sum(e.edits for e in epochs):,} out-of-band edits, "
        f"{sum(e.commits for e in epochs):,} file edits; {sum(e.applied for e in epochs):,} changes applied, "
        f"{sum(e.disturbed for e in epochs):,} failed or not tried because of faults. "
        f"Every epoch converged to the state of the files: {converged}."
    )
    grown = (
        f"After a warm-up of a third of the epochs, memory grew by {growth:+.2f} MiB an epoch "
        f"({total:+.1f} MiB in total, from {rest[0].rss if rest else 0:.0f} MiB). The journal grew by "
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
    return "\n".join(lines), violations


def main() -> None:
    """Run the soak test. Exits with 1 if there is a violation."""
    options = argparse.ArgumentParser(prog="benchmarks.soak")
    options.add_argument("--domains", type=int, default=500)
    options.add_argument("--minutes", type=float, default=20)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--pause", type=float, default=0.1, help="seconds between out-of-band edits")
    options.add_argument("--write", nargs="?", const=str(PAGE), help="write the table into this page")
    given = options.parse_args()

    # Importable only after benchmarks.faults has extended sys.path.
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
            on_epoch=told,
        )
    text, violations = table(epochs, given.domains, time.monotonic() - started)
    print(text)
    for violation in violations:
        print(f"VIOLATION {violation}", file=sys.stderr)
    if given.write:
        written(Path(given.write), "soak", text)
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
