"""The domain schema with a product's limits, so that an editor marks the same faults as `validate`."""

from functools import lru_cache
from typing import Any

from reconciler.config.schema.compiled import Validator, load_schema, validator
from reconciler.core.product import Product
from reconciler.core.quantities import UNITS, format_size
from reconciler.core.workspace import Role


@lru_cache(maxsize=256)
def domain_validator(product: Product | None, role: Role) -> Validator:
    """The validator for domain files of a product, on a server with that role of our account."""
    # Cached: one product often has hundreds of domains, and compiling takes longer than checking a file.
    return validator("domain") if product is None else Validator("domain", domain_schema(product, role), product)


def domain_schema(product: Product | None, role: Role) -> dict[str, Any]:
    """The domain schema, self-contained, with the limits of `product`.

    It limits the numbers of mailboxes, aliases and domain aliases and the size of a quota. For a customer it also
    excludes EAS and MAPI if the product does not offer them.

    JSON Schema cannot express sums (the domain's size, accounts with EAS or MAPI); `semantics.limits` checks them.
    """
    schema = load_schema("domain")
    if product is None:
        return schema
    limits, properties = product.limits, schema["properties"]
    schema["$id"] = schema["$id"].replace("/domain.schema.json", f"/domain/{product.name}/{role}.schema.json")
    schema["title"] = f"Domain with product {product.name}"
    schema["description"] += f" With the limits of product {product.name}, for role {role}."
    # The general examples may exceed the limits of this product.
    del schema["examples"]
    for section, limit in (("mailboxes", limits.mailboxes), ("aliases", limits.aliases)):
        if limit:  # 0 = unlimited
            _at_most(properties[section], "maxProperties", limit, product)
    # Unlike the other limits, 0 domain aliases means that the product does not offer them.
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
            mailbox[activation]["description"] += f" Product {product.name} does not offer it, so it can only be false."
    return schema


def _at_most(part: dict[str, Any], keyword: str, limit: int, product: Product) -> None:
    part[keyword] = limit
    part["description"] += f" At most {limit} (product {product.name})."
    part.pop("examples", None)


def _quota(size: dict[str, Any], description: str, limit: int, product: Product) -> dict[str, Any]:
    """The schema `size` up to the limit, without `unlimited`."""
    # A limit below 1 KiB allows only plain numbers of bytes.
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


def up_to(limit: int) -> str:
    """A regular expression, without anchors, for the numbers 1 to `limit` (at least 1) without leading zeros.

    A schema has no other way to compare `5 GiB` with a limit. The expression uses only syntax that ECMA-262 and Python
    share, so that editors match it as this program does.
    """
    digits = str(limit)
    branches = ["[1-9]" + ("" if len(digits) == 2 else f"[0-9]{{0,{len(digits) - 2}}}")] if len(digits) > 1 else []
    for i, digit in enumerate(digits):
        # Numbers of equal length that have the same digits before this one and a smaller one here.
        lowest = 1 if i == 0 else 0
        if int(digit) > lowest:
            branches.append(digits[:i] + _one_of(lowest, int(digit) - 1) + _any_digits(len(digits) - i - 1))
    return f"({'|'.join([*branches, digits])})"


def size_pattern(limit: int) -> str | None:
    """An anchored regular expression for sizes from 1 to `limit` bytes, with units; None if every unit is larger."""
    branches = [f"{up_to(limit // unit)} ?{name}" for name, unit in UNITS.items() if limit >= unit]
    return f"^({'|'.join(branches)})$" if branches else None


def _one_of(lowest: int, highest: int) -> str:
    return str(lowest) if lowest == highest else f"[{lowest}-{highest}]"


def _any_digits(count: int) -> str:
    return "" if count == 0 else "[0-9]" if count == 1 else f"[0-9]{{{count}}}"
