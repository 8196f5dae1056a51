"""The domain schema with a product's limits compiled in."""

from pathlib import Path
from typing import Any

from reconciler.app.password import product_named
from reconciler.config.schema.compile import domain_schema
from reconciler.core.workspace import Role


def product_schema(start: Path, workspace: Path | None, product: str, role: Role) -> dict[str, Any]:
    """The schema that `validate` uses for domains of this product.

    Raises:
        ReconcilerError: there is no such product, or its file is not valid.
    """
    return domain_schema(product_named(start, workspace, product), role)
