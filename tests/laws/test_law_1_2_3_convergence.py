"""Laws 1 to 3: the plan of equal states is empty, and so are the plans after an apply and after an import."""

from domain_builders import DOMAIN
from fake_run import MemoryJournal, run
from hypothesis import given, settings
from law_strategies import Situation, currents, imported, options_and_policy, situations

from reconciler.core.model import CurrentDomain
from reconciler.core.planning.planner import plan_domain
from reconciler.core.ports import ReadScope
from reconciler.core.product import Limits
from reconciler.engine.observe import observe
from reconciler.engine.verify import has_converged, verify


@settings(deadline=None, max_examples=80)
@given(currents(), options_and_policy())
def test_law_1_and_3_the_plan_of_a_state_and_its_import_is_empty_whatever_is_pruned(
    current: CurrentDomain, asked: tuple
) -> None:
    options, policy = asked
    made = plan_domain(imported(current), current, policy, Limits(), options)
    assert (made.changes, made.unmanaged, made.diagnostics, made.complete) == ((), (), (), True)


@settings(deadline=None, max_examples=60)
@given(situations())
def test_law_3_an_import_from_a_server_has_an_empty_plan_on_that_server(there: Situation) -> None:
    server = there.server()
    there.apply_to(server, there.journal())
    stored = server.domains[DOMAIN]
    whole = ReadScope(
        forwarding=frozenset(stored.mailboxes), alias_flags=frozenset(stored.aliases), eas=True, mapi=True
    )
    desired = imported(run(server.read_domain(DOMAIN, whole)))
    again = run(observe(server, desired))
    made = plan_domain(desired, again, there.policy, Limits(), there.options)
    assert (made.changes, made.unmanaged, made.complete) == ((), (), True)


@settings(deadline=None, max_examples=150)
@given(situations())
def test_law_2_after_an_apply_nothing_is_left_to_do(there: Situation) -> None:
    server, journal = there.server(), there.journal()
    sister = server.clone().domains["sister.example"]
    made, outcomes = there.apply_to(server, journal)
    assert [(o.change.key, o.detail) for o in outcomes if o.result.value != "applied"] == []
    left = there.plan_on(server, journal)
    assert left.changes == ()
    assert has_converged(left)
    assert server.domains["sister.example"] == sister
    checked, _ = run(verify(server, there.desired, outcomes, lambda _, seen: there.plan_from(seen, journal)))
    assert checked == outcomes
    assert server.writes == 0 or made.changes


@settings(deadline=None, max_examples=40)
@given(situations())
def test_law_2_a_second_apply_writes_nothing(there: Situation) -> None:
    server, journal = there.server(), there.journal()
    there.apply_to(server, journal)
    before, writes = server.clone().domains, server.writes
    _, outcomes = there.apply_to(server, journal)
    assert outcomes == ()
    assert (server.domains, server.writes) == (before, writes)


@settings(deadline=None, max_examples=40)
@given(situations())
def test_law_2_holds_without_a_journal_except_for_passwords(there: Situation) -> None:
    server = there.server()
    there.apply_to(server, there.journal())
    left = there.plan_on(server, MemoryJournal())
    assert left.changes == ()
