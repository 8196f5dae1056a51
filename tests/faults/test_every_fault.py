"""Every fault at every request of a run with every kind of change; `make test` runs a sample of the requests.

`python -m benchmarks.faults` does more: consecutive faults at every request, and concurrent requests.
"""

from collections.abc import Iterator

import pytest
from every_fault import ALWAYS, FAULTS, Bench, Point, Strike, hurried
from http_world import start, stop
from places import folder_in_memory, places, writes
from scenario import EVERYTHING, KINDS_OF_CHANGE

pytestmark = pytest.mark.timeout(1200)
DOWN = ("drop-before", "500-after")
STEP = 7
"""Distance between the samples of two adjacent faults, so that related faults hit unrelated requests."""


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with folder_in_memory() as folder, hurried():
        world = start(folder)
        world.more["max_concurrency"] = 1  # keeps the order of the requests the same in every run
        yield Bench(world, EVERYTHING)
        stop(world)


def test_the_run_contains_every_kind_of_change(bench: Bench) -> None:
    changes = bench.ideal.done.plans[0].changes
    assert {f"{c.kind} {c.action}" for c in changes} == KINDS_OF_CHANGE
    fields = {f.name for c in changes if c.kind == "mailbox" and c.action == "update" for f in c.fields}
    assert fields == {
        *("displayName", "quota", "enabled", "password"),
        *("forwarding.to", "forwarding.keepCopy", "eas", "mapi"),
    }
    assert len(writes(bench)) >= 15


def check(bench: Bench, strikes: list[Strike]) -> list[Point]:
    points = [bench.strike(strike) for strike in strikes]
    assert [(str(p.strike), p.where, s) for p in points for s in p.surprises] == []
    return points


def sample(bench: Bench, fault: str) -> list[int]:
    """One request for each fault: reads and writes take turns, and different faults get different requests."""
    turn, found = list(FAULTS).index(fault), places(bench, fault)
    changing = [at for at in found if at in writes(bench)]
    reading = [at for at in found if at not in writes(bench)]
    kind = (reading or changing) if turn % 2 else (changing or reading)
    return [kind[turn * STEP % len(kind)]]


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_at_a_read_or_a_write_the_outcomes_are_correct_and_the_next_run_finishes(
    bench: Bench, fault: str
) -> None:
    points = check(bench, [Strike(fault, at) for at in sample(bench, fault)])
    assert all(p.struck for p in points), "a fault without a request tests nothing"


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_at_any_request_the_outcomes_are_correct_and_the_next_run_finishes(
    bench: Bench, fault: str
) -> None:
    points = check(bench, [Strike(fault, at) for at in places(bench, fault)])
    assert sum(bool(p.struck) for p in points) >= len(points) - 1, "a fault without a request tests nothing"


@pytest.mark.parametrize("fault", DOWN)
def test_after_a_server_goes_down_at_a_write_the_outcomes_are_correct_and_the_next_run_finishes(
    bench: Bench, fault: str
) -> None:
    at = writes(bench)
    check_down(bench, fault, [at[0], at[len(at) // 2]])


@pytest.mark.long
@pytest.mark.parametrize("fault", DOWN)
def test_after_a_server_goes_down_at_any_write_the_outcomes_are_correct_and_the_next_run_finishes(
    bench: Bench, fault: str
) -> None:
    check_down(bench, fault, writes(bench))


def check_down(bench: Bench, fault: str, at: list[int]) -> None:
    points = check(bench, [Strike(fault, first, ALWAYS) for first in at])
    assert all(p.struck for p in points)
    assert all(p.exit_code == 5 for p in points), "some changes failed or could not be verified"
