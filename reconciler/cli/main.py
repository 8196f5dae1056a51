"""The group of commands, and the exit code of a run (contract section 2)."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import click

import reconciler
from reconciler.cli.console import Console
from reconciler.cli.terminal.ended import Ended
from reconciler.cli.terminal.messages import show, show_error, show_usage_error
from reconciler.cli.terminal.streams import open_streams, silence

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Create a workspace: a starter, or from a server's domains."),
    "validate": ("validate", "Check the files offline: YAML, schema, limits, references."),
    "plan": ("plan", "Read the servers and show what `apply` would do."),
    "apply": ("apply", "Plan, confirm, apply, then read back and verify."),
    "drift": ("drift", "Exit with 2 if a server differs from the files."),
    "import": ("import_", "Write domain files from the server. A plan is then empty."),
    "history": ("history", "List the runs of `apply`, and check the journals."),
    "rollback": ("rollback", "Show the reversal of a run as a plan."),
    "status": ("status", "Show limits, cost and DNS, one line per domain."),
    "dns": ("dns", "Check DNS compliance, and print the records to publish."),
    "report": ("report", "Write the report: web pages, JSON, Markdown, CSV, JUnit."),
    "explain": ("explain", "Explain a diagnostic or finding code."),
    "password": ("password", "Generate passwords for a product, or check a password."),
    "schema": ("schema", "Print a JSON Schema, or update a workspace's copies."),
    "completion": ("completion", "Print the completion script of a shell."),
    "sandbox": ("sandbox", "Run the embedded mail server and DNS server on loopback."),
    "demo": ("demo", "Run a guided demonstration against embedded servers."),
}
"""Command -> its module in `cli.commands`, and its line in `--help`."""


class Commands(click.Group):
    """A group that imports the module of a command when the command is used, so that `--version` starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which a new user needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of the command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"reconciler.cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        # Automatic names would come from Python identifiers, such as `FORMATS` for `--format`. Users know the options'
        # names.
        _name_in_environment(command, f"RECONCILER_{cmd_name.upper()}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table, without importing any module."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the command with the closest name."""
        import difflib

        name = args[0]
        # The suggestion comes from the table of names, so that a wrong name imports no module.
        if name not in COMMANDS and not name.startswith("-"):
            close = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)


def _name_in_environment(command: click.Command, prefix: str) -> None:
    """Let every option be set in the environment, under its name on the command line."""
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
    help="The workspace [default: the current folder, or the nearest parent folder with a reconciler.yaml].",
)
@click.option("-v", "--verbose", count=True, help="Print more. Repeatable.")
@click.option("-q", "--quiet", is_flag=True, help="Print only results, warnings and errors.")
@click.option(
    "--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Print the version."
)
@click.pass_context
def cli(ctx: click.Context, workspace: Path | None, verbose: int, quiet: bool) -> None:
    """Manage the mailboxes, aliases and domain aliases of SmarterMail domains from YAML files in git.

    Exit codes: 0 success; 1 unexpected error; 2 there are changes; 3 invalid configuration; 4 refused; 5 partly
    applied; 6 a server or resolver is unreachable or rejected the credentials; 7 DNS compliance failed; 64 usage error.
    """
    ctx.obj = Console(workspace=workspace, verbose=verbose, quiet=quiet)


def main(argv: Sequence[str] | None = None) -> None:
    """The console script."""
    # Streams come first, so that every later error can be printed. Core dumps are forbidden before any secret is read.
    open_streams()
    forbid_core_dumps()
    sys.exit(run(argv))


def forbid_core_dumps() -> None:
    """Forbid core dumps of this process and its children: a dump contains the memory, which has held secrets."""
    try:
        import resource
    except ImportError:  # The platform has no such limit.
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    from reconciler.app.owners import refuse_foreign_files
    from reconciler.core.errors import ReconcilerError

    try:
        # Before anything else, even `--version`: a file of another project in our package may run at any import.
        refuse_foreign_files()
        # click's standalone mode would map errors to its own exit codes. The exit codes are a contract with CI.
        result = cli.main(args=None if argv is None else list(argv), prog_name="reconciler", standalone_mode=False)
    except click.UsageError as e:
        show_usage_error(e)
        # The code 2 of click would mean "there are changes" to CI, so a usage error is 64 (EX_USAGE).
        return 64
    except click.ClickException as e:
        show_usage_error(e)
        return 1
    except (click.Abort, KeyboardInterrupt):
        show("Interrupted.")
        return 130
    except Ended as e:
        show(f"Interrupted by {e.name}.")
        return e.exit_code
    except ReconcilerError as e:
        from reconciler.app.exits import of_error

        # Some messages already begin with their location, which must not appear twice.
        place = f"{e.span}: " if e.span and not e.message.startswith(str(e.span)) else ""
        show_error(f"{place}error: {e.message}", e.hint)
        return int(of_error(e))
    except BrokenPipeError:
        silence()
        return 1
    return int(result) if isinstance(result, int) else 0
