"""Rings in a directed graph, without recursion: ten thousand names deep is ten thousand loop turns, no stack.

Belongs here: graphs of names in general. What a ring means is said in `semantics_loops`.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence

Edges = Mapping[str, Sequence[str]]
"""From each name to the names that it leads to; a name without edges may be absent."""


def knots(edges: Edges) -> list[tuple[str, ...]]:
    """The strongly connected sets of names in which something goes round, each sorted, sorted among themselves.

    Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1 (1972), with an explicit stack. A
    single name counts only if it leads to itself.
    """
    search = _Search(edges)
    for start in sorted(edges):
        if start not in search.index:
            search.run(start)
    return sorted(search.found)


class _Search:
    """The state of one search: when each name was met, the earliest name it reaches, and the open ones."""

    def __init__(self, edges: Edges) -> None:
        self.edges = edges
        self.index: dict[str, int] = {}
        self.low: dict[str, int] = {}
        self.open: list[str] = []
        self.is_open: set[str] = set()
        self.found: list[tuple[str, ...]] = []

    def run(self, start: str) -> None:
        work: list[tuple[str, Iterator[str]]] = [self._enter(start)]
        while work:
            name, rest = work[-1]
            for following in rest:
                if following not in self.index:
                    work.append(self._enter(following))
                    break
                if following in self.is_open:
                    self.low[name] = min(self.low[name], self.index[following])
            else:
                work.pop()
                if work:
                    before = work[-1][0]
                    self.low[before] = min(self.low[before], self.low[name])
                if self.low[name] == self.index[name]:
                    self._close(name)

    def _enter(self, name: str) -> tuple[str, Iterator[str]]:
        self.index[name] = self.low[name] = len(self.index)
        self.open.append(name)
        self.is_open.add(name)
        return name, iter(self.edges.get(name, ()))

    def _close(self, name: str) -> None:
        members: list[str] = []
        while not members or members[-1] != name:
            members.append(self.open.pop())
        self.is_open.difference_update(members)
        if len(members) > 1 or name in self.edges.get(name, ()):
            self.found.append(tuple(sorted(members)))


def ring(edges: Edges, members: Collection[str], start: str) -> tuple[str, ...]:
    """A shortest way from `start` back to itself inside a knot, `start` first and not repeated at the end.

    Raises:
        ValueError: `start` is not in a knot of these members.
    """
    inside = set(members)
    before: dict[str, str] = {}
    queue = deque([start])
    while queue:
        name = queue.popleft()
        for following in edges.get(name, ()):
            if following == start:
                way = [name]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return tuple(reversed(way))
            if following in inside and following not in before:
                before[following] = name
                queue.append(following)
    raise ValueError(f"nothing leads from {start} back to itself")
