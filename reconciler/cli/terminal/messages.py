"""Messages on standard error: wrapped at word boundaries if a terminal shows them, else one line each.

A CI log or a pipe gets complete lines, so that `grep` finds a message.
"""

import os
import shutil
import sys

import click

from reconciler.app.demo.terminal import ON_DEMO_TERMINAL


def on_terminal() -> bool:
    """Whether a terminal shows the messages. The demo shows the output of its commands on its own terminal."""
    return sys.stderr.isatty() or bool(os.environ.get(ON_DEMO_TERMINAL))


def show(text: str) -> None:
    """Print a message."""
    click.echo(wrapped(text), err=True)


def show_error(message: str, hint: str = "") -> None:
    """Print an error that ends the run, and its hint. Untrusted characters become visible escapes."""
    from reconciler.output.terminal import safe

    show(safe(message))
    if hint:
        show(f"  hint: {safe(hint)}")


def show_usage_error(error: click.ClickException) -> None:
    """Print an error of the command line, as click does, but wrapped."""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
        show(f"Try '{error.ctx.command_path} --help' for help.\n")
    show(f"Error: {error.format_message()}")


def wrapped(text: str) -> str:
    """A text with its long lines wrapped, if a terminal shows them."""
    if not on_terminal():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(line for long in text.split("\n") for line in _lines(long, width))


def _lines(text: str, width: int) -> list[str]:
    # A line that starts with spaces is a command to copy or an excerpt of a file, and a line with escape sequences was
    # wrapped by its renderer.
    is_fixed = text.startswith("  ") and not text.startswith("  hint:")
    # The first test is only a shortcut: even wide characters of two columns fit, so `output.terminal` is not imported.
    if len(text) <= width // 2 or is_fixed or "\033" in text:
        return [text]
    from reconciler.output.terminal import Style, flow, words

    indent = len(text) - len(text.lstrip(" "))
    # A path or an address stays in one piece, so that it can be copied.
    pieces = [piece._replace(solid=True) for piece in words(text[indent:])]
    return list(flow(pieces, indent=indent, hang=indent + 2, width=width, style=Style(False))) or [text]
