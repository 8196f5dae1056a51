"""`reconciler validate`."""

from dataclasses import replace
from pathlib import Path

import click

from reconciler.app.exits import Exit
from reconciler.cli.configured import view_of
from reconciler.cli.console import Console, Format, common, emit, formats_option
from reconciler.cli.options.candidates import selection_argument
from reconciler.config.workspace import Configuration, find_root, load_configuration
from reconciler.core.diagnostics import has_errors, sort_diagnostics
from reconciler.output.formats import VALIDATION_FORMATS, Validation


@click.command("validate", short_help="Check the files offline.")
@selection_argument
@formats_option(*VALIDATION_FORMATS)
@common
def command(console: Console, selection: tuple[str, ...], formats: tuple[Format, ...]) -> int:
    """Check the files offline: YAML, schema, limits of the products, references between files.

    One run shows all errors of all files, each with file, line and column. `validate` contacts no server.
    """
    config = _with_copies(load_configuration(find_root(Path.cwd(), console.workspace), selection))
    result = Validation(
        diagnostics=config.diagnostics,
        texts=config.texts,
        checked=checked_files(config, everything=not selection),
        count=len(config.selected),
    )
    view = view_of(console, config)
    emit(console, formats, lambda name: VALIDATION_FORMATS[name](result, view))
    return Exit.INVALID if has_errors(config.diagnostics) else Exit.DONE


def _with_copies(config: Configuration) -> Configuration:
    """Add the warnings about the copies of schemas. Only `validate` reports them: they do not change a plan."""
    from reconciler.app.schema import stale_copies

    return replace(
        config,
        diagnostics=sort_diagnostics([*config.diagnostics, *stale_copies(config.root, Path.cwd().resolve())]),
    )


def checked_files(config: Configuration, *, everything: bool) -> list[str]:
    """The names of the files that were checked; of the domain files only the selected ones."""
    if everything:
        return list(config.files)
    chosen = {config.domains[name].origin.file for name in config.selected}
    # The workspace and product files are always loaded and checked, because a domain file refers to them.
    return [name for name, path in config.files.items() if name in chosen or not path.startswith("domains/")]
