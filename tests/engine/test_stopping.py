"""A request to stop: the current change is finished including its activations, and the rest is not tried."""

import asyncio
from typing import Any

import pytest
from domain_builders import alias, box, current, desired, plan, read_box
from fake_run import FakePasswords, MemoryJournal, run
from fake_server import FakeServer

from reconciler.core.errors import ReconcilerError
from reconciler.core.plan import Outcome
from reconciler.engine.apply import apply_plan
from reconciler.engine.stopping import Stop

WHY = "stopped by SIGTERM"


class Asking(FakeServer):
    """Requests a stop during a write, given its number, either before or after its effect."""

    def __init__(self, stop: Stop, at: int, *, lost: bool = False) -> None:
        super().__init__()
        self.stop, self.at, self.lost = stop, at, lost

    def _write(self, method: str, domain: str, name: str) -> Any:
        if self.writes + 1 == self.at:
            self.stop.ask(WHY, lost=self.lost)
        return super()._write(method, domain, name)


def applied(
    wanted: Any, there: Any, at: int, *, lost: bool = False, faults: Any = None
) -> tuple[Asking, MemoryJournal, dict[str, Outcome]]:
    stop, journal = Stop(), MemoryJournal()
    server = Asking(stop, at, lost=lost)
    server.load(there)
    server.faults = faults or {}
    outcomes = run(apply_plan(plan(wanted, there), server, FakePasswords(), journal, lambda _: None, stop=stop))
    return server, journal, {o.change.name: o for o in outcomes}


def results(outcomes: dict[str, Outcome]) -> dict[str, tuple[str, str]]:
    return {name: (o.result.value, o.detail) for name, o in outcomes.items()}


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_the_current_change_is_finished_and_the_rest_is_not_tried(at: int) -> None:
    names = ["a", "b", "c", "d"]
    server, journal, outcomes = applied(desired([box(n) for n in names]), current(), at)
    assert results(outcomes) == {n: ("applied", "") if i < at else ("not tried", WHY) for i, n in enumerate(names)}
    assert server.writes == at
    assert [k for e, k, _ in journal.events if e == "intent"] == [f"mailbox:{n}@example.com" for n in names[:at]]
    assert [k for e, k, _ in journal.events if e == "outcome"] == [f"mailbox:{n}@example.com" for n in names]


def test_a_written_mailbox_gets_its_activations_and_a_change_of_activations_only_is_not_tried() -> None:
    there = current([read_box("a", eas=False), read_box("b")])
    wanted = desired([box("a", eas=True), box("b", quota=5, eas=True), box("c", mapi=True)])
    order = [c.name for c in plan(wanted, there).changes]
    assert order[:2] == ["a", "b"], "the case needs a change of activations only before the current change"
    server, _, outcomes = applied(wanted, there, 1)
    assert results(outcomes) == {"a": ("not tried", WHY), "b": ("applied", ""), "c": ("not tried", WHY)}
    assert [w[2] for w in server.written()] == ["b", "eas b=True"]


def test_begun_activations_are_finished() -> None:
    """EAS was sent before the request to stop, so MAPI of the same mailbox follows."""
    there = current([read_box("a", eas=False, mapi=False), read_box("b", mapi=False)])
    wanted = desired([box("a", eas=True, mapi=True), box("b", mapi=True)])
    server, _, outcomes = applied(wanted, there, 1)
    assert results(outcomes) == {"a": ("applied", ""), "b": ("not tried", WHY)}
    assert [w[2] for w in server.written()] == ["eas a=True", "mapi a=True"]


def test_an_ambiguous_write_of_the_current_change_is_still_read_back() -> None:
    _, _, outcomes = applied(desired([box("a"), box("b")]), current(), 1, faults={1: "ambiguous, no effect"})
    assert results(outcomes) == {"a": ("applied", ""), "b": ("not tried", WHY)}


def test_ambiguous_activations_are_read_back_before_the_run_ends() -> None:
    there = current([read_box("a", eas=False)])
    server, _, outcomes = applied(desired([box("a", eas=True)]), there, 9, faults={1: "ambiguous, no effect"})
    assert results(outcomes) == {"a": ("applied", "")}
    assert server.writes == 2


