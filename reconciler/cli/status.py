"""`reconciler status`."""

import asyncio
from collections.abc import Iterable

import click

from reconciler.cli.candidates import selection_argument
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, FormatType, common, emit


@click.command("status", short_help="How the domains stand.")
@selection_argument
@click.option(
    "--format",
    "formats",
    type=FormatType(("text", "json")),
    multiple=True,
    default=("text",),
    help="What to print, or to write into a file; repeatable.",
)
@click.option("--no-dns", is_flag=True, help="Do not ask DNS.")
@common
def command(console: Console, selection: tuple[str, ...], formats: tuple[Format, ...], no_dns: bool) -> int:
    """Show how the domains stand, one line each: mailboxes, disk, what is used of each limit, the bill, DNS.

    A limit is the lower one of product and server. The bill is that of a full month with what is there now. DNS stands
    in one character a check; `dns check` says more. `Pw` tells whether the server asks of passwords what the product
    says, where that can be read.

    Exit codes: 0; 3 invalid files; 4 a domain was not read whole; 6 a server cannot be reached.
    """
    from reconciler.app.status import read_statuses

    config = configured(console, selection)
    result = asyncio.run(read_statuses(config, console.progress(), dns=not no_dns))

    def render(name: str) -> Iterable[str]:
        if name == "json":
            from reconciler.app.header import generated
            from reconciler.output.status_json import render_status_json

            return [render_status_json(result.domains, generated(config.root), config.files).rstrip("\n")]
        from reconciler.output.status_text import render_status

        return render_status(result.domains, color=console.color, width=console.width)

    emit(console, formats, render)
    return result.exit_code
