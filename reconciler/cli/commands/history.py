"""`reconciler history`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.app.exits import Exit
from reconciler.cli.console import Console, Format, common, emit, formats_option
from reconciler.cli.options.candidates import runs
from reconciler.output.formats import HISTORY_FORMATS, History, View

if TYPE_CHECKING:
    from reconciler.output.history import RunRow


@click.command("history", short_help="List the runs of `apply`.")
@click.argument("run", required=False, metavar="[RUN]", shell_complete=runs)
@click.option("--verify", is_flag=True, help="Check that no journal changed since it was written.")
@formats_option(*HISTORY_FORMATS)
@common
def command(console: Console, run: str | None, verify: bool, formats: tuple[Format, ...]) -> int:
    """List the runs of `apply`, or show the changes of one run and their outcomes.

    RUN is the id of a run, an unambiguous prefix of it, or `last`.

    Each line of a journal contains the digest of the line before. With --verify, the exit code is 1 if a digest does
    not match. --verify cannot detect a changed last line or a cut end, unless the run was completed.
    """
    from reconciler.app.header import generated
    from reconciler.app.history import find_run, list_runs, run_row
    from reconciler.app.plan.planner import journal_folder
    from reconciler.config.workspace import find_root
    from reconciler.engine.journal.reader import read_run

    # The command reads only the journal, so that it works while the files of the workspace are invalid.
    root = find_root(Path.cwd(), console.workspace)
    folder = journal_folder(root)
    rows = [run_row(read_run(find_run(folder, run)))] if run else list(list_runs(folder))
    view = View(
        today=datetime.now(UTC).date(), color=console.color, width=console.width, header=lambda: generated(root)
    )
    shown = History(runs=rows, one=bool(run))
    emit(console, formats, lambda name: HISTORY_FORMATS[name](shown, view))
    if not verify:
        return Exit.DONE
    return _verified(console, rows)


def _verified(console: Console, rows: Sequence["RunRow"]) -> int:
    """Print the result of --verify on standard error."""
    from reconciler.output.terminal import safe

    broken = [row for row in rows if row.chain == "broken"]
    for row in broken:
        console.warn(safe(f"error: {row.fault}"))
    if broken:
        console.warn("  hint: Compare the journal with a copy. Do not rely on a journal that changed.")
        return Exit.UNEXPECTED
    # A journal without digests is neither valid nor broken. Counting it as unchanged would be a wrong success.
    sound = sum(row.chain == "ok" for row in rows)
    unchecked = len(rows) - sound
    rest = f"; {unchecked} without digests could not be checked" if unchecked else ""
    console.say(f"{sound} of {len(rows)} journals are unchanged{rest}.")
    return Exit.DONE
