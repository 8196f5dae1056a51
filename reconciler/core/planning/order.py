"""The order of changes: what must be free before it is taken, and there before it is named.

Within what the dependencies allow, changes are sorted by level, kind and name, so the order is always the same.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.core.model import CurrentDomain, KindName, Unset
from reconciler.core.names import split_address
from reconciler.core.plan import Action, Change

_LEVELS: dict[tuple[Action, KindName], int] = {
    ("delete", "domainAlias"): 0,
    ("delete", "alias"): 1,
    ("rename", "mailbox"): 2,
    ("rename", "alias"): 2,
    ("update", "mailbox"): 3,
    ("create", "mailbox"): 4,
    ("update", "alias"): 5,
    ("create", "alias"): 5,
    ("delete", "mailbox"): 6,
    ("create", "domainAlias"): 7,
}
_HARD, _NAMED, _TIDY = 0, 1, 2
"""How firm a dependency is: a name or seat taken twice is an error; a target that is named before it exists may be
refused; a target that is gone a moment before its alias forgets it costs nothing. A ring is broken at the weakest."""

Edges = dict[str, dict[str, int]]
"""Change -> what it needs first -> how firmly."""


def sort_changes(
    changes: Iterable[Change], current: CurrentDomain, activations: Mapping[KindName, int]
) -> tuple[Change, ...]:
    """The changes, sorted, each with the keys that it depends on.

    Args:
        changes: of one domain, in any order; their keys are unique.
        current: the state before.
        activations: per kind, how many more of it the server will take now; absent = enough.
    """
    listed = list(changes)
    by_key = {c.key: c for c in listed}
    assert len(by_key) == len(listed), "two changes of one resource"
    edges: Edges = defaultdict(dict)
    _names(by_key, edges)
    _targets(by_key, edges, current)
    _activations(by_key, edges, activations)
    return _sorted(by_key, edges)


def _need(edges: Edges, change: str, first: str, firmness: int) -> None:
    if change != first:
        edges[change][first] = min(firmness, edges[change].get(first, firmness))


def _names(by_key: Mapping[str, Change], edges: Edges) -> None:
    """A name serves one mailbox or alias; a renamed resource is updated under its new name."""
    freed = {c.name: c.key for c in by_key.values() if c.action in ("delete", "rename") and c.kind != "domainAlias"}
    renamed = {(c.kind, c.new_name): c.key for c in by_key.values() if c.action == "rename"}
    for change in by_key.values():
        taken = change.new_name if change.action == "rename" else change.name
        if change.action in ("create", "rename") and change.kind != "domainAlias" and taken in freed:
            _need(edges, change.key, freed[taken], _HARD)
        if change.action == "update" and (change.kind, change.name) in renamed:
            _need(edges, change.key, renamed[change.kind, change.name], _HARD)


def _targets(by_key: Mapping[str, Change], edges: Edges, current: CurrentDomain) -> None:
    """What is named must be there first; what is to go must be forgotten first."""
    appears: dict[str, str] = {}
    for change in by_key.values():
        if change.action in ("create", "rename") and change.kind != "domainAlias":
            appears[f"{change.new_name or change.name}@{change.domain}"] = change.key
    # Until a domain alias is there, mail to it leaves the server.
    hosts = {c.name: c.key for c in by_key.values() if c.action == "create" and c.kind == "domainAlias"}
    goes = {c.address: c.key for c in by_key.values() if c.action == "delete" and c.kind == "mailbox"}
    for change in by_key.values():
        before = _named_now(change, current)
        after = {t for f in change.fields if isinstance(f.after, tuple) for t in f.after}
        for target in sorted(after - before):
            host = split_address(target)[1]
            if target in appears:
                _need(edges, change.key, appears[target], _NAMED)
            if host in hosts:
                _need(edges, change.key, hosts[host], _NAMED)
        for target in sorted(before):
            if target in goes and (change.action == "delete" or target not in after):
                _need(edges, goes[target], change.key, _TIDY)


def _named_now(change: Change, current: CurrentDomain) -> set[str]:
    """The addresses that the resource of a change points at now, as far as the change touches them."""
    if change.action == "delete" and change.kind == "alias":
        alias = current.aliases.get(change.name)
        return set() if alias is None or isinstance(alias.targets, Unset) else set(alias.targets)
    return {t for f in change.fields if isinstance(f.before, tuple) for t in f.before}


def _activations(by_key: Mapping[str, Change], edges: Edges, activations: Mapping[KindName, int]) -> None:
    """Where a limit leaves too few seats, deletions come before creations of that kind."""
    for kind, free in activations.items():
        created = sorted(c.key for c in by_key.values() if c.action == "create" and c.kind == kind)
        deleted = sorted(c.key for c in by_key.values() if c.action == "delete" and c.kind == kind)
        for n, key in enumerate(created[max(free, 0) :]):
            if n < len(deleted):
                _need(edges, key, deleted[n], _HARD)


def _sorted(by_key: Mapping[str, Change], edges: Edges) -> tuple[Change, ...]:
    """Kahn's algorithm with a heap; where only rings are left, one gives up its weakest dependency."""
    waiting = {key: dict(edges.get(key, {})) for key in by_key}
    kept = {key: set(first) for key, first in waiting.items()}
    needed_by: dict[str, list[str]] = defaultdict(list)
    for key, first in waiting.items():
        for other in first:
            needed_by[other].append(key)
    ready = [_rank(by_key[key]) for key, first in waiting.items() if not first]
    heapq.heapify(ready)
    done: list[str] = []
    while waiting:
        while not ready:
            key, other = _weakest_of_a_ring(waiting)
            del waiting[key][other]
            kept[key].remove(other)
            if not waiting[key]:
                ready.append(_rank(by_key[key]))
        key = heapq.heappop(ready)[-1]
        del waiting[key]
        done.append(key)
        for other in needed_by[key]:
            if other in waiting and waiting[other].pop(key, None) is not None and not waiting[other]:
                heapq.heappush(ready, _rank(by_key[other]))
    return tuple(replace(by_key[key], depends_on=tuple(sorted(kept[key]))) for key in done)


def _weakest_of_a_ring(waiting: Mapping[str, Mapping[str, int]]) -> tuple[str, str]:
    """The dependency to give up, where everything that waits waits for something else that waits: (change, needed)."""
    path: dict[str, int] = {}
    key = min(waiting)
    while key not in path:
        path[key] = len(path)
        key = min(waiting[key])
    ring = list(path)[path[key] :]
    pairs = zip(ring, [*ring[1:], ring[0]], strict=True)
    return max(pairs, key=lambda pair: (waiting[pair[0]][pair[1]], pair))


def _rank(change: Change) -> tuple[int, str, str, str]:
    return (_LEVELS[change.action, change.kind], change.kind, change.name, change.key)