def test_without_its_lock_a_run_does_not_finish_the_current_change() -> None:
    wanted = desired([box("a", eas=True), box("b")])
    server, _, outcomes = applied(wanted, current(), 1, lost=True)
    assert results(outcomes) == {"a": ("failed", WHY), "b": ("not tried", WHY)}
    assert server.writes == 1
    server, _, outcomes = applied(desired([box("a")]), current(), 1, lost=True, faults={1: "ambiguous, no effect"})
    assert outcomes["a"].result.value == "failed"
    assert server.writes == 1, "no second write while the first is ambiguous"


def test_the_lock_is_checked_before_each_write() -> None:
    stop, server = Stop(), FakeServer()
    server.load(current())
    asked: list[int] = []

    def check() -> str:
        asked.append(server.writes)
        return "the lock was lost" if server.writes == 2 else ""

    stop.check = check
    made = plan(desired([box("a"), box("b"), box("c"), box("d")]), current())
    outcomes = run(apply_plan(made, server, FakePasswords(), MemoryJournal(), lambda _: None, stop=stop))
    assert [o.detail for o in outcomes] == ["", "", "the lock was lost", "the lock was lost"]
    assert asked == [0, 1, 2], "once it is known, nobody asks again"


def test_a_change_that_depends_on_an_untried_one_shows_why_the_run_stopped() -> None:
    _, _, outcomes = applied(desired([box("a"), box("b")], [alias("s", "b")]), current(), 1)
    assert results(outcomes)["s"] == ("not tried", WHY)


class Failing(MemoryJournal):
    """A journal with a disk that is full from the given line on."""

    def __init__(self, good: int) -> None:
        super().__init__()
        self.good = good

    def _room(self) -> None:
        self.good -= 1
        if self.good < 0:
            raise ReconcilerError("the journal cannot be written: No space left on device")

    def intent(self, server: str, change: Any) -> None:
        self._room()
        super().intent(server, change)

    def outcome(self, server: str, outcome: Any) -> None:
        self._room()
        super().outcome(server, outcome)


@pytest.mark.parametrize("good", range(7))
def test_after_a_journal_failure_nothing_is_written_without_an_intent_and_every_outcome_is_reported(good: int) -> None:
    stop, server, journal, told = Stop(), FakeServer(), Failing(good), []
    server.load(current())
    made = plan(desired([box("a"), box("b"), box("c")]), current())
    outcomes = run(apply_plan(made, server, FakePasswords(), journal, told.append, stop=stop))
    intents = [k for e, k, _ in journal.events if e == "intent"]
    assert [f"mailbox:{n}@example.com" for _, _, n in server.written()] == intents
    assert told == list(outcomes)
    assert [o.result.value for o in outcomes] == [
        "applied" if o.change.key in intents else "not tried" for o in outcomes
    ]
    assert bool(stop.reason) is (good < 6)


def test_a_requested_stop_cancels_a_read_and_no_stop_lets_it_finish() -> None:
    async def story() -> tuple[Any, Any, Any, list[str]]:
        stop, ends = Stop(), []

        async def reading(word: str, seconds: float) -> str:
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                ends.append(word)
                raise
            return word

        whole = await stop.unless(reading("whole", 0))
        asyncio.get_running_loop().call_later(0.01, stop.ask, WHY)
        cut = await stop.unless(reading("cut", 30))
        late = await stop.unless(reading("late", 0))
        return whole, cut, late, ends

    assert asyncio.run(story()) == ("whole", None, None, ["cut"])


def test_a_stop_may_be_requested_by_another_thread() -> None:
    async def story() -> object:
        stop = Stop()
        timer = asyncio.get_running_loop().run_in_executor(None, stop.ask, WHY)
        cut = await stop.unless(asyncio.sleep(30, "whole"))
        await timer
        return cut

    assert asyncio.run(story()) is None


def test_the_first_reason_is_kept() -> None:
    stop = Stop()
    stop.ask("first")
    stop.ask("second", lost=True)
    assert (stop.reason, stop.lost) == ("first", True)
