"""`python -m reconciler`."""

import os
import sys

# `python -m` looks for modules in the current folder first, which is a workspace: files that others may have written.
# The command `reconciler` does not.
if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109 - as Python itself puts it there
    del sys.path[0]

from reconciler.cli import main

main()
