"""`reconciler plan`."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from reconciler.app.exits import of_plans
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, common, emit
from reconciler.cli.options.plan import plan_formats_option, plan_lines, plan_options, request
from reconciler.cli.options.save import saving, saving_options


@click.command("plan", short_help="Show what `apply` would do.")
@plan_options
@plan_formats_option
@saving_options
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if there are changes.")
@common
def command(
    console: Console,
    selection: tuple[str, ...],
    formats: tuple[Format, ...],
    save: Path | None,
    expires: timedelta,
    sign_key: Path | None,
    detailed_exitcode: bool,
    **options: Any,
) -> int:
    """Read the servers and show what `apply` would do. `plan` changes nothing.

    Exit codes: 0 success; 2 there are changes (with --detailed-exitcode); 3 invalid files; 4 a guard refuses the plan;
    6 a server is unreachable.
    """
    from reconciler.app.plan.reading import make_plans

    # The key of `--sign-key` is read first, so that a wrong key does not cost a read of all servers.
    wanted = saving(save, expires, sign_key)
    config = configured(console, selection)
    asked = request(**options)
    plans = asyncio.run(make_plans(config, asked, console.progress()))
    emit(console, formats, lambda name: plan_lines(console, config, plans, name))
    # The plan is shown before it is saved: a reader sees why a plan with errors is not saved.
    if wanted:
        wanted.write(console, config, asked, plans)
    return of_plans(plans, detailed=detailed_exitcode)
