"""Writing saved plans: the options `--save`, `--expires` and `--sign-key`, and what they do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from reconciler.app.plan.planner import PlanRequest
from reconciler.cli.console import Console, OutFile, write_file
from reconciler.config.workspace import Configuration
from reconciler.core.plan import Plan

if TYPE_CHECKING:
    from reconciler.app.saved.signing import SigningKey

    DurationBase = click.ParamType[timedelta]
else:  # generic only from click 8.4 on
    DurationBase = click.ParamType


class DurationType(DurationBase):
    """`30m`, `24h`, `7d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Text -> time; wrong usage otherwise."""
        from reconciler.app.saved.plan_file import duration

        if isinstance(value, timedelta):
            return value
        try:
            return duration(str(value))
        except ValueError as e:
            return self.fail(str(e), param, ctx)


@dataclass(frozen=True)
class Saving:
    """Where a plan is to be saved, for how long it holds, and with which key it is signed."""

    path: Path
    expires: timedelta
    key: "SigningKey | None"

    def write(self, console: Console, config: Configuration, request: PlanRequest, plans: Sequence[Plan]) -> None:
        """Writes the saved plan, or says why there is none."""
        from reconciler.app.saved.plan_file import saved_plan, unfit

        hindered = unfit(plans)
        if hindered:
            console.warn(f"error: not saved: the plan cannot be applied to {', '.join(hindered)}")
            console.warn("  hint: see the errors above")
            return
        write_file(self.path, saved_plan(config, request, plans, expires=self.expires, key=self.key))
        console.say(f"wrote {self.path}; `reconciler apply --plan {quote(str(self.path))}` applies exactly this")


def saving_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that save a plan; `saving` makes a `Saving` of what they give."""
    options = (
        click.option("--save", type=OutFile(), metavar="FILE", help="Write the plan for `apply --plan FILE`."),
        click.option(
            "--expires",
            type=DurationType(),
            default="24h",
            show_default=True,
            metavar="TIME",
            help="How long the saved plan may be applied: 30m, 24h, 7d.",
        ),
        click.option(
            "--sign-key",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="KEY.pem",
            help="Sign the saved plan with this Ed25519 private key, which only its owner may read.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def saving(save: Path | None, expires: timedelta, sign_key: Path | None) -> Saving | None:
    """What is to be saved, its key read already, before any server is asked; None without `--save`.

    In the environment `--expires` and `--sign-key` may be set for every run; on the command line they need `--save`.
    """
    if save is None:
        context = click.get_current_context()
        for name in ("expires", "sign_key"):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name.replace('_', '-')} goes with --save only")
        return None
    if sign_key is None:
        return Saving(save, expires, None)
    from reconciler.app.saved.signing import load_signing_key

    return Saving(save, expires, load_signing_key(sign_key))
