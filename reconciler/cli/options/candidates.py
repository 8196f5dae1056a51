"""The values that a shell completes: domains, run ids and codes.

A shell calls the program for each press of the Tab key. Nothing here reads a server or parses a file, and an error
yields no value instead of a message in the middle of the user's line.
"""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from reconciler.core.errors import ReconcilerError


def domains(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The domains of the workspace; paths of files if no domain matches."""
    root = _root(ctx)
    # File names are enough and need no YAML parser. A shell waits for the answer on each press of the Tab key.
    files = (root / "domains").rglob("*.y*ml") if root is not None else ()
    found = sorted({path.stem for path in files if path.stem.startswith(incomplete.lower())})
    return [CompletionItem(name) for name in found] or [CompletionItem(incomplete, type="file")]


def runs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of the runs in the journal, and `last`."""
    from reconciler.app.plan.planner import journal_folder

    root = _root(ctx)
    names = sorted((path.stem for path in journal_folder(root).glob("*.jsonl")), reverse=True) if root else []
    return [CompletionItem(name) for name in (*names, "last") if name.startswith(incomplete)]


def codes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The codes of diagnostics and findings."""
    from reconciler.app.explain import all_codes

    return [CompletionItem(code) for code in all_codes() if code.startswith(incomplete.upper())]


def _root(ctx: click.Context) -> Path | None:
    from reconciler.config.workspace_files import find_root

    # `-w` may be before or after the command.
    given = ctx.params.get("after_workspace") or ctx.find_root().params.get("workspace")
    try:
        return find_root(Path.cwd(), given)
    except (ReconcilerError, OSError):
        return None


selection_argument = click.argument("selection", nargs=-1, metavar="[DOMAIN|FILE]...", shell_complete=domains)
"""The domains or files of a command. None selects all domains."""
