"""The order of changes: a name is freed before it is used again, a target is created before something refers to it.

Changes without a dependency between them are sorted by level, kind and name, so that the order is deterministic.
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
_REQUIRED, _TARGET, _TIDY = 0, 1, 2
"""The priority of a dependency. REQUIRED: a name or activation that is used twice is an error. TARGET: the server may
reject a target that does not exist yet. TIDY: a target that is deleted a moment before its alias is updated does no
harm. A cycle is broken at its dependency with the highest number."""

Edges = dict[str, dict[str, int]]
"""Key of a change -> key of the change that it needs first -> priority."""


def sort_changes(changes: Iterable[Change], current: CurrentDomain, room: Mapping[KindName, int]) -> tuple[Change, ...]:
    """The sorted changes, each with the keys of the changes on which it depends.

    Args:
        changes: of one domain, in any order; their keys are unique.
        current: the state before.
        room: kind -> how many more resources of the kind the server accepts now; absent = enough.
    """
    listed = list(changes)
    by_key = {c.key: c for c in listed}
    assert len(by_key) == len(listed), "two changes of one resource"
    # Levels alone are not enough: a creation may need a name or the room that a deletion of a later level frees.
    edges: Edges = defaultdict(dict)
    _names(by_key, edges)
    _targets(by_key, edges, current)
    _limits(by_key, edges, room)
    return _sorted(by_key, edges)


def _need(edges: Edges, change: str, first: str, priority: int) -> None:
    # A change never waits for itself, e.g. an alias with itself as a target. The strongest priority of a pair wins.
    if change != first:
        edges[change][first] = min(priority, edges[change].get(first, priority))


def _names(by_key: Mapping[str, Change], edges: Edges) -> None:
    """One mailbox or alias at a time has a name. A renamed resource is updated under its new name."""
    freed = {c.name: c.key for c in by_key.values() if c.action in ("delete", "rename") and c.kind != "domainAlias"}
    renamed = {(c.kind, c.new_name): c.key for c in by_key.values() if c.action == "rename"}
    for change in by_key.values():
        taken = change.new_name if change.action == "rename" else change.name
        if change.action in ("create", "rename") and change.kind != "domainAlias" and taken in freed:
            _need(edges, change.key, freed[taken], _REQUIRED)
        if change.action == "update" and (change.kind, change.name) in renamed:
            _need(edges, change.key, renamed[change.kind, change.name], _REQUIRED)


def _targets(by_key: Mapping[str, Change], edges: Edges, current: CurrentDomain) -> None:
    """A target is created before resources refer to it, and deleted after they stopped referring to it."""
    appears: dict[str, str] = {}
    for change in by_key.values():
        if change.action in ("create", "rename") and change.kind != "domainAlias":
            appears[f"{change.new_name or change.name}@{change.domain}"] = change.key
    # Until a domain alias exists, the server sends mail for it to the outside.
    hosts = {c.name: c.key for c in by_key.values() if c.action == "create" and c.kind == "domainAlias"}
    deleted = {c.address: c.key for c in by_key.values() if c.action == "delete" and c.kind == "mailbox"}
    for change in by_key.values():
        before = _targets_now(change, current)
        after = {t for f in change.fields if isinstance(f.after, tuple) for t in f.after}
        # Only new targets must exist first: the server accepted the old ones before.
        for target in sorted(after - before):
            host = split_address(target)[1]
            if target in appears:
                _need(edges, change.key, appears[target], _TARGET)
            if host in hosts:
                _need(edges, change.key, hosts[host], _TARGET)
        for target in sorted(before):
            if target in deleted and (change.action == "delete" or target not in after):
                _need(edges, deleted[target], change.key, _TIDY)


def _targets_now(change: Change, current: CurrentDomain) -> set[str]:
    """The current targets of a change's resource, as far as the change affects them."""
    if change.action == "delete" and change.kind == "alias":
        alias = current.aliases.get(change.name)
        return set() if alias is None or isinstance(alias.targets, Unset) else set(alias.targets)
    return {t for f in change.fields if isinstance(f.before, tuple) for t in f.before}


def _limits(by_key: Mapping[str, Change], edges: Edges, room: Mapping[KindName, int]) -> None:
    """If a limit leaves too little room, deletions come before creations of that kind."""
    for kind, free in room.items():
        created = sorted(c.key for c in by_key.values() if c.action == "create" and c.kind == kind)
        deleted = sorted(c.key for c in by_key.values() if c.action == "delete" and c.kind == kind)
        # The first creations use the free room. Each further one waits for one deletion, not for all of them, so that
        # a failed deletion stops as few changes as possible.
        for n, key in enumerate(created[max(free, 0) :]):
            if n < len(deleted):
                _need(edges, key, deleted[n], _REQUIRED)


def _sorted(by_key: Mapping[str, Change], edges: Edges) -> tuple[Change, ...]:
    """Kahn's algorithm with a heap. If only cycles are left, one of them gives up its weakest dependency."""
    # `waiting` loses dependencies as they are fulfilled; `kept` has those that the result reports.
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
            key, other = _weakest_of_a_cycle(waiting)
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


def _weakest_of_a_cycle(waiting: Mapping[str, Mapping[str, int]]) -> tuple[str, str]:
    """The dependency to give up, as (change, needed change). Every waiting change must wait for another one."""
    # Every change has a waiting predecessor, so following them from any start must reach a change for the second time.
    path: dict[str, int] = {}
    key = min(waiting)
    while key not in path:
        path[key] = len(path)
        key = min(waiting[key])
    cycle = list(path)[path[key] :]
    pairs = zip(cycle, [*cycle[1:], cycle[0]], strict=True)
    # The pair itself breaks ties, so that equal plans have the same order.
    return max(pairs, key=lambda pair: (waiting[pair[0]][pair[1]], pair))


def _rank(change: Change) -> tuple[int, str, str, str]:
    return (_LEVELS[change.action, change.kind], change.kind, change.name, change.key)
