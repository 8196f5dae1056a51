"""Decodes a product file into a Product."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from reconciler.config.decode.reading import Reading, dns_overrides, section
from reconciler.config.document.builder import shown
from reconciler.config.document.loader import Document
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.product import Billing, Limits, Offer, PasswordPolicy, Product


def decode_product(document: Document, name: str) -> tuple[Product, tuple[Diagnostic, ...]]:
    """The product of a schema-valid file; `name` is the file's name without its ending."""
    body: Mapping[str, Any] = document.value  # type: ignore[assignment]
    reading = Reading(document)
    if body.get("name", name) != name:
        text = f"the file name is {shown(name)}, but `name` is {shown(body['name'])}"
        hint = "rename the file, or remove `name`: domains refer to a product by its file name"
        reading.diagnostics.append(error("NAM003", text, reading.span(("name",)), hint=hint))
    offer, policy = section(body, "offer"), section(body, "passwordPolicy")
    product = Product(
        name=name,
        limits=_limits(reading, section(body, "limits")),
        offer=Offer(eas=offer.get("eas", True), mapi=offer.get("mapi", True)),
        password_policy=PasswordPolicy(
            # The defaults are those of the hosting panel.
            min_length=policy.get("minLength", 8),
            require_uppercase=policy.get("requireUppercase", True),
            require_digit=policy.get("requireDigit", True),
            require_special=policy.get("requireSpecial", True),
        ),
        billing=_billing(section(body, "billing")),
        dns=dns_overrides(reading, section(body, "dns")),
        origin=reading.span(("kind",)),
    )
    return product, tuple(reading.diagnostics)


def _limits(reading: Reading, body: Mapping[str, Any]) -> Limits:
    def size(key: str) -> int | None:
        value = body.get(key)
        # 0 means unlimited here; `parse_size` accepts only sizes of at least 1 byte.
        if value is None or value == 0:
            return value
        return reading.size(value, ("limits", key))

    return Limits(
        mailboxes=body.get("mailboxes"),
        aliases=body.get("aliases"),
        domain_aliases=body.get("domainAliases"),
        mailbox_quota=size("mailboxQuota"),
        domain_size=size("domainSize"),
        eas_accounts=body.get("easAccounts"),
        mapi_accounts=body.get("mapiAccounts"),
    )


def _billing(body: Mapping[str, Any]) -> Billing:
    return Billing(
        currency=body.get("currency", "USD"),
        tranche_gib=body.get("trancheGiB", 10),
        tranche_price=_money(body, "tranchePrice"),
        eas_price=_money(body, "easPrice") or Decimal(0),
        mapi_price=_money(body, "mapiPrice") or Decimal(0),
        eas_mapi_price=_money(body, "easMapiPrice") or Decimal(0),
        threshold_days=body.get("thresholdDays", 1),
    )


def _money(body: Mapping[str, Any], key: str) -> Decimal | None:
    """An amount exactly as written: a float is converted by its shortest text, so 0.1 stays 0.1."""
    value = body.get(key)
    return None if value is None else Decimal(str(value))
