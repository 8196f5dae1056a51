"""Law: a rollback restores everything that can be restored, and deletes nothing that the run did not create."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from domain_builders import DOMAIN, TODAY
from fake_run import FakePasswords, run
from fake_server import FakeServer
from hypothesis import given, settings
from hypothesis import strategies as st
from law_strategies import Situation, situations

from reconciler.core.kinds import BY_NAME, KINDS
from reconciler.core.model import CurrentDomain, DesiredDomain, Resource, Unset
from reconciler.core.plan import Change, Plan, Result
from reconciler.core.planning.planner import PlanOptions, plan_domain
from reconciler.core.planning.rollback import inverse, scope_of
from reconciler.core.ports import ReadScope
from reconciler.core.product import Limits
from reconciler.core.workspace import Policy
from reconciler.engine.apply import apply_plan
from reconciler.engine.journal.reader import Run, read_run
from reconciler.engine.journal.steps import entries, steps_of
from reconciler.engine.journal.writer import FileJournal

BARE = DesiredDomain(domain=DOMAIN, server="mail1")
NOON = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)


def complete_state(server: FakeServer) -> CurrentDomain:
    """The complete state of the server with all fields read."""
    there = server.domains[DOMAIN]
    everyone = frozenset(n.lower() for n in (*there.mailboxes, *there.aliases))
    return run(server.read_domain(DOMAIN, ReadScope(forwarding=everyone, alias_flags=everyone, eas=True, mapi=True)))


def journalled(made: Plan, server: FakeServer, folder: Path, turn: int = 0) -> tuple[Run, tuple[Change, ...]]:
    """Applies a plan; returns its journal and the applied changes."""
    journal = FileJournal(folder, tool="t", clock=lambda: NOON + timedelta(minutes=turn))
    outcomes = run(apply_plan(made, server, FakePasswords(), journal, lambda _: None))
    return read_run(journal.path), tuple(o.change for o in outcomes if o.result is Result.APPLIED)


def rollback(of: Run, server: FakeServer, later: tuple[Run, ...] = ()) -> tuple[Plan, list[str]]:
    """The plan that undoes a run, as the program makes it, and the codes of its diagnostics."""
    steps = steps_of(of, later).get(("mail1", DOMAIN), ())
    seen = run(server.read_domain(DOMAIN, scope_of(steps)))
    policy = Policy(external_forwarding="allow")
    undone = inverse(BARE, steps, seen, policy)
    options = PlanOptions(today=TODAY, internal_domains=frozenset({DOMAIN}), deletions_allowed=True)
    return plan_domain(undone.desired, seen, policy, Limits(), options), [d.code for d in undone.diagnostics]


def differing(kind: str, one: Resource, other: Resource, among: Resource) -> list[str]:
    """The different fields, among those that were read of a third object."""
    return [
        f.name
        for f in BY_NAME[kind].fields  # type: ignore[index]
        if not isinstance(getattr(among, f.attribute), Unset)
        and getattr(one, f.attribute) != getattr(other, f.attribute)
    ]


def unequal(before: CurrentDomain, after: CurrentDomain, deleted: dict[tuple[str, str], Resource]) -> list[str]:
    """The differences from the state before the run; of deleted objects only the fields that had been read."""
    found: list[str] = []
    for kind in KINDS:
        ones, others = before.section(kind.name), after.section(kind.name)
        found += [f"{kind.name} {n}" for n in ones.keys() ^ others.keys()]
        for name in ones.keys() & others.keys():
            among = deleted.get((kind.name, name), ones[name])
            found += [f"{kind.name} {name} {f}" for f in differing(kind.name, ones[name], others[name], among)]
    return found


@settings(deadline=None, max_examples=150)
@given(there=situations())
def test_a_rollback_restores_all_restorable_state_and_deletes_only_objects_of_the_run(
    there: Situation, tmp_path_factory: Any
) -> None:
    server = there.server()
    server.strict_targets = False  # A cycle of aliases existed before, so the server must accept it again.
    before, sister = complete_state(server), server.clone().domains["sister.example"]
    made = there.plan_on(server, there.journal())
    folder = tmp_path_factory.mktemp("journal")
    done, changes = journalled(made, server, folder)
    assert len(changes) == len(made.changes)
    back, said = rollback(done, server)
    assert back.complete
    assert not back.refused, back.diagnostics
    created = {(c.kind, c.name) for c in changes if c.action == "create"}
    assert {(c.kind, c.name) for c in back.changes if c.action == "delete"} == created
    undone, applied = journalled(back, server, folder, 1)
    assert len(applied) == len(back.changes)
    deleted = {(c.kind, c.name): c.current for c in changes if c.action == "delete" and c.current is not None}
    assert unequal(before, complete_state(server), deleted) == []
    assert server.domains["sister.example"] == sister
    lost = [
        c for c in changes if c.kind == "mailbox" and (c.action == "delete" or (c.action == "update" and c.password))
    ]
    assert said.count("RBK001") >= len(lost)
    again, _ = rollback(done, server, (undone,))
    assert again.changes == ()


def meddled(draw: Any, server: FakeServer) -> None:
    """Out-of-band edits that change, delete and create objects on the server."""
    there = server.domains[DOMAIN]
    for name in sorted(there.mailboxes):
        match draw(st.sampled_from(["", "", "quota", "enabled", "delete"])):
            case "quota":
                there.mailboxes[name]["quota"] = 777
            case "enabled":
                there.mailboxes[name]["enabled"] = not there.mailboxes[name]["enabled"]
            case "delete":
                if name not in ("admin", "chief"):
                    del there.mailboxes[name]
    for name in sorted(there.aliases):
        match draw(st.sampled_from(["", "", "to", "delete"])):
            case "to":
                there.aliases[name]["to"] = ["meddled@else.example"]
            case "delete":
                del there.aliases[name]


@settings(deadline=None, max_examples=150)
@given(there=situations(), data=st.data())
def test_objects_that_others_changed_since_stay_unchanged_and_nothing_else_is_deleted(
    there: Situation, data: st.DataObject, tmp_path_factory: Any
) -> None:
    server = there.server()
    server.strict_targets = False
    server.faults = data.draw(
        st.dictionaries(st.integers(1, 8), st.sampled_from(["refuse", "ambiguous, partial", "ignore"]), max_size=3)
    )  # type: ignore[arg-type]
    folder = tmp_path_factory.mktemp("journal")
    done, _ = journalled(there.plan_on(server, there.journal()), server, folder)
    server.faults = {}
    meddled(data.draw, server)
    now = complete_state(server)
    back, _ = rollback(done, server)
    tried = [e for e in entries(done) if e.tried]
    made = {(e.change.kind, e.change.name) for e in tried if e.made and e.change.action == "create"}
    for change in back.changes:
        ours = [e.change for e in tried if e.change.kind == change.kind and names(change) & names(e.change)]
        assert ours
        if change.action == "delete":
            assert (change.kind, change.name) in made
        if change.action in ("delete", "update"):
            # Each field has the run's value or the planned one; otherwise the rollback does not touch the object.
            live = now.section(change.kind).get(change.name)
            if live is None:  # it is renamed back before
                continue
            wanted = {
                f.name: f.after
                for c in ours
                for f in c.fields
                if change.action == "delete" or f.name in fields_of(change)
            }
            assert {n: getattr(live, BY_NAME[change.kind].field(n).attribute) for n in wanted} == wanted


def names(change: Change) -> set[str]:
    return {n for n in (change.name, change.new_name) if n}


def fields_of(change: Change) -> set[str]:
    return {f.name for f in change.fields}


@settings(deadline=None, max_examples=60)
@given(
    there=situations(),
    at=st.integers(1, 6),
    how=st.sampled_from(["refuse", "unreachable", "ambiguous, partial", "locked out"]),
)
def test_a_run_that_failed_halfway_is_undone_as_far_as_it_got(
    there: Situation, at: int, how: Any, tmp_path_factory: Any
) -> None:
    server = there.server()
    server.strict_targets = False
    server.faults = {at: how}
    before = complete_state(server)
    folder = tmp_path_factory.mktemp("journal")
    done, changes = journalled(there.plan_on(server, there.journal()), server, folder)
    server.faults, server.gone = {}, False
    back, said = rollback(done, server)
    if back.refused:
        return
    journalled(back, server, folder, 1)
    deleted = {(c.kind, c.name): replace(c.current) for c in changes if c.action == "delete" and c.current}
    odd = unequal(before, complete_state(server), deleted)
    assert not odd or {"RBK002", "RBK003"} & set(said), odd
