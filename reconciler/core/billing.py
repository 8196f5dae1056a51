"""The monthly bill of a domain: started tranches of storage, and seats. Pure, in exact decimals, never in floats.

What it means exactly, and what is left to the invoice, is in docs/decisions/0004-billing.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact

from reconciler.core.model import CurrentDomain, Mailbox, Unset
from reconciler.core.ownership import is_hosts_own
from reconciler.core.plan import Change, Cost, Plan
from reconciler.core.product import Billing

_GIB = 1 << 30
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact])
"""Sums and products as long as they have to be; one that had to be rounded would be a bug of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activations:
    """How many mailboxes have EAS without MAPI, MAPI without EAS, and both; the host's own account is none of them."""

    eas: int = 0
    mapi: int = 0
    both: int = 0


def bills_storage(billing: Billing) -> bool:
    """Whether the product charges for storage."""
    return billing.tranche_price is not None


def billed_protocols(billing: Billing) -> frozenset[str]:
    """Of `eas` and `mapi` those that cost something, alone or together: without them the bill cannot be known."""
    together = billing.eas_mapi_price > 0
    prices = {"eas": billing.eas_price, "mapi": billing.mapi_price}
    return frozenset(protocol for protocol, price in prices.items() if price > 0 or together)


def is_billed(billing: Billing) -> bool:
    """Whether there is a bill at all."""
    return bills_storage(billing) or bool(billed_protocols(billing))


def tranches(billing: Billing, usage_bytes: int) -> int:
    """The started tranches; the first one is started by the domain itself, whatever it holds."""
    size = billing.tranche_gib * _GIB
    return max(1, -(-usage_bytes // size))


def bill(billing: Billing, usage_bytes: int | None, activations: Activations | None) -> Decimal | None:
    """What a domain costs a month, not rounded.

    Args:
        usage_bytes: the domain's size on disk as the server counts it; None = unknown.
        activations: None = unknown.

    Returns:
        None where the product has no prices, or where something that has a price is not known.
    """
    if not is_billed(billing):
        return None
    total = Decimal(0)
    if billing.tranche_price is not None:
        if usage_bytes is None:
            return None
        total = _EXACT.multiply(billing.tranche_price, tranches(billing, usage_bytes))
    if not billed_protocols(billing):
        return total
    if activations is None:
        return None
    both = billing.eas_mapi_price or _EXACT.add(billing.eas_price, billing.mapi_price)
    for count, price in (
        (activations.eas, billing.eas_price),
        (activations.mapi, billing.mapi_price),
        (activations.both, both),
    ):
        total = _EXACT.add(total, _EXACT.multiply(price, count))
    return total


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, exactly."""
    found = Decimal(0)
    for amount in amounts:
        found = _EXACT.add(found, amount)
    return found


def activations_of(mailboxes: Iterable[Mailbox], billing: Billing) -> Activations | None:
    """The seats that a product bills; None where one of them was not read. What costs nothing need not be known."""
    asked = billed_protocols(billing)
    found = {"eas": 0, "mapi": 0, "both": 0, "": 0}
    for mailbox in mailboxes:
        if is_hosts_own(mailbox):
            continue
        eas = mailbox.eas if "eas" in asked else False
        mapi = mailbox.mapi if "mapi" in asked else False
        if isinstance(eas, Unset) or isinstance(mapi, Unset):
            return None
        found["both" if eas and mapi else "eas" if eas else "mapi" if mapi else ""] += 1
    return Activations(eas=found["eas"], mapi=found["mapi"], both=found["both"])


def cost_of(plan: Plan, current: CurrentDomain, billing: Billing) -> Cost | None:
    """The monthly bill as the domain is, and as it will be when all of the plan has been applied.

    A deleted mailbox takes its storage and its seats with it; a new one brings the seats that its file gives it, and
    no storage yet. A rename changes nothing. Of a plan that is not complete nobody knows the end.

    Returns:
        None where the product has no prices.
    """
    if not is_billed(billing):
        return None
    there = current.mailboxes
    before = bill(billing, current.usage_bytes, activations_of(there.values(), billing))
    if not plan.complete:
        return Cost(currency=billing.currency, before=before, after=None)
    changes = [c for c in plan.changes if c.kind == "mailbox"]
    after = bill(
        billing, _usage_after(changes, current), activations_of(_mailboxes_after(changes, there).values(), billing)
    )
    return Cost(currency=billing.currency, before=before, after=after)


def _usage_after(changes: Iterable[Change], current: CurrentDomain) -> int | None:
    usage = current.usage_bytes
    for change in changes:
        if change.action == "delete":
            gone = current.mailboxes[change.name].facts.usage_bytes if change.name in current.mailboxes else None
            if usage is None or gone is None:
                return None
            # The server may count the domain seldom and its mailboxes often.
            usage = max(0, usage - gone)
    return usage


def _mailboxes_after(changes: Iterable[Change], there: Mapping[str, Mailbox]) -> dict[str, Mailbox]:
    """The mailboxes with the seats that they will have; nothing else of them is what it will be."""
    after = dict(there)
    listed = list(changes)
    for change in listed:
        if change.action in ("delete", "rename") and change.name in after:
            old = after.pop(change.name)
            if change.new_name is not None:
                after[change.new_name] = replace(old, name=change.new_name)
    for change in listed:
        if change.action in ("create", "update"):
            mailbox = after.get(change.name) or Mailbox(name=change.name, eas=False, mapi=False)
            after[change.name] = replace(mailbox, **change.values(activations=True))  # type: ignore[arg-type]  # eas and mapi
    return after
