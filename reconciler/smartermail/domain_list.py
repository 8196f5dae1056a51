"""The domains of a server. Two endpoints list them, without pages or counts: each is held against the other."""

from collections.abc import Iterable

from reconciler.core.errors import IncompleteRead
from reconciler.smartermail import complete, endpoints, wire
from reconciler.smartermail.calls import Calls, NoSuchEndpoint
from reconciler.smartermail.endpoints import Endpoint
from reconciler.smartermail.redact import clean
from reconciler.smartermail.scalars import Fields, canonical_domain
from reconciler.smartermail.together import together
from reconciler.smartermail.wire_domain import domain_summary


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
