"""`reconciler init`."""

from pathlib import Path

import click

from reconciler.cli.console import Console, common


@click.command("init", short_help="Make a starter workspace.")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@common
def command(console: Console, folder: Path) -> int:
    """Make a starter workspace in DIR that passes `validate`. Existing files are never overwritten."""
    from reconciler.app.init import init_workspace

    written = init_workspace(folder)
    console.results(str(folder / path) for path in written)
    console.say("")
    console.say(f"Next: edit {folder}/reconciler.yaml, export SMARTERMAIL_USER and SMARTERMAIL_PASSWORD, and")
    console.say(f"  reconciler -w {folder} validate")
    console.say(f"  reconciler -w {folder} plan")
    return 0
