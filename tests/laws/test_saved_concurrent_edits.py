"""Out-of-band edits between plan and apply: a stale object is never changed, and an unchanged one is."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from domain_builders import DOMAIN
from fake_run import run
from fake_server import FakeServer
from fake_state import ALIAS_DEFAULTS, MAILBOX_DEFAULTS, FakeDomain, Killed
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from law_strategies import FREE, FRESH, NAMES, SISTERS, Situation, situations
from saved_world import SavedWorld

from reconciler.core.kinds import BY_NAME
from reconciler.core.model import CurrentDomain, Resource, Unset
from reconciler.core.ownership import administers
from reconciler.core.plan import Change, Plan, Result
from reconciler.core.ports import ReadScope
from reconciler.engine.observe import observe

Key = tuple[str, str]
WHOLE = [*NAMES, *FRESH, "chief"]


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"PW": "N3w-secret-of-a-box"}):
        yield Path(folder)


@st.composite
def edits(draw: Any) -> list[tuple[Any, ...]]:
    """An edit on the server between plan and apply."""
    name = st.sampled_from(WHOLE)
    values = {
        "displayName": st.sampled_from(["", "Alice", "Mallory"]),
        "quota": st.sampled_from([0, 1 << 20, 7]),
        "enabled": st.booleans(),
        "forwarding.to": st.sampled_from([[], ["thief@else.example"]]),
        "eas": st.booleans(),
        "to": st.sampled_from([[], ["thief@else.example"]]),
        "hideFromGal": st.booleans(),
    }
    field = st.sampled_from(sorted(values)).flatmap(lambda f: st.tuples(st.just("set"), name, st.just(f), values[f]))
    other = st.tuples(st.sampled_from(["delete", "mailbox", "alias", "admin"]), name)
    renames = st.tuples(st.just("rename"), st.sampled_from(FREE), st.sampled_from([*FREE, *FRESH]))
    sisters = st.tuples(st.just("sister"), st.sampled_from(SISTERS))
    found: list[tuple[Any, ...]] = draw(st.lists(st.one_of(field, field, other, renames, sisters), max_size=4))
    return found


def edit(stored: FakeDomain, done: tuple[Any, ...]) -> None:
    """One edit, if the server has its object."""
    what, name, *rest = done
    stores = (stored.mailboxes, stored.aliases)
    store = next((s for s in stores if name in s), None)
    if what == "sister":
        stored.domain_aliases ^= {name}
    elif what == "set" and store is not None and rest[0] in store[name]:
        store[name][rest[0]] = rest[1]
    elif what == "delete" and store is not None:
        del store[name]
    elif what == "rename" and store is not None and not any(rest[0] in s for s in stores):
        store[rest[0]] = store.pop(name)
    elif what == "mailbox" and store is None:
        stored.mailboxes[name] = dict(MAILBOX_DEFAULTS)
    elif what == "alias" and store is None:
        stored.aliases[name] = dict(ALIAS_DEFAULTS)
    elif what == "admin" and name in stored.facts:
        stored.facts[name] = type(stored.facts[name])(is_admin=True)


def whole(server: FakeServer) -> CurrentDomain:
    """The current domain with all fields read."""
    stored = server.domains[DOMAIN]
    scope = ReadScope(
        forwarding=frozenset(stored.mailboxes), alias_flags=frozenset(stored.aliases), eas=True, mapi=True
    )
    found: CurrentDomain = run(server.read_domain(DOMAIN, scope))
    return found


def objects(seen: CurrentDomain) -> dict[Key, Resource]:
    return {(kind, name): r for kind in BY_NAME for name, r in seen.section(kind).items()}


def is_stale(change: Change, before: Resource | None, now: Resource | None) -> bool:
    """Whether an object changed since the plan, compared value by value from outside."""
    if before is None or now is None:
        return (before is None) is not (now is None)
    wanted = {f.name: f.after for f in change.fields}
    for spec in BY_NAME[change.kind].fields:
        was, value = getattr(before, spec.attribute), getattr(now, spec.attribute)
        if not isinstance(was, Unset) and was != value and not (spec.name in wanted and wanted[spec.name] == value):
            return True
    return administers(before) != administers(now)


def sources(made: Plan) -> dict[Key, Key]:
    """The object of each update, under its old name if the plan renames it."""
    old = {(c.kind, c.new_name): (c.kind, c.name) for c in made.changes if c.action == "rename"}
    return {(c.kind, c.name): old.get((c.kind, c.name), (c.kind, c.name)) for c in made.changes if c.action == "update"}


@settings(deadline=None, max_examples=150)
@given(there=situations(), done=edits())
def test_a_stale_object_is_never_changed_and_an_unchanged_one_is_never_refused_itself(
    root: Path, there: Situation, done: list[tuple[Any, ...]]
) -> None:
    server, journal = there.server(), there.journal()
    planned = run(observe(server, there.desired))
    made = there.plan_from(planned, journal)
    assume(made.changes and not made.refused)
    world = SavedWorld(Path(tempfile.mkdtemp(dir=root)), there, server)
    saved = world.load(world.save(made))
    for one in done:
        edit(server.domains[DOMAIN], one)
    was, now = objects(planned), objects(whole(server))
    passwords = deepcopy(server.domains[DOMAIN].passwords)
    writes, sister = server.writes, deepcopy(server.domains["sister.example"])
    result = world.apply(saved)
    after = objects(whole(server))
    event(f"agreed={result.agreed} exit={result.exit_code}")
    assert server.domains["sister.example"] == sister
    if not result.agreed:
        assert (server.writes, after) == (writes, now)
        return
    outcomes = {o.change.key: o for o in result.outcomes[DOMAIN]}
    assert outcomes.keys() == {c.key for c in made.changes}
    from_ = sources(made)
    touched: set[Key] = set()
    for change in made.changes:
        key = (change.kind, change.name)
        source = from_.get(key, key)
        if key in now and source not in now:
            source = key
        outcome = outcomes[change.key]
        planned_object = was.get(from_.get(key, key))
        if is_stale(change, planned_object, now.get(source)):
            event("stale")
            assert outcome.result in (Result.REFUSED, Result.SKIPPED), (change, outcome)
        elif outcome.result is Result.REFUSED:
            assert "depends on" in outcome.detail or "has the name" in outcome.detail, outcome
        if outcome.result in (Result.APPLIED, Result.FAILED):
            touched |= {key, source, (change.kind, change.new_name or change.name)}
    untouched = now.keys() - touched
    assert {k: after.get(k) for k in untouched} == {k: now[k] for k in untouched}
    assert after.keys() - now.keys() <= touched
    stored = server.domains[DOMAIN].passwords
    assert {n for n in stored if stored[n] != passwords.get(n)} <= {name for kind, name in touched if kind == "mailbox"}
    assert result.converged is all(o.result in (Result.APPLIED, Result.SKIPPED) for o in outcomes.values())


@settings(deadline=None, max_examples=40)
@given(there=situations())
def test_an_undisturbed_saved_plan_has_the_effect_of_an_apply_and_none_the_second_time(
    root: Path, there: Situation
) -> None:
    server, other = there.server(), there.server()
    made = there.plan_on(server, there.journal())
    assume(made.changes and not made.refused)
    world = SavedWorld(Path(tempfile.mkdtemp(dir=root)), there, server)
    path = world.save(made)
    first = world.apply(world.load(path))
    assert (first.exit_code, first.converged) == (0, True), first.outcomes
    there.apply_to(other, there.journal())
    assert objects(whole(server)) == objects(whole(other))
    writes = server.writes
    second = world.apply(world.load(path))
    results = {o.result for o in second.outcomes[DOMAIN]}
    assert results <= {Result.SKIPPED, Result.APPLIED}
    set_again = [o.change for o in second.outcomes[DOMAIN] if o.result is Result.APPLIED]
    assert all(c.password for c in set_again), "only a password that no journal knows is set again"
    assert server.writes - writes <= 2 * len(set_again) + 2 * bool(set_again)
    assert objects(whole(server)) == objects(whole(other))


@settings(deadline=None, max_examples=40)
@given(
    there=situations(), when=st.integers(1, 8), how=st.sampled_from(["kill before", "kill after", "refuse", "ignore"])
)
def test_after_a_kill_or_a_failure_the_same_plan_continues_and_nothing_is_done_twice(
    root: Path, there: Situation, when: int, how: Any
) -> None:
    server = there.server()
    made = there.plan_on(server, there.journal())
    assume(made.changes and not made.refused)
    world = SavedWorld(Path(tempfile.mkdtemp(dir=root)), there, server)
    path = world.save(made)
    server.faults = {server.writes + when: how}
    with contextlib.suppress(Killed):
        world.apply(world.load(path))
    server.faults = {}
    before = server.log.copy()
    second = world.apply(world.load(path))
    again = [entry for entry in server.log[len(before) :] if entry[0].startswith(("create", "delete", "rename"))]
    done = [entry for entry in before if entry[0].startswith(("create", "delete", "rename"))]
    if how == "kill after":
        assert not set(again) & set(done)
    # Also created mailboxes without their activations yet: the journal distinguishes them from those of other people.
    assert {o.result for o in second.outcomes[DOMAIN]} <= {Result.APPLIED, Result.SKIPPED}
    there.apply_to(server, there.journal())
    left = there.plan_on(server, there.journal()).changes
    assert [c for c in left if any(not f.sensitive for f in c.fields) or c.action != "update"] == []
