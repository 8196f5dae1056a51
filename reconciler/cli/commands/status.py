"""`reconciler status`."""

import asyncio

import click

from reconciler.cli.configured import configured, view_of
from reconciler.cli.console import Console, Format, common, emit, formats_option
from reconciler.cli.options.candidates import selection_argument
from reconciler.output.formats import STATUS_FORMATS


@click.command("status", short_help="Show the state of the domains.")
@selection_argument
@formats_option(*STATUS_FORMATS)
@click.option("--no-dns", is_flag=True, help="Make no DNS queries.")
@common
def command(console: Console, selection: tuple[str, ...], formats: tuple[Format, ...], no_dns: bool) -> int:
    """Show the state of the domains, one line each: mailboxes, disk usage, used limits, cost, DNS.

    A limit is the lower one of product and server. The cost is that of a full month with the current mailboxes. DNS has
    one character per check; `dns check` prints the details. `Pw` shows whether the password policy of the server
    matches the product, if the program can read it.

    Exit codes: 0 success; 3 invalid files; 4 a domain could not be read completely; 6 a server is unreachable.
    """
    from reconciler.app.status import read_statuses

    config = configured(console, selection)
    result = asyncio.run(read_statuses(config, console.progress(), dns=not no_dns))

    view = view_of(console, config)
    emit(console, formats, lambda name: STATUS_FORMATS[name](result.domains, view))
    return result.exit_code
