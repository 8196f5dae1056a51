"""`reconciler rollback`."""

import asyncio
from datetime import timedelta
from pathlib import Path

import click

from reconciler.app.exits import of_plans
from reconciler.cli.candidates import runs
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, common, emit
from reconciler.cli.plan_options import plan_formats_option, plan_lines, request
from reconciler.cli.save_options import saving, saving_options


@click.command("rollback", short_help="Show what would undo a run.")
@click.argument("run", metavar="RUN", shell_complete=runs)
@click.option(
    "--allow-deletions",
    type=click.IntRange(min=0),
    metavar="N",
    help="The exact number of deletions that are meant, where there are more than the policy lets pass.",
)
@plan_formats_option
@saving_options
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if there are changes.")
@common
def command(
    console: Console,
    run: str,
    allow_deletions: int | None,
    formats: tuple[Format, ...],
    save: Path | None,
    expires: timedelta,
    sign_key: Path | None,
    detailed_exitcode: bool,
) -> int:
    """Show what would undo a run of `apply`: a plan like any other, which changes nothing until it is applied.

    RUN is a run's id, an unambiguous beginning of it, or `last`; `reconciler history` lists them. Each object is
    planned only if it is still as the run left it. A deleted mailbox's mail and an old password cannot be undone.
    To make it so: --save FILE, then `apply --plan FILE`.

    Exit codes: 0, or 2 with --detailed-exitcode if there are changes; 3 invalid files; 4 a guard refuses; 6 a server
    cannot be reached.
    """
    from reconciler.app.rollback import plan_rollback

    wanted = saving(save, expires, sign_key)
    config = configured(console, ())
    asked = request(allow_deletions=allow_deletions)
    found = asyncio.run(plan_rollback(config, run, asked, console.progress()))
    emit(console, formats, lambda name: plan_lines(console, config, found.plans, name))
    if not found.plans:
        console.say(f"Run {_safe(found.run)} changed nothing that is in this workspace.")
        for note in found.notes:
            console.warn(_safe(str(note)))
    changes = any(p.changes for p in found.plans)
    if wanted and found.plans:
        wanted.write(console, config, asked, found.plans)
    elif wanted:
        console.warn(f"nothing to undo, so {save} was not written")
    if changes:
        since = f" (the run applied {_safe(found.commit[:12])})" if found.commit else ""
        console.warn(f"The files still say otherwise{since}: take the commit back too (`git revert`),")
        console.warn("or the next apply makes the same changes again.")
    return of_plans(found.plans, detailed=detailed_exitcode)


def _safe(text: str) -> str:
    from reconciler.output.terminal import safe

    return safe(text)
