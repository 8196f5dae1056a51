"""The lists of a domain: mailboxes, aliases, domain aliases, EAS and MAPI accounts; and the list of domains.

Each list is one request, whatever its length.
"""

from collections.abc import Iterable, Mapping

from reconciler.core.errors import IncompleteRead, NoSuchEndpoint
from reconciler.core.model import DomainAlias
from reconciler.smartermail import endpoints
from reconciler.smartermail.calls import Calls
from reconciler.smartermail.codec import complete
from reconciler.smartermail.codec import decode as decode
from reconciler.smartermail.codec.decode_domain import domain_alias_name, domain_summary
from reconciler.smartermail.codec.scalars import Fields, canonical_domain, flag, number
from reconciler.smartermail.endpoints import Endpoint
from reconciler.smartermail.task_group import task_group
from reconciler.smartermail.transport.redact import clean

PAGE = 1000
"""Rows per page of the account search. Some builds return no more (API reference section 5.1 B)."""

MAX_PAGES = 1000
_UNCHANGED = "run the command again; nothing was changed"

_ACTIVATIONS = {
    "eas": (endpoints.EAS, "activeSyncAccounts"),
    "mapi": (endpoints.MAPI, "mapiEwsAccounts"),
}

Rows = dict[str, Fields]
"""Canonical local part -> the row as received."""


async def user_rows(calls: Calls, domain: str) -> Rows:
    """All mailboxes (section 5.1). Raises IncompleteRead if a row is not a mailbox of this domain."""
    where = calls.where(endpoints.USERS, domain)
    try:
        answer = await calls.read(endpoints.USERS, domain)
    except NoSuchEndpoint:
        return await _searched(calls, domain, "users", (decode.USER, decode.DOMAIN_ADMIN))
    found = decode.rows(answer, "userData", where)
    for row in found:
        complete.kind_of_row(row, (decode.USER, decode.DOMAIN_ADMIN), where)
    complete.announced(answer, len(found), where)
    return _by_name(found, domain, where, "userName")


async def alias_rows(calls: Calls, domain: str) -> Rows:
    """All aliases (section 6.1). Raises IncompleteRead if a row is not an alias of this domain."""
    where = calls.where(endpoints.ALIASES, domain)
    try:
        answer = await calls.read(endpoints.ALIASES, domain)
    except NoSuchEndpoint:
        return await _searched(calls, domain, "aliases", (decode.ALIAS,))
    found = decode.rows(answer, "gridInfo", where, null_is_empty=True)
    for row in found:
        complete.kind_of_row(row, (decode.ALIAS,), where)
    complete.announced(answer, len(found), where)
    return _by_name(found, domain, where, "name", "userName")


async def domain_aliases(calls: Calls, domain: str) -> Mapping[str, DomainAlias]:
    """All domain aliases (section 7). Raises IncompleteRead if a row belongs to another domain."""
    where = calls.where(endpoints.DOMAIN_ALIASES, domain)
    found = decode.rows(
        await calls.read(endpoints.DOMAIN_ALIASES, domain), "domainAliasData", where, null_is_empty=True
    )
    for row in found:
        owner = row.get("domainName")
        if isinstance(owner, str) and owner:
            # Only for its check that the row belongs to the domain.
            decode.row_name({"name": f"x@{owner}"}, domain, where, "name")
    names = [domain_alias_name(row, where) for row in found]
    complete.distinct(names, where)
    return {name: DomainAlias(name=name) for name in names}


async def activations(calls: Calls, domain: str, protocol: str) -> dict[str, bool | None]:
    """Mailboxes with EAS or MAPI activation (section 5.9). None: the row does not show whether it is active."""
    endpoint, key = _ACTIVATIONS[protocol]
    where = calls.where(endpoint, domain)
    found = decode.rows(await calls.read(endpoint, domain), key, where)
    by_name = _by_name(found, domain, where, "emailAddress", "userName")
    active = {name: flag(row, "isActive", where) for name, row in by_name.items()}
    return {name: value if isinstance(value, bool) else None for name, value in active.items()}


async def _searched(calls: Calls, domain: str, kind: str, types: tuple[int, ...]) -> Rows:
    """The same list through the account search, page by page. Its rows can be of several kinds and are filtered.

    A page may have fewer rows than requested. Therefore only an empty page or the reported total ends the search.
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
        rows = decode.rows(answer, "results", where)
        # A build that ignores `skip` returns the first page forever.
        if rows and rows == last:
            raise IncompleteRead(f"{where}: the same {len(rows)} rows are returned for each page", hint=_UNCHANGED)
        found += rows
        last = rows
        total = number(answer, "totalCount", where)
        if not rows or (total is not None and len(found) >= total):
            break
    else:
        raise IncompleteRead(f"{where}: more than {len(found)} rows", hint=_UNCHANGED)
    complete.announced(answer, len(found), where)
    # Without a kind, an alias could be taken for a mailbox and be deleted as one.
    if any("accountType" not in row for row in found):
        raise IncompleteRead(f"{where}: a row has no accountType", hint=_UNCHANGED)
    return _by_name([row for row in found if row["accountType"] in types], domain, where, "userName")


def _by_name(found: list[Fields], domain: str, where: str, *keys: str) -> Rows:
    names = [decode.row_name(row, domain, where, *keys) for row in found]
    complete.distinct(names, where)
    return dict(zip(names, found, strict=True))


# The domains of a server. Two endpoints list them, without pages or counts, and are compared with each other.


async def domain_names(calls: Calls) -> tuple[str, ...]:
    """All domains of the server as sorted canonical names; for a customer, only the domain of the account.

    API reference sections 4.1, 4.2 and 4.7. A server may truncate either list without notice. Therefore both are read.
    If the server has only one of them, that one is used, provided that it does not contradict itself.

    Raises:
        IncompleteRead: the two lists differ, a name occurs twice, or an answer reports a higher total.
        Unreachable, RefusedCredentials, UnexpectedAnswer, RefusedByServer: see `reconciler.core.errors`.
    """
    if not calls.is_admin:
        return (canonical_domain(str((await calls.own_domain())["name"])),)
    async with task_group() as group:
        names = group.create_task(_listed(calls, endpoints.DOMAIN_NAMES))
        rows = group.create_task(_listed(calls, endpoints.DOMAINS))
    lists = [found for found in (names.result(), rows.result()) if found is not None]
    if not lists:
        where = calls.where(endpoints.DOMAIN_NAMES)
        raise NoSuchEndpoint(
            f"{where}: the server does not have this endpoint, nor any other that lists domains",
            hint="name the domains in the command; the server lists its endpoints at /Documentation/api",
        )
    _check_equal(lists, calls.where(endpoints.DOMAIN_NAMES))
    return tuple(sorted(lists[0]))


async def _listed(calls: Calls, endpoint: Endpoint) -> frozenset[str] | None:
    """The names of one list; None if the server does not have the endpoint."""
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
    # `domain-names` returns strings, `domains` objects.
    if isinstance(data, list):
        answer = {"data": [{"name": row} if isinstance(row, str) else row for row in data]}
    return (domain_summary(row, where).name for row in decode.rows(answer, "data", where))


def _check_equal(lists: list[frozenset[str]], where: str) -> None:
    one_sided = sorted(lists[0] ^ lists[-1])
    if one_sided:
        raise IncompleteRead(
            f"{where}: {len(lists[0])} domains, but sysadmin/domains has {len(lists[-1])}; "
            f"{clean(one_sided[0])} is in only one of them",
            hint="run the command again; if the error remains, name the domains in the command",
        )
