"""The lists of a domain: mailboxes, aliases, domain aliases, seats. Each is one request, whatever its length."""

from collections.abc import Iterable, Mapping

from reconciler.core.errors import IncompleteRead, NoSuchEndpoint
from reconciler.core.model import DomainAlias
from reconciler.smartermail import endpoints
from reconciler.smartermail.calls import Calls
from reconciler.smartermail.codec import complete
from reconciler.smartermail.codec import decode as wire
from reconciler.smartermail.codec.decode_domain import domain_alias_name, domain_summary
from reconciler.smartermail.codec.scalars import Fields, canonical_domain, flag, number
from reconciler.smartermail.endpoints import Endpoint
from reconciler.smartermail.together import together
from reconciler.smartermail.transport.redact import clean

PAGE = 1000
"""Rows of one page of the account search; more are not given by some builds (API reference section 5.1 B)."""

MAX_PAGES = 1000
_UNCHANGED = "nothing is changed"

_ACTIVATIONS = {
    "eas": (endpoints.EAS, "activeSyncAccounts"),
    "mapi": (endpoints.MAPI, "mapiEwsAccounts"),
}

Rows = dict[str, Fields]
"""Canonical local part -> the row, as it came."""


async def user_rows(calls: Calls, domain: str) -> Rows:
    """All mailboxes (section 5.1). Raises IncompleteRead for rows that cannot be this domain's mailboxes."""
    where = calls.where(endpoints.USERS, domain)
    try:
        answer = await calls.read(endpoints.USERS, domain)
    except NoSuchEndpoint:
        return await _searched(calls, domain, "users", (wire.USER, wire.DOMAIN_ADMIN))
    found = wire.rows(answer, "userData", where)
    for row in found:
        complete.kind_of_row(row, (wire.USER, wire.DOMAIN_ADMIN), where)
    complete.announced(answer, len(found), where)
    return _by_name(found, domain, where, "userName")


async def alias_rows(calls: Calls, domain: str) -> Rows:
    """All aliases (section 6.1). Raises IncompleteRead for rows that cannot be this domain's aliases."""
    where = calls.where(endpoints.ALIASES, domain)
    try:
        answer = await calls.read(endpoints.ALIASES, domain)
    except NoSuchEndpoint:
        return await _searched(calls, domain, "aliases", (wire.ALIAS,))
    found = wire.rows(answer, "gridInfo", where, null_is_empty=True)
    for row in found:
        complete.kind_of_row(row, (wire.ALIAS,), where)
    complete.announced(answer, len(found), where)
    return _by_name(found, domain, where, "name", "userName")


async def domain_aliases(calls: Calls, domain: str) -> Mapping[str, DomainAlias]:
    """All domain aliases (section 7). Raises IncompleteRead for rows of another domain."""
    where = calls.where(endpoints.DOMAIN_ALIASES, domain)
    found = wire.rows(await calls.read(endpoints.DOMAIN_ALIASES, domain), "domainAliasData", where, null_is_empty=True)
    for row in found:
        owner = row.get("domainName")
        if isinstance(owner, str) and owner:
            wire.row_name({"name": f"x@{owner}"}, domain, where, "name")
    names = [domain_alias_name(row, where) for row in found]
    complete.distinct(names, where)
    return {name: DomainAlias(name=name) for name in names}


async def activations(calls: Calls, domain: str, protocol: str) -> dict[str, bool | None]:
    """Who has a seat: only those are listed (section 5.9). None where the row does not say whether it is active."""
    endpoint, key = _ACTIVATIONS[protocol]
    where = calls.where(endpoint, domain)
    found = wire.rows(await calls.read(endpoint, domain), key, where)
    by_name = _by_name(found, domain, where, "emailAddress", "userName")
    active = {name: flag(row, "isActive", where) for name, row in by_name.items()}
    return {name: value if isinstance(value, bool) else None for name, value in active.items()}


