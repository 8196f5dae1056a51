"""Writing a mailbox's forwarding: the list first, then the switch that gives it effect (API reference section 5.8)."""

from collections.abc import Mapping

from reconciler.core.errors import AmbiguousWrite, RefusedByServer
from reconciler.core.model import Value
from reconciler.smartermail import bodies, endpoints, wire
from reconciler.smartermail.calls import Calls
from reconciler.smartermail.scalars import Fields


async def write_forwarding(calls: Calls, domain: str, name: str, values: Mapping[str, Value]) -> None:
    """Replaces the list, what is not managed kept as it was, and sees to it that the mailbox may forward.

    The list is seen to be right before the switch is turned on: else an old one could come into effect.

    Raises:
        AmbiguousWrite: the list, or the switch, may or may not have been written.
    """
    email = f"{name}@{domain}"
    if not (await calls.tokens.domain(domain)).verified:
        await calls.domain_data(domain)
    current = await _list(calls, domain, email)
    wanted = bodies.forward_list(current, values)
    try:
        await calls.write(endpoints.UPDATE_FORWARDS, domain, email=email, mailboxForwardList=wanted)
    except AmbiguousWrite:
        if not values.get("forwarding.to") or not _same(await _list(calls, domain, email), wanted, domain):
            raise
    if values.get("forwarding.to"):
        await _switch_on(calls, domain, email)


async def _list(calls: Calls, domain: str, email: str) -> Fields:
    """The list as it is; empty where the server does not tell it, as some do while forwarding is switched off."""
    try:
        answer = await calls.read(endpoints.FORWARDS, domain, email=email)
    except RefusedByServer:
        if (await _mail_settings(calls, domain, email)).get("enableMailForwarding") is not False:
            raise
        return {}
    return wire.inner(answer, "mailboxForwardList", calls.where(endpoints.FORWARDS, domain))


async def _switch_on(calls: Calls, domain: str, email: str) -> None:
    settings = await _mail_settings(calls, domain, email)
    if settings.get("enableMailForwarding") is not True:
        merged = {**settings, "enableMailForwarding": True}
        await calls.write(endpoints.UPDATE_USER_MAIL, domain, email=email, userMailSettings=merged)


async def _mail_settings(calls: Calls, domain: str, email: str) -> Fields:
    answer = await calls.read(endpoints.USER_MAIL, domain, email=email)
    return wire.inner(answer, "userMailSettings", calls.where(endpoints.USER_MAIL, domain))


def _same(found: Fields, wanted: Fields, domain: str) -> bool:
    where = "forward list"
    return wire.forwarding({"mailboxForwardList": found}, domain, where) == wire.forwarding(
        {"mailboxForwardList": wanted}, domain, where
    )
