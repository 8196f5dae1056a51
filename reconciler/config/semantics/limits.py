"""Checks a domain against its product: the limits that the product's compiled schema cannot express.

A limit that the schema has already reported is not reported again.
"""

from collections.abc import Iterator
from typing import Literal

from reconciler.config.semantics.domain_files import DomainFile
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.model import DesiredDomain, Mailbox, Unset
from reconciler.core.product import Product
from reconciler.core.quantities import format_size

Activation = Literal["eas", "mapi"]


def check_limits(file: DomainFile) -> Iterator[Diagnostic]:
    """LIM003 and LIM005 to LIM007 of one decoded file."""
    if file.desired is None or file.product is None:
        return
    yield from _domain_aliases(file, file.desired, file.product)
    if isinstance(file.desired.mailboxes, Unset):
        return
    mailboxes = tuple(file.desired.mailboxes.values())
    yield from _quotas(file, mailboxes, file.product)
    limits, offer = file.product.limits, file.product.offer
    yield from _activations(file, mailboxes, file.product, "eas", limits.eas_accounts)
    yield from _activations(file, mailboxes, file.product, "mapi", limits.mapi_accounts)
    if file.role == "customer" and not offer.eas:
        yield from _offer(file, mailboxes, file.product, "eas")
    if file.role == "customer" and not offer.mapi:
        yield from _offer(file, mailboxes, file.product, "mapi")


def _domain_aliases(file: DomainFile, desired: DesiredDomain, product: Product) -> Iterator[Diagnostic]:
    limit = product.limits.domain_aliases
    if limit is None or isinstance(desired.domain_aliases, Unset) or len(desired.domain_aliases) <= limit:
        return
    # The message of the schema has the location of the first alias over the limit.
    if any(code == "LIM003" for code, _ in file.reported):
        return
    count = len(desired.domain_aliases)
    text = f"{count} domain aliases, but product {product.name} allows {limit}"
    if limit == 0:
        text = f"product {product.name} offers no domain aliases, but {count} are declared"
    hint = f"remove some, or raise `limits.domainAliases` ({product.origin.file})"
    yield error("LIM003", text, file.places().span(("domainAliases",), key=True), hint=hint)


def _quotas(file: DomainFile, mailboxes: tuple[Mailbox, ...], product: Product) -> Iterator[Diagnostic]:
    """LIM005. Unlimited and unmanaged quotas are not added, because the file does not show their size."""
    limit = product.limits.domain_size
    if not limit:
        return
    # `unlimited` is 0, so it adds nothing; the server itself limits the domain's size.
    total = sum(m.quota for m in mailboxes if not isinstance(m.quota, Unset))
    if total <= limit:
        return
    text = (
        f"the quotas add up to {format_size(total)}, {format_size(total - limit)} more than "
        f"the {format_size(limit)} that product {product.name} allows for a domain"
    )
    hint = f"lower some quotas, or raise `limits.domainSize` ({product.origin.file})"
    yield error("LIM005", text, file.places().span(("mailboxes",), key=True), hint=hint)


def _activations(
    file: DomainFile, mailboxes: tuple[Mailbox, ...], product: Product, activation: Activation, limit: int | None
) -> Iterator[Diagnostic]:
    """Too many accounts: reported at the first one over the limit, in the order of the file. 0 = unlimited."""
    if not limit:
        return
    on = [m for m in mailboxes if getattr(m, activation) is True]
    if len(on) <= limit:
        return
    # Resources are sorted by name, but people look for the first one in the file.
    on.sort(key=lambda m: (m.origin.line, m.origin.column) if m.origin else (0, 0))
    text = f"{activation.upper()} is on for {len(on)} mailboxes, but product {product.name} allows {limit}"
    hint = f"set `{activation}: false` for some, or raise `limits.{activation}Accounts` ({product.origin.file})"
    places = file.places()
    yield error(_code(activation), text, places.span(places.path("mailboxes", on[limit].name, activation)), hint=hint)


def _offer(
    file: DomainFile, mailboxes: tuple[Mailbox, ...], product: Product, activation: Activation
) -> Iterator[Diagnostic]:
    places = file.places()
    for mailbox in mailboxes:
        if getattr(mailbox, activation) is not True:
            continue
        span = places.span(places.path("mailboxes", mailbox.name, activation))
        # The schema with the product's limits usually reports it first, at the same location.
        if (_code(activation), span.line) in file.reported:
            continue
        text = (
            f"{activation.upper()} is on for {mailbox.name}, but product {product.name} does not offer it to customers"
        )
        hint = f"remove `{activation}` here, and ask the host to turn it on"
        yield error(_code(activation), text, span, hint=hint)


def _code(activation: Activation) -> str:
    return {"eas": "LIM006", "mapi": "LIM007"}[activation]
