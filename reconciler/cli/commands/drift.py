"""`reconciler drift`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from reconciler.app.exits import of_plans
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, OutFile, common, emit, write_file
from reconciler.cli.options.candidates import selection_argument
from reconciler.cli.options.plan import base_option, plan_formats_option, plan_lines, request

if TYPE_CHECKING:
    from reconciler.app.adopt.drift import Adoption
    from reconciler.app.plan.planner import PlanRequest
    from reconciler.config.workspace import Configuration
    from reconciler.core.plan import Plan


@click.command("drift", short_help="Compare the servers with the files.")
@selection_argument
@plan_formats_option
@base_option
@click.option("--adopt", is_flag=True, help="Update the files with the changes that were made on the servers.")
@click.option(
    "--patch", type=OutFile(), metavar="FILE", help="With --adopt: write a patch and leave the files unchanged."
)
@common
def command(
    console: Console,
    selection: tuple[str, ...],
    formats: tuple[Format, ...],
    base: str | None,
    adopt: bool,
    patch: Path | None,
) -> int:
    """Compare the servers with the files, for a nightly job. The exit code is 2 if they differ, else 0.

    `drift` changes nothing on the servers. With --adopt it writes the values of the servers into the files, and keeps
    comments and order. It skips values that changed in git. The exit code is then that of the remaining differences, or
    with --patch, of those that would remain after the patch.
    """
    from reconciler.app.plan.reading import make_plans

    if patch and not adopt:
        raise click.UsageError("--patch requires --adopt")
    config = configured(console, selection)
    # Only `drift` assumes that the base commit was applied. The base of a pull request may never have been.
    asked = request(base=base, base_applied=True)
    plans: Sequence[Plan] = asyncio.run(make_plans(config, asked, console.progress()))
    emit(console, formats, lambda name: plan_lines(console, config, plans, name))
    if adopt:
        # If another format is on standard output, the diff would corrupt it, so the diff then goes to standard error.
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
    """Write the files or the patch. Return the plans of the remaining differences."""
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
        console.say("Nothing to adopt.")
        return plans
    if patch is None:
        write_changes(done.changes)
    _show(console, done, patch, diff_is_result=diff_is_result)
    # The servers are read again, because they may have changed since the first read. The exit code must not hide that.
    after = asyncio.run(make_plans(done.config, asked, console.progress()))
    left = [plan.domain for plan in after if plan.changes and not any(s.domain == plan.domain for s in done.skipped)]
    for domain in left:
        console.warn(
            safe(f"warning: {domain} still differs, because the server changed meanwhile; run the command again")
        )
    return left_to_do(plans, after)


def _show(console: Console, done: "Adoption", patch: Path | None, *, diff_is_result: bool) -> None:
    from reconciler.output.terminal import safe

    for rows in done.adopted.values():
        for line in rows:
            console.say(safe(f"adopted: {line}"))
    if patch:
        files = "1 file" if len(done.changes) == 1 else f"{len(done.changes)} files"
        # The path is quoted, because users paste this command into a shell.
        console.say(f"wrote {patch}; `git apply {quote(str(patch))}` changes {files}")
        return
    # The diff contains values of the server, which could control the terminal.
    lines = [safe(line) for line in done.diff.split("\n")[:-1]]
    if diff_is_result:
        console.results(lines)
    else:
        for line in lines:
            console.say(line)
