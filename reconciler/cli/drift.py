"""`reconciler drift`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from reconciler.app.exits import of_plans
from reconciler.cli.candidates import selection_argument
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, OutFile, common, emit, write_file
from reconciler.cli.plan_options import base_option, plan_formats_option, plan_lines, request

if TYPE_CHECKING:
    from reconciler.app.adopt.drift import Adoption
    from reconciler.app.plan.planner import PlanRequest
    from reconciler.config.workspace import Configuration
    from reconciler.core.plan import Plan


@click.command("drift", short_help="Plan for the exit code.")
@selection_argument
@plan_formats_option
@base_option
@click.option("--adopt", is_flag=True, help="Write what was changed on the servers into the files.")
@click.option("--patch", type=OutFile(), metavar="FILE", help="With --adopt: write a patch instead of the files.")
@common
def command(
    console: Console,
    selection: tuple[str, ...],
    formats: tuple[Format, ...],
    base: str | None,
    adopt: bool,
    patch: Path | None,
) -> int:
    """Compare the servers with the files, for a nightly job: exit code 2 if they differ, 0 if not.

    It is a plan, shown the other way round: nothing is changed. With --adopt the files are: they get the servers'
    values, comments and order kept, but where a value was changed in git. The exit code is then that of what is left;
    with --patch, of what would be left with the patch.
    """
    from reconciler.app.plan.reading import make_plans

    if patch and not adopt:
        raise click.UsageError("--patch needs --adopt")
    config = configured(console, selection)
    asked = request(base=base, base_applied=True)
    plans: Sequence[Plan] = asyncio.run(make_plans(config, asked, console.progress()))
    emit(console, formats, lambda name: plan_lines(console, config, plans, name))
    if adopt:
        alone = all(wanted.path or wanted.name == "text" for wanted in formats)
        plans = _adopted(console, config, plans, asked, patch, diff_is_result=alone)
    return of_plans(plans, detailed=True)


def _adopted(
    console: Console,
    config: "Configuration",
    plans: "Sequence[Plan]",
    asked: "PlanRequest",
    patch: Path | None,
    *,
    diff_is_result: bool,
) -> "Sequence[Plan]":
    """Writes the files, or the patch; the plans of what is left."""
    from reconciler.app.adopt.drift import adopt, left_to_do
    from reconciler.app.adopt.file_changes import write_changes
    from reconciler.app.plan.reading import make_plans
    from reconciler.output.terminal import safe

    done = adopt(config, plans)
    for row in done.skipped:
        console.warn(safe(f"not adopted: {row.domain}: {row.what}: {row.why}"))
    if patch:
        write_file(patch, done.diff)
    if done.config is None:
        console.say("nothing to adopt")
        return plans
    if patch is None:
        write_changes(done.changes)
    _show(console, done, patch, diff_is_result=diff_is_result)
    after = asyncio.run(make_plans(done.config, asked, console.progress()))
    left = [plan.domain for plan in after if plan.changes and not any(s.domain == plan.domain for s in done.skipped)]
    for domain in left:
        console.warn(safe(f"warning: {domain} differs still: the server has changed meanwhile; run again"))
    return left_to_do(plans, after)


def _show(console: Console, done: "Adoption", patch: Path | None, *, diff_is_result: bool) -> None:
    from reconciler.output.terminal import safe

    for rows in done.adopted.values():
        for line in rows:
            console.say(safe(f"adopted: {line}"))
    if patch:
        files = "1 file" if len(done.changes) == 1 else f"{len(done.changes)} files"
        console.say(f"wrote {patch}; `git apply {quote(str(patch))}` changes {files}")
        return
    lines = [safe(line) for line in done.diff.split("\n")[:-1]]
    if diff_is_result:
        console.results(lines)
    else:
        for line in lines:
            console.say(line)
