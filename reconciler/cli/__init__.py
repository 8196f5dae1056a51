"""The command line: parse, call app, print, exit. The only user of click.

Commands are modules that are imported when they are called, so that `--version` and `--help` start fast.
"""

from reconciler.cli.main import main

__all__ = ["main"]
