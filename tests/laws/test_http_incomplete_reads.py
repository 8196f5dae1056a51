"""Law 10 against the HTTP sandbox: no write follows an incomplete read, for any answer."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stamina
from domain_builders import DOMAIN
from http_world import HttpWorld, start, stop
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st
from law_strategies import Situation, situations
from lying_proxy import LyingProxy

from reconciler.app.apply.run import ApplyResult
from reconciler.app.exits import Exit
from reconciler.core.model import KindName

few = settings(deadline=None, max_examples=9, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
LISTS: dict[str, tuple[str, str, KindName]] = {
    "GET settings/domain/list-users": ("userData", "userCount", "mailbox"),
    "GET settings/domain/aliases": ("gridInfo", "aliasCount", "alias"),
    "GET settings/domain/domain-aliases": ("domainAliasData", "domainAliasCount", "domainAlias"),
}
Lie = Callable[[str, Any, bytes], tuple[int, Any] | None]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    made = start(tmp_path_factory.mktemp("incomplete"))
    with stamina.set_testing(True, attempts=4, cap=True):
        yield made
    stop(made)


@pytest.fixture(scope="module")
def proxied(world: HttpWorld) -> Iterator[LyingProxy]:
    proxy = LyingProxy(world.url)
    yield proxy
    proxy.close()


def through(proxy: LyingProxy, world: HttpWorld, there: Situation, lie: Lie) -> ApplyResult:
    """An apply with false answers: the domain is read through the proxy, and created without it."""
    direct, world.url = world.url, proxy.url
    proxy.lie, proxy.changed = lie, 0
    try:
        return world.apply(there, world.begin(there))
    finally:
        world.url = direct


def check_nothing_was_written(world: HttpWorld, done: ApplyResult) -> None:
    (made,) = done.plans
    assert not made.complete
    assert (made.changes, done.outcomes, done.converged) == ((), {}, False)
    assert done.exit_code in (Exit.REFUSED, Exit.UNREACHABLE)
    assert world.writes() == []


def removable(path: str, rows: list[dict[str, Any]]) -> list[int]:
    """The rows that can be missing; the primary administrator is found without the list."""
    return [n for n, row in enumerate(rows) if not row.get("isPrimaryDomainAdmin")]


@few
@given(situations(), st.sampled_from(sorted(LISTS)), st.data())
def test_missing_rows_of_a_list_stop_the_domain(
    world: HttpWorld, proxied: LyingProxy, there: Situation, path: str, data: st.DataObject
) -> None:
    world.load(there.current)
    key = LISTS[path][0]
    attribution = data.draw(st.floats(0, 1), label="share")

    def lie(asked: str, answer: Any, body: bytes) -> tuple[int, Any] | None:
        rows = answer.get(key) if asked == path and answer else None
        out = removable(path, rows or [])
        if not out:
            return None
        gone = set(out[: max(1, int(attribution * len(out)))])
        return 200, {**answer, key: [row for n, row in enumerate(rows or []) if n not in gone]}

    done = through(proxied, world, there, lie)
    if set(there.current.section(LISTS[path][2])) - {"admin"}:
        check_nothing_was_written(world, done)
    elif proxied.changed:  # Before the apply no row could be missing, so the last read is the incomplete one.
        event("the last read is incomplete")
        assert (done.converged, done.exit_code) == (False, Exit.PARTIAL)
        assert not done.left[0].complete


@few
@given(situations(), st.sampled_from(sorted(LISTS)), st.integers(1, 500))
def test_a_server_that_counts_more_than_it_lists_stops_the_domain(
    world: HttpWorld, proxied: LyingProxy, there: Situation, path: str, more: int
) -> None:
    world.load(there.current)
    count = LISTS[path][1]

    def lie(asked: str, answer: Any, body: bytes) -> tuple[int, Any] | None:
        if asked != "GET settings/domain/data":
            return None
        data = answer["domainData"]
        return 200, {**answer, "domainData": {**data, count: data[count] + more}}

    check_nothing_was_written(world, through(proxied, world, there, lie))


BROKEN: dict[str, Callable[[dict[str, Any], str, list[dict[str, Any]]], Any]] = {
    "half of the bytes": lambda answer, key, rows: json.dumps(answer).encode()[: len(json.dumps(answer)) // 2],
    "a page of HTML": lambda answer, key, rows: b"<html><body>Please try again later</body></html>",
    "an empty object": lambda answer, key, rows: {"success": True},
    "no object": lambda answer, key, rows: [],
    "a text for the list": lambda answer, key, rows: {**answer, key: "none"},
    "an object for the list": lambda answer, key, rows: {**answer, key: {"0": {}}},
    "rows that are no objects": lambda answer, key, rows: {**answer, key: [*rows, 7]},
    "a row without a name": lambda answer, key, rows: {**answer, key: [*rows, {}]},
    "a row twice": lambda answer, key, rows: {**answer, key: [*rows, rows[0]]},
    "a row in other letters": lambda answer, key, rows: {**answer, key: [*rows, _shouted(rows[0])]},
    "a row of another domain": lambda answer, key, rows: {**answer, key: [*rows, _foreign(rows[0])]},
    "a refusal": lambda answer, key, rows: {"success": False, "message": "no"},
}


def _shouted(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v.upper() if isinstance(v, str) and k != "domainName" else v for k, v in row.items()}


def _foreign(row: dict[str, Any]) -> dict[str, Any]:
    name = {k: "zz@other.example" for k in ("userName", "name", "emailAddress") if k in row}
    return {**row, **name, "domainName": "other.example"}


@few
@given(situations(), st.sampled_from(sorted(LISTS)), st.sampled_from(sorted(BROKEN)))
def test_a_list_of_another_domain_stops_the_domain(
    world: HttpWorld, proxied: LyingProxy, there: Situation, path: str, how: str
) -> None:
    world.load(there.current)
    key = LISTS[path][0]

    def lie(asked: str, answer: Any, body: bytes) -> tuple[int, Any] | None:
        rows = answer.get(key) if asked == path and answer else None
        if asked != path or (not rows and "row" in how):
            return None
        return 200, BROKEN[how](answer, key, rows or [])

    assume("row" not in how or there.current.section(LISTS[path][2]))
    check_nothing_was_written(world, through(proxied, world, there, lie))


@few
@given(situations(), st.sampled_from(["sister.example", "", None]))
def test_an_answer_for_another_domain_stops_the_domain(
    world: HttpWorld, proxied: LyingProxy, there: Situation, name: str | None
) -> None:
    world.load(there.current)

    def lie(asked: str, answer: Any, body: bytes) -> tuple[int, Any] | None:
        if asked != "GET settings/domain/data":
            return None
        return 200, {**answer, "domainData": {**answer["domainData"], "name": name}}

    check_nothing_was_written(world, through(proxied, world, there, lie))


@few
@given(
    situations(),
    st.sampled_from(["empty-list", "500", "502", "503", "html", "truncated-json", "drop-before", "drop-mid-body"]),
    st.sampled_from(["list-users", "domain/aliases", "domain-aliases", "domain/data"]),
)
def test_faults_of_the_network_at_any_list_stop_the_domain(
    world: HttpWorld, there: Situation, fault: str, path: str
) -> None:
    world.load(there.current)
    state = world.state()
    counted = {"list-users": 1, "domain/aliases": len(state["aliases"]), "domain-aliases": len(state["domainAliases"])}
    assume(fault != "empty-list" or counted.get(path))
    world.fault(fault, path=path + "$", method="GET", times=-1)
    done = world.apply(there, world.begin(there))
    check_nothing_was_written(world, done)
    assert world.state() == state


def test_the_domain_of_the_test_is_complete(world: HttpWorld, proxied: LyingProxy) -> None:
    """With true answers the same code does write, so the tests above can fail."""

    @settings(deadline=None, max_examples=4, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(situations())
    def with_true_answers(there: Situation) -> None:
        world.load(there.current)
        done = through(proxied, world, there, lambda asked, answer, body: None)
        assert done.converged
        assert bool(world.writes()) is any(p.changes for p in done.plans)
        assert {r["domain"] for r in world.log() if r["write"] and r["domain"]} <= {DOMAIN}

    with_true_answers()
