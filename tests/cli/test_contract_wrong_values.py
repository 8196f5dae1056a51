"""Any wrong value in a domain file gives a diagnostic and never a crash."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from reconciler.config.workspace import load_configuration
from reconciler.core.diagnostics import has_errors
from reconciler.sandbox import Endpoint

DOMAIN = yaml.safe_load(
    """
    apiVersion: reconciler/v1
    kind: Domain
    domain: example.com
    product: standard
    server: mail1
    mailboxes:
      alice: {displayName: A, quota: 5 GiB, password: {env: NO_SUCH, version: 2}, forwarding: {to: [bob], keepCopy: true}}
      bob: {}
    aliases:
      sales: {displayName: S, to: [alice, nobody, partner@elsewhere.example]}
      info: [alice, info]
    domainAliases: [example.ca, example.com]
    removed: {mailboxes: [carol, alice], aliases: [old, info], domainAliases: [example.org]}
    renamed: {mailboxes: {robert: bob}, aliases: {a: b}}
    dns: {spf: {primary: "include:x.example"}}
    """
)
WRONG: tuple[Any, ...] = (None, 5, "", [None], {"a": None}, [{"a": {"purgeAfter": "x"}}])


def _paths(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in children:
        yield from _paths(value, (*at, key))


def _with(path: tuple[Any, ...], value: Any) -> Any:
    document = copy.deepcopy(DOMAIN)
    node = document
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return document


def test_a_wrong_value_at_any_path_gives_a_diagnostic_with_its_location(
    workspace: Callable[..., Any], long_run: bool
) -> None:
    """The sample has two of the wrong values at each path, the long run all."""
    step = 1 if long_run else 3
    place = workspace(Endpoint(url="http://127.0.0.1:9", dns="127.0.0.1:9", username="u", password="p"))
    file = place.root / "domains" / "example.com.yaml"
    file.parent.mkdir()
    for number, path in enumerate(_paths(DOMAIN)):
        for value in WRONG[number % step :: step]:
            file.write_text(yaml.safe_dump(_with(path, value)), "utf-8")
            config = load_configuration(place.root)
            assert has_errors(config.diagnostics), (path, value)
            assert all(d.span for d in config.diagnostics), (path, value)
