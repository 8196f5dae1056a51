"""Loading the workspace for a command: its faults are shown, and errors end the run with exit code 3."""

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.app.exits import Exit
from reconciler.cli.console import Console
from reconciler.config.workspace import Configuration, find_root, load_configuration
from reconciler.core.diagnostics import has_errors
from reconciler.output.diagnostics_text import render_diagnostics


def configured(console: Console, selection: Sequence[str]) -> Configuration:
    """The configuration, valid; its warnings go to standard error."""
    if console.verbose > 1:
        log_requests()
    config = load_configuration(find_root(Path.cwd(), console.workspace), selection)
    broken = has_errors(config.diagnostics)
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


def log_requests() -> None:
    """With -vv: every request to a mail server on standard error, by method, path and status; never a body."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("reconciler")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
