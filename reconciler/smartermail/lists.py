"""The lists of a domain: mailboxes, aliases, domain aliases, seats. Each is one request, whatever its length."""

from collections.abc import Mapping

from reconciler.core.errors import IncompleteRead
from reconciler.core.model import DomainAlias
from reconciler.smartermail import complete, endpoints, wire
from reconciler.smartermail.calls import Calls, NoSuchEndpoint
from reconciler.smartermail.scalars import Fields, flag, number
from reconciler.smartermail.wire_domain import domain_alias_name

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
