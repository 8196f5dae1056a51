"""Laws 7 and 8: after a failure or a kill, a second run finishes the work, and nothing is done twice."""

from collections import Counter

import pytest
from domain_builders import DOMAIN
from fake_server import FakeServer
from fake_state import Killed
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from law_strategies import Situation, situations

from reconciler.core.plan import Plan, Result

ONCE = ("create", "delete", "rename")


def undisturbed(there: Situation) -> FakeServer:
    """A server after a run without faults."""
    server = there.server()
    there.apply_to(server, there.journal())
    return server


def dependants(made: Plan, failed: set[str]) -> set[str]:
    """The changes that depend on these, directly or not; one pass in the plan's order is enough."""
    found: set[str] = set()
    for change in made.changes:
        if {*failed, *found} & set(change.depends_on):
            found.add(change.key)
    return found


def once(server: FakeServer) -> Counter[tuple[str, str]]:
    """How often each resource was created, deleted or renamed."""
    return Counter((method, name) for method, _, name in server.written() if method.startswith(ONCE))


@settings(deadline=None, max_examples=150)
@given(situations(tight_limits=False), st.data())
def test_law_7_a_failure_leaves_its_dependants_untried_and_the_rest_done_and_a_second_run_finishes(
    there: Situation, data: st.DataObject
) -> None:
    ideal = undisturbed(there)
    assume(ideal.writes)
    server, journal = there.server(), there.journal()
    k = data.draw(st.integers(1, ideal.writes), label="the write that is refused")
    server.faults = {k: "refuse"}
    made, outcomes = there.apply_to(server, journal)
    results = {o.change.key: o.result for o in outcomes}
    failed = {key for key, result in results.items() if result is Result.FAILED}
    assert failed
    assert {o.detail for o in outcomes if o.result is Result.FAILED} == {"the server says no"}
    if ideal.written()[k - 1][0] == "set_activations":
        assert Result.NOT_TRIED not in results.values()
    else:
        (key,) = failed
        untried = dependants(made, failed)
        assert {k for k, r in results.items() if r is Result.NOT_TRIED} == untried
        before = [c.key for c in made.changes][: [c.key for c in made.changes].index(key)]
        assert {results[k] for k in before} <= {Result.APPLIED}
    _, second = there.apply_to(server, journal)
    assert [(o.change.key, o.detail) for o in second if o.result is not Result.APPLIED] == []
    assert server.domains == ideal.domains
    assert there.plan_on(server, journal).changes == ()


@settings(deadline=None, max_examples=200)
@given(situations(), st.data())
def test_law_8_killed_at_any_write_a_second_run_reaches_the_undisturbed_state(
    there: Situation, data: st.DataObject
) -> None:
    ideal = undisturbed(there)
    assume(ideal.writes)
    server, journal = there.server(), there.journal()
    k = data.draw(st.integers(1, ideal.writes), label="the write")
    server.faults = {k: data.draw(st.sampled_from(["kill before", "kill after"]), label="when")}
    with pytest.raises(Killed):
        there.apply_to(server, journal)
    assert (
        server.domains[DOMAIN].mailboxes.keys()
        >= there.current.mailboxes.keys() & ideal.domains[DOMAIN].mailboxes.keys()
    )
    assert (
        server.domains[DOMAIN].domain_aliases
        >= set(there.current.domain_aliases) & ideal.domains[DOMAIN].domain_aliases
    )
    _, outcomes = there.apply_to(server, journal)
    assert [(o.change.key, o.detail) for o in outcomes if o.result is not Result.APPLIED] == []
    assert server.domains == ideal.domains
    assert once(server) == once(ideal)
    assert there.plan_on(server, journal).changes == ()


@settings(deadline=None, max_examples=100)
@given(situations(), st.data())
def test_law_8_ambiguous_writes_change_neither_the_final_state_nor_repeat_a_write(
    there: Situation, data: st.DataObject
) -> None:
    ideal = undisturbed(there)
    assume(ideal.writes)
    server, journal = there.server(), there.journal()
    k = data.draw(st.integers(1, ideal.writes), label="the write")
    server.faults = {k: "ambiguous, applied"}
    _, outcomes = there.apply_to(server, journal)
    assert {o.result for o in outcomes} == {Result.APPLIED}
    assert server.domains == ideal.domains
    assert once(server) == once(ideal)
