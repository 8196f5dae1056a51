"""What `plan`, `apply` and `drift` share: options, requests, rendering of plans."""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.app.plan.planner import PlanRequest
from reconciler.cli.candidates import selection_argument
from reconciler.cli.console import Console, TextBase, formats_option, markdown_limit_option, write_file
from reconciler.config.workspace import Configuration
from reconciler.core.plan import Plan

FORMATS = ("text", "json", "markdown", "github", "gitlab")
STEP_SUMMARY = 262_144
"""Characters of a step's summary: at four bytes each they fit into the mebibyte that GitHub takes."""


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


class CommitType(TextBase):
    """The name of a commit; whether git has it is seen later."""

    name = "ref"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuses what git would take for an option."""
        text = str(value)
        if text and not text.startswith("-"):
            return text
        return self.fail(f"{text!r}: name a branch, a tag or a commit, such as origin/main", param, ctx)


base_option = click.option(
    "--base",
    type=CommitType(),
    metavar="REF",
    help="Compare with the files at this commit: say whose each change is, and keep what was protected there.",
)


def plan_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `plan` and `apply` alike."""
    options = (
        selection_argument,
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
        base_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


def plan_formats_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--format` and `--markdown-limit`."""
    return formats_option(*FORMATS)(markdown_limit_option(function))


def request(
    *,
    prune: bool = False,
    allow_deletions: int | None = None,
    targets: Sequence[str] = (),
    set_passwords: Sequence[str] = (),
    base: str | None = None,
    base_applied: bool = False,
) -> PlanRequest:
    """The request of a command line, as of today (UTC)."""
    return PlanRequest(
        today=datetime.now(UTC).date(),
        prune=prune,
        allow_deletions=allow_deletions,
        targets=frozenset(targets),
        set_passwords=frozenset(set_passwords),
        base=base,
        base_applied=base_applied,
    )


def plan_lines(console: Console, config: Configuration, plans: Sequence[Plan], name: str) -> Iterable[str]:
    """Plans in one of FORMATS."""
    today = datetime.now(UTC).date()
    match name:
        case "json":
            from reconciler.app.header import generated
            from reconciler.output.plan.json import render_plans_json

            return [render_plans_json(plans, generated(config.root), config.files).rstrip("\n")]
        case "markdown":
            from reconciler.output.plan.markdown import render_plans_markdown

            return [render_plans_markdown(plans, limit=console.markdown_limit, today=today).rstrip("\n")]
        case "github":
            return _github(config, plans, today)
        case "gitlab":
            from reconciler.app.git import repository_paths
            from reconciler.output.plan.gitlab import render_plans_gitlab

            return [render_plans_gitlab(plans, repository_paths(config)).rstrip("\n")]
        case _:
            from reconciler.output.plan.text import render_plans

            return render_plans(plans, color=console.color, width=console.width, verbose=console.verbose, today=today)


def _github(config: Configuration, plans: Sequence[Plan], today: date) -> Iterable[str]:
    """Annotations to print; and the Markdown as the step's summary, where GitHub gives a file for it."""
    from reconciler.app.git import repository_paths
    from reconciler.output.plan.github import render_plans_github
    from reconciler.output.plan.markdown import render_plans_markdown

    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        text = render_plans_markdown(plans, limit=STEP_SUMMARY, today=today)
        write_file(Path(summary), text + "\n", mode="a")
    return render_plans_github(plans, repository_paths(config))
