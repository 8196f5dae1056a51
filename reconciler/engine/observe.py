"""Reading what is there, and no more than the files manage."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from reconciler.core.errors import ReconcilerError
from reconciler.core.model import CurrentDomain, DesiredDomain, Unset
from reconciler.core.ports import Reader, ReadScope

DOMAINS_AT_ONCE = 16
"""Domains read or written side by side on one server. The client bounds the requests; this bounds memory."""


def read_scope(desired: DesiredDomain) -> ReadScope:
    """Which costly reads the files ask for: forwarding and alias flags of what manages them, or is to be removed."""
    mailboxes = {} if isinstance(desired.mailboxes, Unset) else desired.mailboxes
    aliases = {} if isinstance(desired.aliases, Unset) else desired.aliases
    forwarding = {
        name
        for name, m in mailboxes.items()
        if not (isinstance(m.forward_to, Unset) and isinstance(m.forward_keep_copy, Unset))
    }
    flagged = {
        name
        for name, a in aliases.items()
        if not all(isinstance(v, Unset) for v in (a.display_name, a.allow_sending, a.hide_from_gal, a.internal_only))
    }
    old_names = {r.new: r.old for r in desired.renamed if r.kind == "mailbox"}
    old_aliases = {r.new: r.old for r in desired.renamed if r.kind == "alias"}
    # What is about to be deleted is read whole, if it is there: what the journal then holds can bring it back.
    doomed = {k: {r.name for r in desired.removed if r.kind == k} for k in ("mailbox", "alias")}
    return ReadScope(
        forwarding=frozenset(forwarding | {old_names[n] for n in forwarding if n in old_names} | doomed["mailbox"]),
        alias_flags=frozenset(flagged | {old_aliases[n] for n in flagged if n in old_aliases} | doomed["alias"]),
        eas=any(not isinstance(m.eas, Unset) for m in mailboxes.values()),
        mapi=any(not isinstance(m.mapi, Unset) for m in mailboxes.values()),
    )


Observation = CurrentDomain | ReconcilerError


NOTHING_MORE = ReadScope()


async def observe(reader: Reader, desired: DesiredDomain, more: ReadScope = NOTHING_MORE) -> Observation:
    """The current state of one domain, or why it could not be read; `more`: what is read besides what is managed."""
    try:
        return await reader.read_domain(desired.domain, read_scope(desired) | more)
    except ReconcilerError as e:
        return e


async def observe_all(
    readers: Mapping[str, Reader],
    domains: Sequence[DesiredDomain],
    on_done: Callable[[str], None],
    more: Callable[[DesiredDomain], ReadScope] = lambda _: NOTHING_MORE,
) -> dict[str, Observation]:
    """Every domain's current state, read side by side; one that fails does not stop the others.

    Args:
        readers: by server name; every domain's server is among them.
        domains: which to read.
        on_done: told each domain's name when it has been read.
        more: what to read of a domain besides what its file manages.
    """
    gates = {name: asyncio.Semaphore(DOMAINS_AT_ONCE) for name in readers}

    async def one(desired: DesiredDomain) -> tuple[str, Observation]:
        async with gates[desired.server]:
            seen = await observe(readers[desired.server], desired, more(desired))
        on_done(desired.domain)
        return desired.domain, seen

    return dict(await asyncio.gather(*(one(d) for d in domains)))
