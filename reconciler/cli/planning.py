"""What `plan`, `apply` and `drift` share: options, requests, rendering of plans."""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.app.planning import PlanRequest
from reconciler.cli.console import Console, FormatType, TextBase, write_file
from reconciler.config.workspace import Configuration
from reconciler.core.plan import Plan

FORMATS = ("text", "json", "markdown", "github")


class TargetType(TextBase):
    """`KIND:ADDRESS`, in canonical form."""

    name = "kind:address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """`mailbox:Alice@Example.com` -> `mailbox:alice@example.com`."""
        from reconciler.core.names import BadName, address, domain_name

        kind, _, name = str(value).partition(":")
        try:
            if kind in ("mailbox", "alias") and "@" in name:
                return f"{kind}:{address(name, '')}"
            if kind == "domainAlias":
                return f"{kind}:{domain_name(name)}"
        except BadName as e:
            self.fail(f"{value!r}: {e}", param, ctx)
        return self.fail(f"{value!r}: write mailbox:ADDRESS, alias:ADDRESS or domainAlias:NAME", param, ctx)


class AddressType(TextBase):
    """A mail address, in canonical form."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """`Alice@Example.com` -> `alice@example.com`."""
        from reconciler.core.names import BadName, address

        try:
            if "@" in str(value):
                return address(str(value), "")
        except BadName as e:
            self.fail(f"{value!r}: {e}", param, ctx)
        return self.fail(f"{value!r}: write the whole address, like alice@example.com", param, ctx)


def plan_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `plan` and `apply` alike."""
    options = (
        click.argument("selection", nargs=-1, metavar="[DOMAIN|FILE]..."),
        click.option(
            "--prune", is_flag=True, help="Delete what is unmanaged in every declared section; never what is protected."
        ),
        click.option(
            "--allow-deletions",
            type=click.IntRange(min=0),
            metavar="N",
            help="The exact number of deletions that are meant, where there are more than the policy lets pass.",
        ),
        click.option(
            "--target",
            "targets",
            type=TargetType(),
            multiple=True,
            metavar="KIND:ADDRESS",
            help="Change only this resource; repeatable.",
        ),
        click.option(
            "--set-password",
            "set_passwords",
            type=AddressType(),
            multiple=True,
            metavar="ADDRESS",
            help="Set this mailbox's password again from its reference; repeatable.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


formats_option = click.option(
    "--format",
    "formats",
    type=FormatType(FORMATS),
    multiple=True,
    default=("text",),
    help="What to print, or to write into a file; repeatable.",
)


def request(
    *,
    prune: bool = False,
    allow_deletions: int | None = None,
    targets: Sequence[str] = (),
    set_passwords: Sequence[str] = (),
) -> PlanRequest:
    """The request of a command line, as of today (UTC)."""
    return PlanRequest(
        today=datetime.now(UTC).date(),
        prune=prune,
        allow_deletions=allow_deletions,
        targets=frozenset(targets),
        set_passwords=frozenset(set_passwords),
    )


def plan_lines(console: Console, config: Configuration, plans: Sequence[Plan], name: str) -> Iterable[str]:
    """Plans in one of FORMATS."""
    match name:
        case "json":
            from reconciler.app.header import generated
            from reconciler.output.plan_json import render_plans_json

            return [render_plans_json(plans, generated(config.root), config.files).rstrip("\n")]
        case "markdown":
            from reconciler.output.plan_markdown import render_plans_markdown

            return [render_plans_markdown(plans).rstrip("\n")]
        case "github":
            return _github(plans)
        case _:
            from reconciler.output.plan_text import render_plans

            return render_plans(plans, color=console.color, width=console.width, verbose=console.verbose)


def _github(plans: Sequence[Plan]) -> Iterable[str]:
    """Annotations to print; and the Markdown as the step's summary, where GitHub gives a file for it."""
    from reconciler.output.plan_github import render_plans_github
    from reconciler.output.plan_markdown import render_plans_markdown

    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        write_file(Path(summary), render_plans_markdown(plans, limit=1_000_000) + "\n", mode="a")
    return render_plans_github(plans)
