"""A product's limit that a domain file goes beyond: the refusal of a compiled schema as a LIM diagnostic."""

from typing import Final

from reconciler.config.faults import Fault, Path
from reconciler.config.loader import Document
from reconciler.config.words import plain_or_shown
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.product import Product
from reconciler.core.quantities import UNLIMITED, format_size, parse_size
from reconciler.core.source import Span

_COUNTED: Final[dict[tuple[Path, str], tuple[str, str]]] = {
    # where and which keyword, code, word for people
    (("mailboxes",), "maxProperties"): ("LIM001", "mailboxes"),
    (("aliases",), "maxProperties"): ("LIM002", "aliases"),
    (("domainAliases",), "maxItems"): ("LIM003", "domain aliases"),
}
_ACTIVATIONS: Final = {"eas": "LIM006", "mapi": "LIM007"}


def explain_limit(fault: Fault, document: Document, product: Product | None) -> Diagnostic | None:
    """The diagnostic for a fault that a product's limit caused; None for any other fault."""
    path = fault.path
    if product is None:
        return None
    if (path, fault.keyword) in _COUNTED:
        return _too_many(fault, document, product)
    if len(path) != 3 or path[0] != "mailboxes":
        return None
    if path[2] == "quota":
        return _quota(fault.value, path, document, product)
    if path[2] in _ACTIVATIONS and fault.keyword == "const" and fault.value is True:
        activation = str(path[2])
        name = plain_or_shown(str(path[1]))
        text = f"{activation.upper()} is on for {name}, but product {product.name} does not offer it to customers"
        hint = f"take `{activation}` out here, and ask the host to turn it on"
        return error(_ACTIVATIONS[activation], text, document.span(path), hint=hint)
    return None


def not_sold(path: Path, place: Span, product: Product | None) -> Diagnostic | None:
    """LIM003 for the section `domainAliases` where the product has none, and the compiled schema no such key."""
    if product is None or path != ("domainAliases",) or product.limits.domain_aliases != 0:
        return None
    text = f"product {product.name} offers no domain aliases"
    return error("LIM003", text, place, hint=f"leave the section out, or raise {_limit('domainAliases', product)}")


def _too_many(fault: Fault, document: Document, product: Product) -> Diagnostic:
    """Said at the first one beyond the limit, in the order of the file."""
    code, word = _COUNTED[fault.path, fault.keyword]
    most, count = int(fault.argument), len(fault.value)
    first = most if isinstance(fault.value, list) else list(fault.value)[most]
    text = f"{count} {word}, but product {product.name} allows {most}: this is the first beyond"
    hint = f"take {count - most} out, or raise {_limit(str(fault.path[0]), product)}"
    return error(code, text, document.span((*fault.path, first), key=True), hint=hint)


def _quota(value: object, path: Path, document: Document, product: Product) -> Diagnostic | None:
    limit = product.limits.mailbox_quota
    if not limit or isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        size = parse_size(value)
    except ValueError:
        return None
    if size != UNLIMITED and size <= limit:
        return None
    name, most = plain_or_shown(str(path[1])), format_size(limit)
    text = f"the quota of {name} is {format_size(size)}, but product {product.name} allows {most}"
    return error("LIM004", text, document.span(path), hint=f"lower it, or raise {_limit('mailboxQuota', product)}")


def _limit(key: str, product: Product) -> str:
    return f"`limits.{key}` ({product.origin.file})"
