"""The examples and schemas of the program: in the wheel, or in the checkout."""

from pathlib import Path

import reconciler
from reconciler.core.errors import ReconcilerError


def data_folder(name: str) -> Path:
    """The folder `examples` or `schemas` of this installation.

    Raises:
        ReconcilerError: the installation is incomplete.
    """
    package = Path(reconciler.__file__).parent
    # The wheel has its own copy, a checkout uses the files at its top.
    for folder in (package / "_data" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise ReconcilerError(f"this installation has no {name}", hint="install the program again")
