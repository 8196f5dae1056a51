"""A product of the workspace, by the name that the command line gives."""

from pathlib import Path

from reconciler.config.workspace import find_root, load_configuration
from reconciler.core.errors import ReconcilerError
from reconciler.core.product import Product


def product_named(start: Path, workspace: Path | None, name: str) -> Product:
    """A product.

    Raises:
        ReconcilerError: there is no workspace, no such product, or its file is not valid.
    """
    config = load_configuration(find_root(start, workspace))
    known = config.products.get(name)
    if known is None:
        names = ", ".join(sorted(config.products)) or "none"
        raise ReconcilerError(
            f"there is no valid product {name!r} in this workspace; there are: {names}",
            hint="`reconciler validate` says what is wrong with a product file",
        )
    return known
