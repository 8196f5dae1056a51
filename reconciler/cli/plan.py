"""`reconciler plan`."""

import asyncio
from pathlib import Path
from typing import Any

import click

from reconciler.app.exits import of_plans
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, OutFile, common, emit, write_file
from reconciler.cli.planning import formats_option, plan_lines, plan_options, request


@click.command("plan", short_help="Show what `apply` would do.")
@plan_options
@formats_option
@click.option(
    "--save",
    type=OutFile(),
    metavar="FILE",
    help="Write the plan for `apply --plan FILE`.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if there are changes.")
@common
def command(
    console: Console,
    selection: tuple[str, ...],
    formats: tuple[Format, ...],
    save: Path | None,
    detailed_exitcode: bool,
    **options: Any,
) -> int:
    """Show what `apply` would do: read the servers, compare, change nothing.

    Exit codes: 0, or 2 with --detailed-exitcode if there are changes; 3 invalid files; 4 a guard refuses; 6 a server
    cannot be reached.
    """
    from reconciler.app.planning import make_plans

    config = configured(console, selection)
    asked = request(**options)
    plans = asyncio.run(make_plans(config, asked, console.progress()))
    emit(console, formats, lambda name: plan_lines(console, config, plans, name))
    if save:
        from reconciler.app.saved import saved_plan, unfit

        hindered = unfit(plans)
        if hindered:
            console.warn(f"error: not saved: the plan cannot be applied to {', '.join(hindered)}")
            console.warn("  hint: see the errors above")
        else:
            write_file(save, saved_plan(config, asked, plans))
            console.say(f"wrote {save}; `reconciler apply --plan {save}` applies exactly this")
    return of_plans(plans, detailed=detailed_exitcode)
