"""Every fault at every request of a run with every kind of change in it.

`python -m benchmarks.faults` does more: several faults in a row everywhere, and several requests at once.
"""

from collections.abc import Iterator

import pytest
from every_fault import ALWAYS, FAULTS, Bench, Strike, hurried
from http_world import start, stop
from places import folder_in_memory, places, writes
from scenario import EVERYTHING, KINDS_OF_CHANGE

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with folder_in_memory() as folder, hurried():
        world = start(folder)
        world.more["max_concurrency"] = 1  # the requests come in the same order in every run
        yield Bench(world, EVERYTHING)
        stop(world)


def test_the_run_has_every_kind_of_change_in_it(bench: Bench) -> None:
    changes = bench.ideal.done.plans[0].changes
    assert {f"{c.kind} {c.action}" for c in changes} == KINDS_OF_CHANGE
    fields = {f.name for c in changes if c.kind == "mailbox" and c.action == "update" for f in c.fields}
    assert fields == {
        *("displayName", "quota", "enabled", "password"),
        *("forwarding.to", "forwarding.keepCopy", "eas", "mapi"),
    }
    assert len(writes(bench)) >= 15


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_request_leaves_no_trace_after_the_next_run_and_no_lie_in_this_one(
    bench: Bench, fault: str
) -> None:
    points = [bench.strike(Strike(fault, at)) for at in places(bench, fault)]
    assert [(str(p.strike), p.where, s) for p in points for s in p.surprises] == []
    assert sum(bool(p.struck) for p in points) >= len(points) - 1, "a fault that strikes nothing shows nothing"


@pytest.mark.parametrize("fault", ["drop-before", "500-after"])
def test_a_server_that_is_down_from_any_write_on_is_no_other_matter(bench: Bench, fault: str) -> None:
    points = [bench.strike(Strike(fault, at, ALWAYS)) for at in writes(bench)]
    assert [(str(p.strike), p.where, s) for p in points for s in p.surprises] == []
    assert all(p.struck for p in points)
    assert all(p.exit_code == 5 for p in points), "something was not made, or could not be seen to be"
