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
@click.option("--all", "everything", is_flag=True, help="Import all domains that the account can access.")
@click.option("--server", metavar="NAME", help="The server to read, if the workspace has several.")
@click.option("--product", metavar="NAME", help="The product for new files, if the workspace has several.")
@common
def command(console: Console, names: tuple[str, ...], everything: bool, server: str | None, product: str | None) -> int:
    """Write domains/DOMAIN.yaml from the server. A plan right after it is empty.

    A new file contains all settings except the server's defaults. It has no passwords, and it leaves out the account
    that was created with the domain. An existing file keeps its comments and order: managed fields get the values of
    the server, new resources are added at the end of their section, and deleted resources are removed. Settings that a
    file cannot express stay unmanaged, and a comment lists them.

    Exit codes: 0 success; 3 invalid files; 4 a file cannot be edited; 5 with --all, a domain was left out; 6 a server
    is unreachable.
    """
    from reconciler.app.adopt.importing import import_domains
    from reconciler.config.workspace import load_configuration
    from reconciler.output.diagnostics_text import render_diagnostics

    # Neither is a usage error too: an import of all domains must be requested explicitly.
    if everything == bool(names):
        raise click.UsageError("missing domains: name them, or use --all for all domains of the server")
    config = configured(console, ())
    on = _chosen(sorted(config.workspace.servers), server, "server")
    assert on is not None, "a valid workspace has a server"
    # An existing file names its product, so the choice matters only for new files.
    needed = everything or any(name not in config.domains for name in names)
    sold = _chosen(sorted(config.products), product, "product") if needed or product else None
    done = asyncio.run(import_domains(config, names, on, sold, console.progress(), everything=everything))
    _show(console, done)
    paths = [str(row.path) for row in done.imported if row.is_changed]
    if not paths:
        return Exit.PARTIAL if done.skipped else Exit.DONE
    # A server can hold values that a valid file cannot. The written files are validated, so that the user learns it
    # now.
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
    """Print the written files as results, and notes about them as messages."""
    from reconciler.output.terminal import safe

    for row in done.imported:
        if row.is_changed:
            console.results([str(_shown(row.path))])
        elif not row.is_new:
            console.say(f"{_shown(row.path)} already matches the server")
        for line in row.notes:
            console.say(safe(f"  {line}"))
        for line in row.left_out:
            console.warn(safe(f"warning: left out of {row.domain}: {line}"))
    for name, why in done.skipped.items():
        console.warn(safe(f"warning: {name} was skipped: {why.message}"))
    # The diff is a message, because the results are the paths that a script reads.
    for line in done.diff.split("\n")[:-1]:
        console.say(safe(line))


def _chosen(known: Sequence[str], wanted: str | None, what: str) -> str | None:
    """The given name, or the only known one. An unclear choice is a usage error."""
    if wanted is None and len(known) > 1:
        raise click.UsageError(f"the workspace has several {what}s: {', '.join(known)}; choose one with --{what}")
    if wanted is not None and wanted not in known:
        raise click.UsageError(f"the {what} {wanted!r} does not exist; known: {', '.join(known) or 'none'}")
    return wanted or next(iter(known), None)


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
