"""`reconciler drift`."""

import asyncio

import click

from reconciler.app.exits import of_plans
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, common, emit
from reconciler.cli.planning import base_option, formats_option, plan_lines, request


@click.command("drift", short_help="Plan for the exit code.")
@click.argument("selection", nargs=-1, metavar="[DOMAIN|FILE]...")
@formats_option
@base_option
@common
def command(console: Console, selection: tuple[str, ...], formats: tuple[Format, ...], base: str | None) -> int:
    """Compare the servers with the files, for a nightly job: exit code 2 if they differ, 0 if not.

    It is a plan, shown the other way round: nothing is changed.
    """
    from reconciler.app.planning import make_plans

    config = configured(console, selection)
    plans = asyncio.run(make_plans(config, request(base=base, base_applied=True), console.progress()))
    emit(console, formats, lambda name: plan_lines(console, config, plans, name))
    return of_plans(plans, detailed=True)
