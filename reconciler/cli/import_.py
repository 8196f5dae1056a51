"""`reconciler import`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from reconciler.app.exits import Exit
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, TextBase, common
from reconciler.core.diagnostics import has_errors


class DomainType(TextBase):
    """A domain name, in canonical form."""

    name = "domain"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """`München.Example` -> `xn--mnchen-3ya.example`."""
        from reconciler.core.names import BadName, domain_name

        try:
            return domain_name(str(value))
        except BadName as e:
            return self.fail(f"{value!r}: {e}", param, ctx)


@click.command("import", short_help="Write domain files from the server.")
@click.argument("names", nargs=-1, required=True, type=DomainType(), metavar="DOMAIN...")
@click.option("--server", metavar="NAME", help="The server to read, where the workspace has several.")
@click.option("--product", metavar="NAME", help="The product that was sold, where the workspace has several.")
@common
def command(console: Console, names: tuple[str, ...], server: str | None, product: str | None) -> int:
    """Write domains/DOMAIN.yaml from what the server has, so that a plan right after it is empty.

    The file is complete but for the server's defaults, has no passwords, and leaves out the account that was created
    with the domain. What a file cannot say is left unmanaged, and said. An existing file is never overwritten.
    """
    from reconciler.app.importing import import_domains
    from reconciler.config.workspace import load_configuration
    from reconciler.output.diagnostics_text import render_diagnostics
    from reconciler.output.terminal import safe

    config = configured(console, ())
    on = _chosen(sorted(config.workspace.servers), server, "server")
    sold = _chosen(sorted(config.products), product, "product")
    assert on is not None, "a valid workspace has a server"
    done = asyncio.run(import_domains(config, sorted(set(names)), on, sold, console.progress()))
    for row in done:
        console.results([str(_shown(row.path))])
        for line in row.left_out:
            console.warn(safe(f"warning: left out of {row.domain}: {line}"))
    after = load_configuration(config.root, [str(row.path) for row in done])
    if after.diagnostics:
        for line in render_diagnostics(
            after.diagnostics, after.texts, color=console.messages_color, snippets=False, width=console.width
        ):
            console.warn(line)
    return Exit.INVALID if has_errors(after.diagnostics) else Exit.DONE


def _chosen(known: Sequence[str], wanted: str | None, what: str) -> str | None:
    """The one that is wanted, or the only one there is; wrong usage where that is not clear."""
    if wanted is None and len(known) > 1:
        raise click.UsageError(f"this workspace has several {what}s: {', '.join(known)}; choose with --{what}")
    if wanted is not None and wanted not in known:
        raise click.UsageError(f"there is no {what} {wanted!r}; there are: {', '.join(known) or 'none'}")
    return wanted or next(iter(known), None)


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
