"""The options `--save`, `--expires` and `--sign-key`, which write saved plans."""

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
else:  # The class is generic only since click 8.4.
    DurationBase = click.ParamType


class DurationType(DurationBase):
    """`30m`, `24h`, `7d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Text -> time, or a usage error."""
        from reconciler.app.saved.plan_file import duration

        if isinstance(value, timedelta):
            return value
        try:
            return duration(str(value))
        except ValueError as e:
            return self.fail(str(e), param, ctx)


@dataclass(frozen=True)
class Saving:
    """The path of a saved plan, its lifetime, and the key that signs it."""

    path: Path
    expires: timedelta
    key: "SigningKey | None"

    def write(self, console: Console, config: Configuration, request: PlanRequest, plans: Sequence[Plan]) -> None:
        """Write the saved plan, or an error that states why it cannot be saved."""
        from reconciler.app.saved.plan_file import saved_plan, unfit

        # Nothing is written for an incomplete or refused plan: a file that `apply --plan` rejects later would look
        # approved.
        hindered = unfit(plans)
        if hindered:
            console.warn(f"error: the plan was not saved, because it cannot be applied to {', '.join(hindered)}")
            console.warn("  hint: Fix the errors above.")
            return
        write_file(self.path, saved_plan(config, request, plans, expires=self.expires, key=self.key))
        console.say(f"wrote {self.path}; `reconciler apply --plan {quote(str(self.path))}` applies exactly this plan")


def saving_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that save a plan. `saving` turns their values into a `Saving`."""
    options = (
        click.option("--save", type=OutFile(), metavar="FILE", help="Save the plan for `apply --plan FILE`."),
        click.option(
            "--expires",
            type=DurationType(),
            default="24h",
            show_default=True,
            metavar="TIME",
            help="The lifetime of the saved plan, such as 30m, 24h or 7d.",
        ),
        click.option(
            "--sign-key",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="KEY.pem",
            help="Sign the saved plan with this Ed25519 private key. Only its owner may have access to the file.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def saving(save: Path | None, expires: timedelta, sign_key: Path | None) -> Saving | None:
    """The settings of the saved plan; None without `--save`. The key is read before the program contacts a server.

    The environment may set `--expires` and `--sign-key` for all runs. On the command line they require `--save`.
    """
    if save is None:
        context = click.get_current_context()
        for name in ("expires", "sign_key"):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name.replace('_', '-')} requires --save")
        return None
    if sign_key is None:
        return Saving(save, expires, None)
    from reconciler.app.saved.signing import load_signing_key

    return Saving(save, expires, load_signing_key(sign_key))
