"""`reconciler validate`."""

from pathlib import Path

import click

from reconciler.app.exits import Exit
from reconciler.cli.console import Console, Format, FormatType, common, emit
from reconciler.config.workspace import find_root, load_configuration
from reconciler.core.diagnostics import has_errors


@click.command("validate", short_help="Check the files, offline.")
@click.argument("selection", nargs=-1, metavar="[DOMAIN|FILE]...")
@click.option(
    "--format",
    "formats",
    type=FormatType(("text", "json")),
    multiple=True,
    default=("text",),
    help="What to print, or to write into a file; repeatable.",
)
@common
def command(console: Console, selection: tuple[str, ...], formats: tuple[Format, ...]) -> int:
    """Check the files, offline: YAML, schema, the products' limits, and what one file says against another.

    All faults of all files are shown in one run, each with file, line and column. Nothing is asked of any server.
    """
    root = find_root(Path.cwd(), console.workspace)
    config = load_configuration(root, selection)

    def render(name: str) -> list[str]:
        if name == "json":
            from reconciler.app.header import generated
            from reconciler.output.diagnostics_json import render_diagnostics_json

            return [render_diagnostics_json(config.diagnostics, generated(root), config.files).rstrip("\n")]
        from reconciler.output.diagnostics_text import render_diagnostics

        if not config.diagnostics:
            count = len(config.selected)
            text = "1 domain file is valid." if count == 1 else f"{count} domain files are valid."
            return [] if console.quiet else [text]
        return list(
            render_diagnostics(
                config.diagnostics,
                config.texts,
                color=console.color,
                snippets=console.terminal,
                width=console.width,
            )
        )

    emit(console, formats, render)
    return Exit.INVALID if has_errors(config.diagnostics) else Exit.DONE
