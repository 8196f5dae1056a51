"""The command line: parse, call app, print, exit. The only user of click.

Each command is a module, imported when the command runs, so that `--version` and `--help` start fast.
"""

from reconciler.cli.main import main

__all__ = ["main"]
