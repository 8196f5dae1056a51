"""The real program gets a signal during its run. `benchmarks.faults --signals` tests many more moments."""

import signal
from collections.abc import Iterator

import pytest
from every_fault import Bench, hurried
from http_world import start, stop
from interrupted import BEFORE_ANY_WRITE, PARTIAL, interrupt, moments
from places import folder_in_memory, writes
from scenario import EVERYTHING

pytestmark = pytest.mark.timeout(300)
POLITE = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with folder_in_memory() as folder, hurried():
        world = start(folder)
        yield Bench(world, EVERYTHING)
        stop(world)


@pytest.mark.parametrize("number", [0, 1, *(pytest.param(n, marks=pytest.mark.long) for n in range(2, 12))])
def test_after_a_kill_at_any_moment_the_next_run_finishes_the_work(bench: Bench, number: int) -> None:
    ((at, delay),) = moments(bench, 1, number)
    found = interrupt(bench, signal.SIGKILL, at, delay)
    assert (found.surprises, found.exit_code) == ([], -signal.SIGKILL)


@pytest.mark.parametrize("sent", POLITE)
def test_a_signal_during_the_writes_lets_the_current_write_finish_and_reports_the_untried_changes(
    bench: Bench, sent: signal.Signals
) -> None:
    changing = writes(bench)
    found = interrupt(bench, sent, changing[len(changing) // 3])
    assert (found.surprises, found.exit_code) == ([], PARTIAL)
    assert 0 < found.writes < len(changing)


@pytest.mark.parametrize("sent", POLITE)
def test_a_signal_before_the_first_write_changes_nothing(bench: Bench, sent: signal.Signals) -> None:
    found = interrupt(bench, sent, 5)
    assert (found.surprises, found.exit_code, found.writes) == ([], BEFORE_ANY_WRITE[sent], 0)
