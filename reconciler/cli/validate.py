"""`reconciler validate`."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import click

from reconciler.app.exits import Exit
from reconciler.cli.candidates import selection_argument
from reconciler.cli.console import Console, Format, common, emit, formats_option
from reconciler.config.workspace import Configuration, find_root, load_configuration
from reconciler.core.diagnostics import has_errors, sort_diagnostics


@click.command("validate", short_help="Check the files, offline.")
@selection_argument
@formats_option("text", "json", "github", "gitlab", "sarif", "junit")
@common
def command(console: Console, selection: tuple[str, ...], formats: tuple[Format, ...]) -> int:
    """Check the files, offline: YAML, schema, the products' limits, and what one file says against another.

    All faults of all files are shown in one run, each with file, line and column. Nothing is asked of any server.
    """
    root = find_root(Path.cwd(), console.workspace)
    config = _with_copies(load_configuration(root, selection))

    emit(console, formats, lambda name: _lines(console, config, name, whole=not selection))
    return Exit.INVALID if has_errors(config.diagnostics) else Exit.DONE


def _with_copies(config: Configuration) -> Configuration:
    """Add the warnings about the copies of schemas. Only `validate` reports them: they do not change a plan."""
    from reconciler.app.schema import stale_copies

    return replace(
        config,
        diagnostics=sort_diagnostics([*config.diagnostics, *stale_copies(config.root, Path.cwd().resolve())]),
    )


def _lines(console: Console, config: Configuration, name: str, *, whole: bool) -> Iterable[str]:
    """The diagnostics in one format; `whole` where nothing was selected, so that all files were checked."""
    if name == "text":
        return _text(console, config)
    from reconciler.app.git import repository_paths

    said = config.diagnostics
    paths = repository_paths(config, (d.span.file for d in said if d.span))
    match name:
        case "json":
            from reconciler.app.header import generated
            from reconciler.output.diagnostics_json import render_diagnostics_json

            return [render_diagnostics_json(said, generated(config.root), config.files).rstrip("\n")]
        case "github":
            from reconciler.output.plan.github import render_diagnostics_github

            return render_diagnostics_github(said, paths) if said else _text(console, config)
        case "gitlab":
            from reconciler.output.plan.gitlab import render_diagnostics_gitlab

            return [render_diagnostics_gitlab(said, paths).rstrip("\n")]
        case "sarif":
            from reconciler.output.sarif import render_diagnostics_sarif

            return [render_diagnostics_sarif(said, paths).rstrip("\n")]
        case _:
            from reconciler.output.junit import render_diagnostics_junit

            return [render_diagnostics_junit(said, checked_files(config, whole=whole), paths).rstrip("\n")]


def checked_files(config: Configuration, *, whole: bool) -> list[str]:
    """The names for people of the files that the diagnostics speak of: with a selection not of every domain's."""
    if whole:
        return list(config.files)
    meant = {config.domains[name].origin.file for name in config.selected}
    return [name for name, path in config.files.items() if name in meant or not path.startswith("domains/")]


def _text(console: Console, config: Configuration) -> list[str]:
    from reconciler.output.diagnostics_text import render_diagnostics

    if not config.diagnostics:
        count = len(config.selected)
        text = "1 domain file is valid." if count == 1 else f"{count} domain files are valid."
        return [] if console.quiet else [text]
    return list(
        render_diagnostics(
            config.diagnostics, config.texts, color=console.color, snippets=console.terminal, width=console.width
        )
    )