async def _searched(calls: Calls, domain: str, kind: str, types: tuple[int, ...]) -> Rows:
    """The same through the account search, page by page; it may mix kinds, so rows are chosen by their type.

    A page may be cut off below what was asked for: the end is an empty page, or the number that the answer gives.
    """
    where = calls.where(endpoints.SEARCH, domain)
    found: list[Fields] = []
    last: list[Fields] = []
    answer: Fields = {}
    for _ in range(MAX_PAGES):
        answer = await calls.read(
            endpoints.SEARCH,
            domain,
            search="",
            searchFlags=[kind],
            skip=len(found),
            take=PAGE,
            sortField="userName",
            sortDescending=False,
        )
        rows = wire.rows(answer, "results", where)
        if rows and rows == last:
            raise IncompleteRead(f"{where}: the same {len(rows)} rows come again and again", hint=_UNCHANGED)
        found += rows
        last = rows
        total = number(answer, "totalCount", where)
        if not rows or (total is not None and len(found) >= total):
            break
    else:
        raise IncompleteRead(f"{where}: {len(found)} rows, and there is no end", hint=_UNCHANGED)
    complete.announced(answer, len(found), where)
    if any("accountType" not in row for row in found):
        raise IncompleteRead(f"{where}: rows do not say of what kind they are", hint=_UNCHANGED)
    return _by_name([row for row in found if row["accountType"] in types], domain, where, "userName")


def _by_name(found: list[Fields], domain: str, where: str, *keys: str) -> Rows:
    names = [wire.row_name(row, domain, where, *keys) for row in found]
    complete.distinct(names, where)
    return dict(zip(names, found, strict=True))


# The domains of a server. Two endpoints list them, without pages or counts: each is held against the other.


async def domain_names(calls: Calls) -> tuple[str, ...]:
    """Canonical names, sorted: every domain of the server, or for a customer the one that he administers.

    API reference sections 4.1, 4.2 and 4.7. Either list may be cut off in silence, so that both are read; where the
    server has only one of them, that one is believed, as far as it does not contradict itself.

    Raises:
        IncompleteRead: the two lists differ, a name comes twice, or an answer says that there are more.
        Unreachable, RefusedCredentials, UnexpectedAnswer, RefusedByServer: see `reconciler.core.errors`.
    """
    if not calls.is_admin:
        return (canonical_domain(str((await calls.own_domain())["name"])),)
    async with together() as group:
        names = group.create_task(_listed(calls, endpoints.DOMAIN_NAMES))
        rows = group.create_task(_listed(calls, endpoints.DOMAINS))
    lists = [found for found in (names.result(), rows.result()) if found is not None]
    if not lists:
        where = calls.where(endpoints.DOMAIN_NAMES)
        raise NoSuchEndpoint(
            f"{where}: the server has no such endpoint, nor any other that lists domains",
            hint="name the domains; its own reference at /Documentation/api lists what it has",
        )
    _check_equal(lists, calls.where(endpoints.DOMAIN_NAMES))
    return tuple(sorted(lists[0]))


async def _listed(calls: Calls, endpoint: Endpoint) -> frozenset[str] | None:
    """The names of one list; None where the server does not have it."""
    where = calls.where(endpoint)
    try:
        answer = await calls.read(endpoint)
    except NoSuchEndpoint:
        return None
    names = list(_names(answer, where))
    complete.distinct(names, where)
    complete.announced(answer, len(names), where)
    return frozenset(names)


def _names(answer: Fields, where: str) -> Iterable[str]:
    data = answer.get("data")
    if isinstance(data, list):
        answer = {"data": [{"name": row} if isinstance(row, str) else row for row in data]}
    return (domain_summary(row, where).name for row in wire.rows(answer, "data", where))


def _check_equal(lists: list[frozenset[str]], where: str) -> None:
    one_sided = sorted(lists[0] ^ lists[-1])
    if one_sided:
        raise IncompleteRead(
            f"{where}: {len(lists[0])} domains, but sysadmin/domains has {len(lists[-1])}; "
            f"{clean(one_sided[0])} is in one of the two only",
            hint="run again; if it stays, name the domains instead of asking for all",
        )
