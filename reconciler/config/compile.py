"""The domain schema with a product's limits in it: an editor with this schema says what `validate` would say."""

from functools import lru_cache
from typing import Any

from reconciler.config.schema import Validator, load_schema, validator
from reconciler.config.sizes import size_pattern
from reconciler.core.product import Product
from reconciler.core.quantities import format_size
from reconciler.core.workspace import Role


@lru_cache(maxsize=256)
def domain_validator(product: Product | None, role: Role) -> Validator:
    """The validator for domain files of a product, on a server where we have that role."""
    return validator("domain") if product is None else Validator("domain", domain_schema(product, role), product)


def domain_schema(product: Product | None, role: Role) -> dict[str, Any]:
    """The domain schema, self-contained, with the limits of `product`.

    In it are the numbers of mailboxes, aliases and domain aliases, the size of a quota and, for a customer, what is
    not offered.

    Sums (the domain's size, accounts with EAS or MAPI) cannot be said in a schema; `validate` counts them.
    """
    schema = load_schema("domain")
    if product is None:
        return schema
    limits, properties = product.limits, schema["properties"]
    schema["$id"] = schema["$id"].replace("/domain.schema.json", f"/domain/{product.name}/{role}.schema.json")
    schema["title"] = f"Domain with product {product.name}"
    schema["description"] += f" With the limits of product {product.name}, for role {role}."
    del schema["examples"]
    for section, limit in (("mailboxes", limits.mailboxes), ("aliases", limits.aliases)):
        if limit:
            _at_most(properties[section], "maxProperties", limit, product)
    if limits.domain_aliases == 0:
        del properties["domainAliases"]
    elif limits.domain_aliases is not None:
        _at_most(properties["domainAliases"], "maxItems", limits.domain_aliases, product)
    mailbox = schema["$defs"]["mailbox"]["properties"]
    if limits.mailbox_quota:
        mailbox["quota"] = _quota(
            schema["$defs"]["size"], mailbox["quota"]["description"], limits.mailbox_quota, product
        )
    for activation, is_offered in (("eas", product.offer.eas), ("mapi", product.offer.mapi)):
        if role == "customer" and not is_offered:
            mailbox[activation]["const"] = False
            mailbox[activation]["description"] += f" Product {product.name} does not offer it: it can only be false."
    return schema


def _at_most(part: dict[str, Any], keyword: str, limit: int, product: Product) -> None:
    part[keyword] = limit
    part["description"] += f" At most {limit} (product {product.name})."
    part.pop("examples", None)


def _quota(size: dict[str, Any], description: str, limit: int, product: Product) -> dict[str, Any]:
    """`size` without `unlimited` and up to the limit."""
    pattern = size_pattern(limit)
    return {
        "title": size["title"],
        "type": ["integer", "string"] if pattern else "integer",
        "minimum": 1,
        "maximum": limit,
        **({"pattern": pattern} if pattern else {}),
        "description": f"{description} At most {format_size(limit)} (product {product.name}).",
        "examples": [format_size(limit) if pattern else limit],
    }
