"""Laws 1 to 5 against the HTTP sandbox, as each of the servers that docs/reference/smartermail-api.md describes."""

from collections.abc import Iterator

import pytest
from http_values import SISTER, declared, delivered, faults_of, run, servers, whole
from http_world import HttpWorld, start, stop
from hypothesis import HealthCheck, Phase, given, settings
from law_strategies import PROTECTED, Situation, imported, situations

from reconciler.core.model import CurrentDomain, DesiredDomain

few = settings(deadline=None, max_examples=9, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    made = start(tmp_path_factory.mktemp("convergence"))
    yield made
    stop(made)


def loaded(world: HttpWorld, there: Situation, names: list[str], *, sister: bool = False) -> None:
    early = {"forward-flag-off-default"} & set(names)
    world.load(there.current, early, set(names) - early, sister=sister)


def read(world: HttpWorld, there: CurrentDomain) -> CurrentDomain:
    async def main() -> CurrentDomain:
        async with world.connect() as server:
            return await server.reader().read_domain(there.domain, whole(there))

    found = run(main())
    assert isinstance(found, CurrentDomain)
    return found


@few
@given(situations(), servers)
def test_laws_1_and_3_a_declared_current_state_has_an_empty_plan(
    world: HttpWorld, there: Situation, names: list[str]
) -> None:
    loaded(world, there, names)
    as_it_is: DesiredDomain = imported(read(world, there.current))
    made = world.plan(Situation(as_it_is, there.current, there.policy, there.options), world.root())
    assert (made.complete, made.changes, made.unmanaged, made.diagnostics) == (True, (), (), ())
    assert world.writes() == []


@few
@given(situations(), servers)
def test_laws_2_and_4_an_apply_converges_a_second_one_writes_nothing_and_only_intended_deletions_happen(
    world: HttpWorld, there: Situation, names: list[str]
) -> None:
    loaded(world, there, names, sister=True)
    sister, root = world.state(SISTER), world.begin(there)
    before = world.state()
    done = world.apply(there, root)
    assert faults_of(done) == []
    assert done.converged
    after, writes = world.state(), len(world.writes())
    again = world.apply(there, root)
    assert (again.outcomes, again.converged) == ({}, True)
    assert (world.state(), len(world.writes())) == (after, writes)
    assert world.state(SISTER) == sister
    for address, password in delivered(root).items():
        assert world.fits(address, password)
    reasons = {(r.kind, r.name) for r in there.desired.removed}
    gone = {(c.kind, c.name) for c in done.plans[0].changes if c.action == "delete"}
    pruned = {(c.kind, c.name) for c in done.plans[0].changes if c.reason == "pruned"}
    assert gone <= reasons | pruned
    assert not pruned or there.options.prune or any(there.policy.prune.values())
    moved = {r.old for r in there.desired.renamed}
    there_before = before["users"].keys() | before["aliases"].keys()
    assert (({"admin", "chief", *PROTECTED, *declared(there.desired)} & there_before) - moved) <= (
        after["users"].keys() | after["aliases"].keys()
    )


@few
@given(situations(), servers)
def test_law_5_the_plan_does_not_depend_on_the_form_of_the_servers_answers(
    world: HttpWorld, there: Situation, names: list[str]
) -> None:
    loaded(world, there, [])
    root = world.begin(there)
    plain = world.plan(there, root)
    world.quirks(names)
    other = world.plan(there, root)
    assert (other.digest, other.changes, other.unmanaged) == (plain.digest, plain.changes, plain.unmanaged)
    assert other.diagnostics == plain.diagnostics
    assert world.writes() == []
