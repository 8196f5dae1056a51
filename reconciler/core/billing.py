"""The monthly bill of a domain: started tranches of storage, and EAS and MAPI accounts. Pure, in exact decimals.

docs/decisions/0004-billing.md defines the bill, and lists what only the invoice can tell.
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
"""Sums and products with as many digits as necessary. A result that must be rounded would be a bug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activations:
    """The number of mailboxes with only EAS, only MAPI, and both, without the host's own account."""

    eas: int = 0
    mapi: int = 0
    both: int = 0


def bills_storage(billing: Billing) -> bool:
    """Whether the product charges for storage."""
    return billing.tranche_price is not None


def billed_protocols(billing: Billing) -> frozenset[str]:
    """The protocols (`eas`, `mapi`) with a price, alone or in combination. The bill needs the activations of these."""
    # A price for the combination depends on both protocols, even if each alone is free.
    together = billing.eas_mapi_price > 0
    prices = {"eas": billing.eas_price, "mapi": billing.mapi_price}
    return frozenset(protocol for protocol, price in prices.items() if price > 0 or together)


def is_billed(billing: Billing) -> bool:
    """Whether the product has any price."""
    return bills_storage(billing) or bool(billed_protocols(billing))


def tranches(billing: Billing, usage_bytes: int) -> int:
    """The number of started tranches. An empty domain has started the first one."""
    size = billing.tranche_gib * _GIB
    # The double negation rounds the quotient up, in integers.
    return max(1, -(-usage_bytes // size))


def bill(billing: Billing, usage_bytes: int | None, activations: Activations | None) -> Decimal | None:
    """The monthly price of a domain, not rounded.

    Args:
        usage_bytes: the domain's size on disk as the server counts it; None = unknown.
        activations: None = unknown.

    Returns:
        None if the product has no prices, or if something with a price is unknown.
    """
    if not is_billed(billing):
        return None
    total = Decimal(0)
    if billing.tranche_price is not None:
        if usage_bytes is None:
            return None
        total = _EXACT.multiply(billing.tranche_price, tranches(billing, usage_bytes))
    # Unread activations do not matter for a product that does not charge for them.
    if not billed_protocols(billing):
        return total
    if activations is None:
        return None
    # A product without a price for the combination charges both single prices.
    both = billing.eas_mapi_price or _EXACT.add(billing.eas_price, billing.mapi_price)
    for count, price in (
        (activations.eas, billing.eas_price),
        (activations.mapi, billing.mapi_price),
        (activations.both, both),
    ):
        total = _EXACT.add(total, _EXACT.multiply(price, count))
    return total


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    found = Decimal(0)
    for amount in amounts:
        found = _EXACT.add(found, amount)
    return found


def activations_of(mailboxes: Iterable[Mailbox], billing: Billing) -> Activations | None:
    """The EAS and MAPI accounts that a product bills; None if one was not read. Unbilled protocols may be unread."""
    billed = billed_protocols(billing)
    found = {"eas": 0, "mapi": 0, "both": 0, "": 0}
    for mailbox in mailboxes:
        # The host does not bill its own account to the customer.
        if is_hosts_own(mailbox):
            continue
        eas = mailbox.eas if "eas" in billed else False
        mapi = mailbox.mapi if "mapi" in billed else False
        if isinstance(eas, Unset) or isinstance(mapi, Unset):
            return None
        found["both" if eas and mapi else "eas" if eas else "mapi" if mapi else ""] += 1
    return Activations(eas=found["eas"], mapi=found["mapi"], both=found["both"])


def cost_of(plan: Plan, current: CurrentDomain, billing: Billing) -> Cost | None:
    """The monthly bill of the domain now, and after its complete plan.

    A deletion frees the storage and the activations of the mailbox. A new mailbox has the activations from its file and
    no storage yet. A rename changes nothing. The bill after an incomplete plan is unknown.

    Returns:
        None if the product has no prices.
    """
    if not is_billed(billing):
        return None
    there = current.mailboxes
    before = bill(billing, current.usage_bytes, activations_of(there.values(), billing))
    # An incomplete plan has no changes. The same amount on both sides would look like a plan that costs nothing.
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
            freed = current.mailboxes[change.name].facts.usage_bytes if change.name in current.mailboxes else None
            # An unknown size makes the bill unknown. A guess would promise a saving that the invoice does not have.
            if usage is None or freed is None:
                return None
            # The server may count a domain less often than its mailboxes, so the difference can be negative.
            usage = max(0, usage - freed)
    return usage


def _mailboxes_after(changes: Iterable[Change], there: Mapping[str, Mailbox]) -> dict[str, Mailbox]:
    """The mailboxes with their activations after the changes. Other fields are not updated: the bill ignores them."""
    after = dict(there)
    listed = list(changes)
    # Deletions and renames come first, because a new mailbox may use a freed name.
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
