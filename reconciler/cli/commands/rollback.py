"""`reconciler rollback`."""

import asyncio
from datetime import timedelta
from pathlib import Path

import click

from reconciler.app.exits import of_plans
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, common, emit
from reconciler.cli.options.candidates import runs
from reconciler.cli.options.plan import plan_formats_option, plan_lines, request
from reconciler.cli.options.save import saving, saving_options


@click.command("rollback", short_help="Show the reversal of a run.")
@click.argument("run", metavar="RUN", shell_complete=runs)
@click.option(
    "--allow-deletions",
    type=click.IntRange(min=0),
    metavar="N",
    help="Allow exactly N deletions, overriding policy.maxDeletions.",
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
    """Show the reversal of a run of `apply` as a plan. `rollback` changes nothing.

    RUN is the id of a run, an unambiguous prefix of it, or `last`; `reconciler history` lists the runs. The plan skips
    objects that changed after the run. It cannot restore the mail of a deleted mailbox, or an old password. To apply
    the reversal, save it with --save FILE, then run `apply --plan FILE`.

    Exit codes: 0 success; 2 there are changes (with --detailed-exitcode); 3 invalid files; 4 a guard refuses the plan;
    6 a server is unreachable.
    """
    from reconciler.app.rollback import plan_rollback

    wanted = saving(save, expires, sign_key)
    # There is no selection of domains, because the run determines them.
    config = configured(console, ())
    asked = request(allow_deletions=allow_deletions)
    found = asyncio.run(plan_rollback(config, run, asked, console.progress()))
    emit(console, formats, lambda name: plan_lines(console, config, found.plans, name))
    # A plan contains its own notes. Without a plan, only this message explains the empty result.
    if not found.plans:
        console.say(f"Run {_safe(found.run)} changed nothing in this workspace.")
        for note in found.notes:
            console.warn(_safe(str(note)))
    changes = any(p.changes for p in found.plans)
    if wanted and found.plans:
        wanted.write(console, config, asked, found.plans)
    elif wanted:
        console.warn(f"{save} was not written, because there is nothing to undo")
    if changes:
        since = f" (the run applied {_safe(found.commit[:12])})" if found.commit else ""
        console.warn(f"The files still contain the changes{since}. Revert the commit too (`git revert`),")
        console.warn("because the next apply would make the same changes again.")
    return of_plans(found.plans, detailed=detailed_exitcode)


def _safe(text: str) -> str:
    from reconciler.output.terminal import safe

    return safe(text)
