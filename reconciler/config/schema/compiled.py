"""Compiled schemas: each schema is loaded and compiled once per process."""

import json
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs

from reconciler.core.errors import ReconcilerError
from reconciler.core.product import Product

_MASK = "…"


@dataclass(frozen=True, eq=False)
class Validator:
    """A schema to check documents against. `product` is the product whose limits it contains, if any."""

    name: str
    schema: dict[str, Any] = field(repr=False)
    product: Product | None = None

    @cached_property
    def decides(self) -> jsonschema_rs.Draft202012Validator:
        """The compiled schema. Its messages contain no value of a document: values may be secrets."""
        # `mask` keeps values out of messages: a value may be a password at the wrong place.
        return jsonschema_rs.Draft202012Validator(self.schema, mask=_MASK)


def load_schema(name: str) -> dict[str, Any]:
    """A schema of this program: `workspace`, `product`, `domain`, `plan`, `apply`, `report`, `journal`, ...

    Each call returns a new object, so a caller may change it.

    Raises:
        ReconcilerError: the installation contains no such schema.
    """
    schema: dict[str, Any] = json.loads(_schema_text(name))
    return schema


@lru_cache
def validator(name: str) -> Validator:
    """The validator of an unchanged schema of this program. Raises like `load_schema`."""
    return Validator(name, load_schema(name))


@lru_cache
def _schema_text(name: str) -> str:
    # A wheel contains the schemas. An editable install does not, so the checkout is the second place.
    places = (Path(str(files("reconciler"))) / "_data" / "schemas", Path(__file__).parents[3] / "schemas")
    for folder in places:
        path = folder / f"{name}.schema.json"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    looked = " and ".join(str(folder) for folder in places)
    raise ReconcilerError(f"the schema {name} is missing from {looked}", hint="reinstall smartermail-reconciler")
