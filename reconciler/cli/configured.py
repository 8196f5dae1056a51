"""Loads the workspace of a command. Diagnostics are printed, and an error ends the run with exit code 3."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from reconciler.app.exits import Exit
from reconciler.cli.console import Console
from reconciler.config.workspace import Configuration, find_root, load_configuration
from reconciler.core.diagnostics import has_errors
from reconciler.core.source import Span
from reconciler.output.diagnostics_text import render_diagnostics
from reconciler.output.formats import View


def configured(console: Console, selection: Sequence[str]) -> Configuration:
    """The valid configuration. Its warnings go to standard error."""
    if console.verbose > 1:
        log_requests()
    config = load_configuration(find_root(Path.cwd(), console.workspace), selection)
    broken = has_errors(config.diagnostics)
    # Errors are printed with `-q` too, because they explain the exit code.
    if config.diagnostics and (broken or not console.quiet):
        lines = render_diagnostics(
            config.diagnostics,
            config.texts,
            color=console.messages_color,
            snippets=console.messages_terminal,
            width=console.width,
        )
        for line in lines:
            click.echo(line, err=True)
    if broken:
        raise click.exceptions.Exit(int(Exit.INVALID))
    return config


def view_of(console: Console, config: Configuration) -> View:
    """The circumstances of a document about this workspace."""

    # The three functions call git or read files. A format that needs none of them does not pay for them.
    def header() -> Mapping[str, object]:
        from reconciler.app.header import generated

        return generated(config.root)

    def paths(more: Iterable[str]) -> Mapping[str, str]:
        from reconciler.app.git import repository_paths

        return repository_paths(config, more)

    def places() -> Mapping[str, Span]:
        from reconciler.app.git import declared_at

        return declared_at(config)

    return View(
        today=datetime.now(UTC).date(),
        color=console.color,
        width=console.width,
        verbose=console.verbose,
        quiet=console.quiet,
        snippets=console.terminal,
        markdown_limit=console.markdown_limit,
        header=header,
        files=config.files,
        paths=paths,
        places=places,
    )


def log_requests() -> None:
    """Print the method, path and status of each request to a mail server (-vv). A body could contain a secret."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("reconciler")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    # A handler of the root logger, for example of a test or of an embedding program, would print each line again.
    logger.propagate = False
