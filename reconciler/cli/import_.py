"""`reconciler import`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.app.exits import Exit
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, TextBase, common
from reconciler.core.diagnostics import has_errors

if TYPE_CHECKING:
    from reconciler.app.adopt.importing import Import


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
@click.argument("names", nargs=-1, type=DomainType(), metavar="[DOMAIN]...")
@click.option("--all", "everything", is_flag=True, help="Every domain that the server lists for these credentials.")
@click.option("--server", metavar="NAME", help="The server to read, where the workspace has several.")
@click.option("--product", metavar="NAME", help="The product that was sold, for files that are new.")
@common
def command(console: Console, names: tuple[str, ...], everything: bool, server: str | None, product: str | None) -> int:
    """Write domains/DOMAIN.yaml from what the server has, so that a plan right after it is empty.

    A new file is complete but for the server's defaults, has no passwords, and leaves out the account that was created
    with the domain. A file that is there keeps its comments and order: the fields that it manages get the server's
    values, new resources come last in their sections, and what is gone goes. What a file cannot say is left unmanaged,
    and a comment in it says so.

    Exit codes: 0; 3 invalid files; 4 a file that cannot be edited; 5 with --all, if a domain had to be left out; 6 a
    server cannot be reached.
    """
    from reconciler.app.adopt.importing import import_domains
    from reconciler.config.workspace import load_configuration
    from reconciler.output.diagnostics_text import render_diagnostics

    if everything == bool(names):
        raise click.UsageError("name the domains, or give --all for every domain of the server")
    config = configured(console, ())
    on = _chosen(sorted(config.workspace.servers), server, "server")
    assert on is not None, "a valid workspace has a server"
    needed = everything or any(name not in config.domains for name in names)
    sold = _chosen(sorted(config.products), product, "product") if needed or product else None
    done = asyncio.run(import_domains(config, names, on, sold, console.progress(), everything=everything))
    _show(console, done)
    paths = [str(row.path) for row in done.imported if row.is_changed]
    if not paths:
        return Exit.PARTIAL if done.skipped else Exit.DONE
    after = load_configuration(config.root, paths)
    if after.diagnostics:
        for line in render_diagnostics(
            after.diagnostics, after.texts, color=console.messages_color, snippets=False, width=console.width
        ):
            console.warn(line)
    if has_errors(after.diagnostics):
        return Exit.INVALID
    return Exit.PARTIAL if done.skipped else Exit.DONE


def _show(console: Console, done: "Import") -> None:
    """The files that were written, as results; all that is said about them, as messages."""
    from reconciler.output.terminal import safe

    for row in done.imported:
        if row.is_changed:
            console.results([str(_shown(row.path))])
        elif not row.is_new:
            console.say(f"{_shown(row.path)} says already what the server has")
        for line in row.notes:
            console.say(safe(f"  {line}"))
        for line in row.left_out:
            console.warn(safe(f"warning: left out of {row.domain}: {line}"))
    for name, why in done.skipped.items():
        console.warn(safe(f"warning: {name} is skipped: {why.message}"))
    for line in done.diff.split("\n")[:-1]:
        console.say(safe(line))


def _chosen(known: Sequence[str], wanted: str | None, what: str) -> str | None:
    """The one that is wanted, or the only one there is; wrong usage where that is not clear."""
    if wanted is None and len(known) > 1:
        raise click.UsageError(f"this workspace has several {what}s: {', '.join(known)}; choose with --{what}")
    if wanted is not None and wanted not in known:
        raise click.UsageError(f"there is no {what} {wanted!r}; there are: {', '.join(known) or 'none'}")
    return wanted or next(iter(known), None)


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
