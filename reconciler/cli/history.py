"""`reconciler history`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.app.exits import Exit
from reconciler.cli.candidates import runs
from reconciler.cli.console import Console, Format, FormatType, common, emit

if TYPE_CHECKING:
    from reconciler.output.history import RunRow

FORMATS = ("text", "json")


@click.command("history", short_help="List what was applied, by whom and when.")
@click.argument("run", required=False, metavar="[RUN]", shell_complete=runs)
@click.option("--verify", is_flag=True, help="Check that no journal was changed since it was written.")
@click.option(
    "--format",
    "formats",
    type=FormatType(FORMATS),
    multiple=True,
    default=("text",),
    help="What to print, or to write into a file; repeatable.",
)
@common
def command(console: Console, run: str | None, verify: bool, formats: tuple[Format, ...]) -> int:
    """List the runs of `apply`; or show the changes of one, and what became of each.

    RUN is a run's id, an unambiguous beginning of it, or `last`. With --verify the exit code is 1 if a journal is not
    the one that was written: each line holds the digest of the one before. What a file cannot tell of itself is that
    its last line was edited or that its end was cut off, unless the run came to its end.
    """
    from reconciler.app.history import find_run, list_runs, run_row
    from reconciler.app.plan.planner import journal_folder
    from reconciler.config.workspace import find_root
    from reconciler.engine.journal.reader import read_run

    root = find_root(Path.cwd(), console.workspace)
    folder = journal_folder(root)
    rows = [run_row(read_run(find_run(folder, run)))] if run else list(list_runs(folder))
    emit(console, formats, lambda name: _lines(console, rows, root, name, one=bool(run)))
    if not verify:
        return Exit.DONE
    return _verified(console, rows)


def _lines(console: Console, rows: Sequence["RunRow"], root: Path, name: str, *, one: bool) -> Iterable[str]:
    if name == "json":
        from reconciler.app.header import generated
        from reconciler.output.history import render_history_json

        return [render_history_json(rows, generated(root), changes=one).rstrip("\n")]
    from reconciler.output.history import render_history, render_run

    if one:
        return render_run(rows[0], color=console.color, width=console.width)
    return render_history(rows, color=console.color, width=console.width)


def _verified(console: Console, rows: Sequence["RunRow"]) -> int:
    """What the check found, on standard error."""
    from reconciler.output.terminal import safe

    broken = [row for row in rows if row.chain == "broken"]
    for row in broken:
        console.warn(safe(f"error: {row.fault}"))
    if broken:
        console.warn("  hint: compare with a copy from elsewhere; what such a journal tells cannot be relied on")
        return Exit.UNEXPECTED
    sound = sum(row.chain == "ok" for row in rows)
    unchecked = len(rows) - sound
    rest = f"; {unchecked} older ones have no chain to check" if unchecked else ""
    console.say(f"{sound} of {len(rows)} journals are as they were written{rest}.")
    return Exit.DONE
