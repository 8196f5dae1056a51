"""The group of commands, and how a run ends: usage errors are 64, failures have the contract's codes."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import click

import reconciler
from reconciler.cli.console import Console
from reconciler.cli.ended import Ended
from reconciler.cli.streams import open_streams, silence

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Make a workspace: a starter, or one from what a server has."),
    "validate": ("validate", "Check the files, offline: YAML, schema, product limits, cross-references."),
    "plan": ("plan", "Show what `apply` would do. Reads the servers, changes nothing."),
    "apply": ("apply", "Plan, ask, apply, read back, and show that nothing is left to do."),
    "drift": ("drift", "Plan for the exit code: 2 if a server differs from the files."),
    "import": ("import_", "Write domain files from the server, so that a plan is empty."),
    "history": ("history", "List what was applied, by whom and when; check the journals."),
    "rollback": ("rollback", "Show what would undo a run, as a plan; say what cannot be undone."),
    "status": ("status", "Show how the domains stand: limits, bill, DNS, one line each."),
    "dns": ("dns", "Check DNS compliance, and print the records to publish."),
    "report": ("report", "Write the report: web pages, JSON, Markdown, CSV, JUnit."),
    "password": ("password", "Make passwords that satisfy a product's policy, or check one."),
    "schema": ("schema", "Print a JSON Schema, with a product's limits in it if asked."),
    "sandbox": ("sandbox", "Run the embedded mail server API and DNS on loopback."),
    "demo": ("demo", "Watch the whole story against a sandbox of its own."),
}
"""Command -> its module in this package, and its line in the list."""


class Commands(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command's module."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"reconciler.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        _name_in_environment(command, f"RECONCILER_{cmd_name.upper()}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list, out of the table: no module is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Says which command was probably meant."""
        import difflib

        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            close = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)


def _name_in_environment(command: click.Command, prefix: str) -> None:
    """Every option can be set in the environment, under the name that it has on the command line."""
    for param in command.params:
        if isinstance(param, click.Option):
            option = max(param.opts, key=len).lstrip("-")
            param.envvar = f"{prefix}_{option.replace('-', '_').upper()}"
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            _name_in_environment(inner, f"{prefix}_{name.upper()}")


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"reconciler {reconciler.__version__}")
        ctx.exit()


@click.command(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "RECONCILER"}
)
@click.option(
    "-w",
    "--workspace",
    type=click.Path(path_type=Path),
    help="The workspace [default: the nearest folder upward with a reconciler.yaml].",
)
@click.option("-v", "--verbose", count=True, help="Say more; repeatable.")
@click.option("-q", "--quiet", is_flag=True, help="Say only results and errors.")
@click.option(
    "--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Print the version."
)
@click.pass_context
def cli(ctx: click.Context, workspace: Path | None, verbose: int, quiet: bool) -> None:
    """Run the mailboxes, aliases and domain aliases of hosted mail domains from YAML in git.

    Exit codes: 0 done, 1 unexpected error, 2 there are changes, 3 the configuration is invalid, 4 refused, 5 applied in
    part, 6 a server or resolver cannot be reached or refused the credentials, 7 DNS compliance failed, 64 wrong usage.
    """
    ctx.obj = Console(workspace=workspace, verbose=verbose, quiet=quiet)


def main(argv: Sequence[str] | None = None) -> None:
    """The console script."""
    open_streams()
    forbid_core_dumps()
    sys.exit(run(argv))


def forbid_core_dumps() -> None:
    """A crash must not leave a file with the memory of a process that has held secrets; nor one that it starts."""
    try:
        import resource
    except ImportError:  # no such limits on this platform
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(argv: Sequence[str] | None = None) -> int:
    """Runs a command line and gives its exit code."""
    from reconciler.core.errors import ReconcilerError

    try:
        result = cli.main(args=None if argv is None else list(argv), prog_name="reconciler", standalone_mode=False)
    except click.UsageError as e:
        e.show()
        return 64
    except click.ClickException as e:
        e.show()
        return 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return 130
    except Ended as e:
        click.echo(f"Interrupted by {e.name}.", err=True)
        return e.exit_code
    except ReconcilerError as e:
        from reconciler.app.exits import of_error
        from reconciler.output.terminal import safe

        place = f"{e.span}: " if e.span and not e.message.startswith(str(e.span)) else ""
        click.echo(safe(f"{place}error: {e.message}"), err=True)
        if e.hint:
            click.echo(f"  hint: {safe(e.hint)}", err=True)
        return int(of_error(e))
    except BrokenPipeError:
        silence()
        return 1
    return int(result) if isinstance(result, int) else 0
