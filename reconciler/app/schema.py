"""The domain schema with a product's limits compiled in."""

from pathlib import Path
from typing import Any

from reconciler.config.compile import domain_schema
from reconciler.config.workspace import find_root, load_configuration
from reconciler.core.errors import ReconcilerError
from reconciler.core.workspace import Role


def product_schema(start: Path, workspace: Path | None, product: str, role: Role) -> dict[str, Any]:
    """The schema that `validate` uses for domains of this product.

    Raises:
        ReconcilerError: there is no such product, or its file is not valid.
    """
    config = load_configuration(find_root(start, workspace))
    known = config.products.get(product)
    if known is None:
        names = ", ".join(sorted(config.products)) or "none"
        raise ReconcilerError(
            f"there is no valid product {product!r} in this workspace; there are: {names}",
            hint="`reconciler validate` says what is wrong with a product file",
        )
    return domain_schema(known, role)
