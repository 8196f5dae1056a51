"""`reconciler demo`."""

from pathlib import Path

import click

from reconciler.cli.console import Console, common


@click.command("demo", short_help="Run a guided demonstration.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reconciler-demo"),
    show_default=True,
    metavar="DIR",
    help="The folder for the files of the demonstration.",
)
@common
def command(console: Console, output: Path) -> int:
    """Run a guided demonstration against embedded servers, in about a minute.

    It shows the errors of an invalid file, a plan, the comment on a pull request, apply, drift, and the DNS report. All
    output is also in files in DIR. The demonstration makes no connection to other machines.
    """
    from reconciler.app.sandbox import require_sandbox

    # The extra is checked before the demonstration is imported, so that a missing package is a clear error with a hint.
    require_sandbox()
    from reconciler.app.demo.demo import run_demo

    run_demo(output, lambda text: console.results([text]), color=console.color)
    return 0
