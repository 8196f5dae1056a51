"""The schemas of the files: with the limits of a product, and as copies in a workspace."""

import json
from pathlib import Path
from typing import Any

from reconciler.app.data import data_folder
from reconciler.app.password import product_named
from reconciler.config.schema.compile import domain_schema
from reconciler.config.schema.compiled import load_schema
from reconciler.core.diagnostics import Diagnostic, warning
from reconciler.core.errors import ReconcilerError
from reconciler.core.source import Span
from reconciler.core.workspace import Role

COPIED = ("workspace", "product", "domain")
"""The schemas to which the modelines of a workspace's files refer."""
MAX_BYTES = 1 << 20
"""A copy is a file of the workspace, which others may have written. Ours have less than 100 KiB."""


def product_schema(start: Path, workspace: Path | None, product: str, role: Role) -> dict[str, Any]:
    """The schema that `validate` uses for domains of this product.

    Raises:
        ReconcilerError: the product does not exist, or its file is not valid.
    """
    return domain_schema(product_named(start, workspace, product), role)


def schema_copies(root: Path) -> dict[Path, str]:
    """The copies of the schemas that a workspace has for editors: path -> content."""
    names = [f"{name}.schema.json" for name in COPIED]
    return {root / "schemas" / name: (data_folder("schemas") / name).read_text("utf-8") for name in names}


def write_copies(root: Path) -> tuple[Path, ...]:
    """Write the copies that are missing or differ from the program's schemas.

    Returns:
        The files written.

    Raises:
        ReconcilerError: a file cannot be written.
    """
    written = []
    for path, text in schema_copies(root).items():
        # A link could lead to a file outside of the workspace.
        if path.is_symlink() or path.parent.is_symlink():
            raise ReconcilerError(f"{path} is a link; nothing was written to it", hint="Replace it by a regular file.")
        try:
            if path.is_file() and path.read_text("utf-8", errors="replace") == text:
                continue
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        except OSError as e:
            raise ReconcilerError(f"{path} cannot be written: {e.strerror or e}") from e
        written.append(path)
    return tuple(written)


def stale_copies(root: Path, here: Path) -> tuple[Diagnostic, ...]:
    """Warn about each copy that differs from the program's schema. A missing copy is fine.

    Args:
        root: the workspace.
        here: the current folder, to which the names in the diagnostics are relative.
    """
    found = []
    for name in COPIED:
        path = root / "schemas" / f"{name}.schema.json"
        if path.is_file() and not _is_current(path, name):
            shown = path.relative_to(here) if path.is_relative_to(here) else path
            found.append(
                warning(
                    "WSP006",
                    f"this copy of the {name} schema differs from the schema of the program",
                    Span(str(shown), 1, 1, 1, 1),
                    hint="Run `reconciler schema --write` and commit the change.",
                )
            )
    return tuple(found)


def _is_current(path: Path, name: str) -> bool:
    """Compare the values, because git may have changed the line ends."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        return len(data) <= MAX_BYTES and bool(json.loads(data) == load_schema(name))
    except (OSError, ValueError, RecursionError):
        return False
