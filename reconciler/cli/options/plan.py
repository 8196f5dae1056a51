"""The options, requests and rendering that `plan`, `apply` and `drift` share."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.app.plan.planner import PlanRequest
from reconciler.cli.configured import view_of
from reconciler.cli.console import Console, TextBase, formats_option, markdown_limit_option, write_file
from reconciler.cli.options.candidates import selection_argument
from reconciler.config.workspace import Configuration
from reconciler.core.plan import Plan
from reconciler.output.formats import PLAN_FORMATS, View

STEP_SUMMARY = 262_144
"""The maximum length of a step's summary, in characters: at four bytes each they fit into GitHub's 1 MiB."""


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
        return self.fail(f"{value!r}: use mailbox:ADDRESS, alias:ADDRESS or domainAlias:NAME", param, ctx)


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
        return self.fail(f"{value!r}: use a complete address, such as alice@example.com", param, ctx)


class CommitType(TextBase):
    """The name of a commit. git resolves it later."""

    name = "ref"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse a name that git would read as an option."""
        text = str(value)
        # git would run `--upload-pack=…` or `--output=…` as an option, so a name from CI must not begin with a hyphen.
        if text and not text.startswith("-"):
            return text
        return self.fail(f"{text!r}: use a branch, a tag or a commit, such as origin/main", param, ctx)


base_option = click.option(
    "--base",
    type=CommitType(),
    metavar="REF",
    help="Compare with the files at this commit: show which changes your branch introduces, and keep "
    "the protection of that commit.",
)


def plan_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `plan` and `apply` share."""
    options = (
        selection_argument,
        click.option(
            "--prune", is_flag=True, help="Delete unmanaged resources in every declared section, except protected ones."
        ),
        click.option(
            "--allow-deletions",
            type=click.IntRange(min=0),
            metavar="N",
            help="Allow exactly N deletions, overriding policy.maxDeletions.",
        ),
        click.option(
            "--target",
            "targets",
            type=TargetType(),
            multiple=True,
            metavar="KIND:ADDRESS",
            help="Change only this resource. Repeatable.",
        ),
        click.option(
            "--set-password",
            "set_passwords",
            type=AddressType(),
            multiple=True,
            metavar="ADDRESS",
            help="Set the password of this mailbox again, from its reference. Repeatable.",
        ),
        base_option,
    )
    # Decorators apply from the inside out, so the reversed order lists the options in `--help` as above.
    for option in reversed(options):
        function = option(function)
    return function


def plan_formats_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--format` and `--markdown-limit`."""
    return formats_option(*PLAN_FORMATS)(markdown_limit_option(function))


def request(
    *,
    prune: bool = False,
    allow_deletions: int | None = None,
    targets: Sequence[str] = (),
    set_passwords: Sequence[str] = (),
    base: str | None = None,
    base_applied: bool = False,
) -> PlanRequest:
    """The request of a command line, for today (UTC)."""
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
    """Plans in one of PLAN_FORMATS."""
    view = view_of(console, config)
    if name == "github":
        _write_step_summary(plans, view)
    return PLAN_FORMATS[name](plans, view)


def _write_step_summary(plans: Sequence[Plan], view: View) -> None:
    """Append the plan as Markdown to the summary of the step, if GitHub names a file for it."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        # The summary has its own limit: a comment is shorter than the summary of a step may be.
        lines = PLAN_FORMATS["markdown"](plans, replace(view, markdown_limit=STEP_SUMMARY))
        # GitHub gives all commands of a step the same file, so the text is appended.
        write_file(Path(summary), "\n".join(lines) + "\n", mode="a")
