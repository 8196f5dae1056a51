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
    """A schema that documents are held against; `product` is the one whose limits are in it."""

    name: str
    schema: dict[str, Any] = field(repr=False)
    product: Product | None = None

    @cached_property
    def decides(self) -> jsonschema_rs.Draft202012Validator:
        """The compiled schema. Its own messages never hold a value out of a document."""
        return jsonschema_rs.Draft202012Validator(self.schema, mask=_MASK)


def load_schema(name: str) -> dict[str, Any]:
    """A schema of this program: `workspace`, `product`, `domain`, `plan`, `apply`, `report`, `journal`, ...

    It is looked for in the installed package, then beside the checkout, for an editable install has none inside.

    Raises:
        ReconcilerError: it is in neither place.
    """
    schema: dict[str, Any] = json.loads(_schema_text(name))
    return schema


@lru_cache
def validator(name: str) -> Validator:
    """The validator of a schema as it is shipped. Raises like `load_schema`."""
    return Validator(name, load_schema(name))


@lru_cache
def _schema_text(name: str) -> str:
    places = (Path(str(files("reconciler"))) / "_data" / "schemas", Path(__file__).parents[3] / "schemas")
    for folder in places:
        path = folder / f"{name}.schema.json"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    looked = " and ".join(str(folder) for folder in places)
    raise ReconcilerError(
        f"the schema {name} is not there", hint=f"install reconciler anew; it was looked for in {looked}"
    )
