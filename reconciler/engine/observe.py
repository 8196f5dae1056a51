"""Reads the current state of domains, with only the costly fields that the files manage."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from reconciler.core.errors import ReconcilerError
from reconciler.core.model import CurrentDomain, DesiredDomain, Unset
from reconciler.core.ports import Reader, ReadScope

DOMAINS_AT_ONCE = 16
"""Domains of one server that are read or written concurrently. The client limits requests; this limits memory."""


def read_scope(desired: DesiredDomain) -> ReadScope:
    """The costly reads for a domain file: managed forwards and alias flags, and those of resources to remove."""
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
    # A rename may be pending or done, so both names are read.
    old_names = {r.new: r.old for r in desired.renamed if r.kind == "mailbox"}
    old_aliases = {r.new: r.old for r in desired.renamed if r.kind == "alias"}
    # Resources to delete are read completely, because the journalled state is all that a rollback can restore.
    removed = {k: {r.name for r in desired.removed if r.kind == k} for k in ("mailbox", "alias")}
    return ReadScope(
        forwarding=frozenset(forwarding | {old_names[n] for n in forwarding if n in old_names} | removed["mailbox"]),
        alias_flags=frozenset(flagged | {old_aliases[n] for n in flagged if n in old_aliases} | removed["alias"]),
        eas=any(not isinstance(m.eas, Unset) for m in mailboxes.values()),
        mapi=any(not isinstance(m.mapi, Unset) for m in mailboxes.values()),
    )


Observation = CurrentDomain | ReconcilerError


NOTHING_MORE = ReadScope()


async def observe(reader: Reader, desired: DesiredDomain, more: ReadScope = NOTHING_MORE) -> Observation:
    """The current state of one domain, or the error of its read. `more` is read in addition to the managed fields."""
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
    """The current states of domains, read concurrently. A failure of one domain does not stop the others.

    Args:
        readers: by server name; contains the server of every domain.
        domains: the domains to read.
        on_done: called with the name of each domain after its read.
        more: the scope of a domain in addition to its managed fields.
    """
    # One limit per server, so that a slow server does not delay the domains of others.
    limits = {name: asyncio.Semaphore(DOMAINS_AT_ONCE) for name in readers}

    async def one(desired: DesiredDomain) -> tuple[str, Observation]:
        async with limits[desired.server]:
            seen = await observe(readers[desired.server], desired, more(desired))
        on_done(desired.domain)
        return desired.domain, seen

    return dict(await asyncio.gather(*(one(d) for d in domains)))
