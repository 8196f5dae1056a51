"""Law 10: no write follows an incomplete read."""

import pytest
from fake_run import FakePasswords, run
from hypothesis import given, settings
from hypothesis import strategies as st
from law_strategies import Situation, situations

from reconciler.core.errors import IncompleteRead, ReconcilerError, RefusedCredentials, UnexpectedAnswer, Unreachable
from reconciler.core.kinds import ALIAS, MAILBOX, Kind
from reconciler.core.model import UNSET, CurrentDomain
from reconciler.engine.apply import apply_plan
from reconciler.engine.observe import observe

FIELDS = sorted({f.name for kind in (MAILBOX, ALIAS) for f in kind.fields})


def unread(there: Situation, kind: Kind, seen: CurrentDomain) -> bool:
    """Whether a declared resource of this kind manages a field that was not read."""
    old = {r.new: r.old for r in there.desired.renamed if r.kind == kind.name}
    section = there.desired.section(kind.name)
    for name, wanted in () if section is UNSET else section.items():
        found = seen.section(kind.name).get(name) or seen.section(kind.name).get(old.get(name, ""))
        for spec in kind.fields if found is not None else ():
            if getattr(wanted, spec.attribute) is not UNSET and getattr(found, spec.attribute) is UNSET:
                return True
    return False


@settings(deadline=None, max_examples=150)
@given(situations(), st.sets(st.sampled_from(FIELDS), min_size=1, max_size=3))
def test_a_managed_field_that_the_server_does_not_return_leads_to_no_write(there: Situation, hidden: set[str]) -> None:
    server, journal = there.server(), there.journal()
    server.unreadable = frozenset(hidden)
    seen = run(observe(server, there.desired))
    assert isinstance(seen, CurrentDomain)
    made = there.plan_on(server, journal)
    if unread(there, MAILBOX, seen) or unread(there, ALIAS, seen):
        assert not made.complete
    assert made.complete or made.refused
    if not made.complete:
        assert made.changes == ()
        return
    before = server.clone().domains
    run(apply_plan(made, server, FakePasswords(), journal, lambda _: None))
    if not made.changes:
        assert server.domains == before
    known = {c.key for c in made.changes if c.action == "update"}
    assert all(f.before is not None for c in made.changes if c.key in known for f in c.fields if not f.sensitive)


@pytest.mark.parametrize(
    "fault", [Unreachable("x"), RefusedCredentials("x"), UnexpectedAnswer("x"), IncompleteRead("x")], ids=repr
)
def test_a_failed_read_is_not_a_state_and_cannot_be_planned(fault: ReconcilerError) -> None:
    @settings(deadline=None, max_examples=10)
    @given(situations())
    def holds(there: Situation) -> None:
        server = there.server()
        server.read_fault = fault
        assert run(observe(server, there.desired)) is fault
        assert server.written() == []

    holds()
