"""The router: finds the route of a path in any case, with trailing or double slashes and encoded segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from reconciler.sandbox.call import Route


@dataclass(slots=True)
class _Node:
    literal: dict[str, _Node] = field(default_factory=dict)
    param: _Node | None = None
    tail: dict[str, Route] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)


class Router:
    """Finds the route of a path under `/api/v1/`. A final `{name...}` matches the rest of the path."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for part in route.pattern.split("/"):
            if part.endswith("...}"):
                node.tail.update(dict.fromkeys(route.methods.split(), route))
                return
            if part.startswith("{"):
                node.param = node.param or _Node()
                node = node.param
            else:
                node = node.literal.setdefault(part.lower(), _Node())
        for method in route.methods.split():
            # Two routes with one pattern would depend on the order of the table.
            assert method not in node.routes, f"{method} {route.pattern} is in the table twice"
            node.routes[method] = route

    def find(self, path: str) -> tuple[dict[str, Route], list[str]]:
        """The routes by method of a percent-encoded path (empty if unknown), and its decoded segments."""
        parts = [unquote(part) for part in path.split("/") if part]
        return self._walk(self._root, parts, 0), parts

    def _walk(self, node: _Node, parts: list[str], at: int) -> dict[str, Route]:
        if at == len(parts):
            return node.routes
        # A literal segment has priority over a parameter, unless its branch leads nowhere.
        following = node.literal.get(parts[at].lower())
        if following is not None:
            found = self._walk(following, parts, at + 1)
            if found:
                return found
        if node.param is not None:
            found = self._walk(node.param, parts, at + 1)
            if found:
                return found
        return node.tail


def params_of(route: Route, parts: Sequence[str]) -> dict[str, str]:
    """The path parameters of a matched route."""
    found = {}
    for place, part in enumerate(route.pattern.split("/")):
        if part.endswith("...}"):
            found[part[1:-4]] = "/".join(parts[place:])
        elif part.startswith("{"):
            found[part[1:-1]] = parts[place]
    return found
