"""`reconciler demo`."""

from pathlib import Path

import click

from reconciler.cli.console import Console, common


@click.command("demo", short_help="Watch the whole story.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reconciler-demo"),
    show_default=True,
    metavar="DIR",
    help="Where its files are left.",
)
@common
def command(console: Console, output: Path) -> int:
    """Watch the whole story against embedded servers, in under a minute.

    A broken file is refused; a plan; apply; an empty plan; drift is found and repaired; the DNS report goes from red to
    green. Nothing leaves this machine.
    """
    from reconciler.app.sandbox import require_sandbox

    require_sandbox()
    from reconciler.app.demo.demo import run_demo

    run_demo(output, lambda text: console.results([text]), color=console.color)
    return 0
