"""How many requests are in flight: as many as allowed while the server is well, fewer at once when it is not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.smartermail.transport.limiter import DECREASE, LONGEST_HOLD, MEMORY, STEADY, Gate, Pace, Ticket


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def full_round(pace: Pace, seconds: float = 0.02, *, busy: int = 0) -> None:
    """As many requests as may be in flight at once; the first `busy` ones are refused, the others answered."""
    tickets = [pace.begin() for _ in range(int(pace.window))]
    assert not pace.has_room
    for number, ticket in enumerate(tickets):
        if number < busy:
            pace.is_busy(ticket)
        else:
            pace.went_well(ticket, "GET x", seconds)
        pace.end()


def test_it_begins_with_all_and_stays_there_while_the_server_is_well() -> None:
    pace = Pace(8)
    for _ in range(50):
        full_round(pace)
    assert (pace.window, pace.decreases) == (8, 0)


def test_all_refusals_of_a_round_decrease_it_once_and_it_never_comes_to_nothing() -> None:
    pace = Pace(8)
    found = []
    for _ in range(8):
        full_round(pace, busy=int(pace.window))
        found.append(int(pace.window))
    assert found == [5, 3, 2, 1, 1, 1, 1, 1]
    assert (pace.window, pace.decreases) == (1, 6)


def test_what_was_sent_before_a_decrease_does_not_decrease_again_however_late_it_is_refused() -> None:
    pace = Pace(8)
    late = [pace.begin() for _ in range(8)]
    pace.is_busy(late[0])
    pace.end()
    for _ in range(20):
        ticket = pace.begin()
        pace.went_well(ticket, "GET x", 0.02)
        pace.end()
    for ticket in late[1:]:
        pace.is_busy(ticket)
        pace.end()
    assert pace.decreases == 1


def test_it_grows_by_one_after_some_rounds_without_trouble_and_never_beyond_what_is_allowed() -> None:
    pace = Pace(4)
    full_round(pace, busy=1)
    full_round(pace, busy=2)
    full_round(pace, busy=1)
    grown = [int(pace.window)]
    assert grown == [1]
    for _ in range(5 * STEADY):
        full_round(pace)
        grown.append(int(pace.window))
    assert STEADY <= grown.index(3) - grown.index(2) <= STEADY + 3
    assert STEADY <= grown.index(4) - grown.index(3) <= STEADY + 3
    assert grown[-1] == 4


def test_it_does_not_grow_while_there_is_not_enough_to_do() -> None:
    pace = Pace(8)
    full_round(pace, busy=1)
    for _ in range(500):
        ticket = pace.begin()
        pace.went_well(ticket, "GET x", 0.02)
        pace.end()
    assert pace.window == 8 * DECREASE, "one at a time says nothing of five at a time"


@pytest.mark.parametrize("seed", range(5))
def test_noise_in_how_long_answers_take_changes_nothing(seed: int) -> None:
    chance = random.Random(seed)
    pace = Pace(8)
    for _ in range(1000):
        tickets = [pace.begin() for _ in range(int(pace.window))]
        for ticket in tickets:
            kind = chance.choice(["GET users", "GET aliases", "POST get-user"])
            seconds = chance.lognormvariate(-3, 0.8) * (20 if chance.random() < 0.1 else 1)
            pace.went_well(ticket, kind, seconds)
            pace.end()
    assert (pace.window, pace.decreases) == (8, 0)


def test_a_server_whose_every_answer_takes_much_longer_is_asked_less_and_what_became_usual_is_usual() -> None:
    pace = Pace(8)
    for _ in range(5):
        full_round(pace, 0.05)
    while pace.window > 1:
        full_round(pace, 1.0)
    assert pace.decreases == 6
    assert pace._last <= 5 * 8 + 6 * 20, "twelve slow ones each time, and those under way with them"
    for _ in range(2 * MEMORY):
        full_round(pace, 1.0)
    while pace.window < 8:
        full_round(pace, 1.0)
    assert pace.decreases == 6, "nothing got worse since"


def test_answers_of_different_kinds_are_not_held_against_each_other() -> None:
    pace = Pace(8)
    for number in range(400):
        ticket = pace.begin()
        pace.went_well(ticket, "GET small" if number % 4 == 0 else "GET large", 0.01 if number % 4 == 0 else 2.0)
        pace.end()
    assert pace.decreases == 0


def test_one_that_does_not_adapt_stays_as_it_is() -> None:
    pace = Pace(8, adapts=False)
    full_round(pace, busy=8)
    pace.hold(30)
    assert (pace.window, pace.held) == (8, 0)


def test_a_pause_that_the_server_asks_for_is_one_for_all_and_has_an_end() -> None:
    time = Time()
    pace = Pace(8, time)
    pace.hold(20)
    pace.hold(5)
    assert not pace.has_room and pace.held == 20
    time.now += 20
    assert pace.has_room
    pace.hold(86_400)
    assert pace.held == LONGEST_HOLD


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from(["begin", "well", "slow", "busy", "end", "hold"]), st.integers(0))),
)
def test_whatever_happens_it_lets_through_between_one_and_all(most: int, events: list[tuple[str, int]]) -> None:
    time = Time()
    pace = Pace(most, time)
    under_way: list[Ticket] = []
    for what, number in events:
        time.now += 1
        if what == "begin" and pace.has_room:
            under_way.append(pace.begin())
        elif what == "hold":
            pace.hold(number)
        elif under_way and what != "begin":
            ticket = under_way.pop(number % len(under_way))
            if what == "busy":
                pace.is_busy(ticket)
            elif what != "end":
                pace.went_well(ticket, "GET x", 0.01 if what == "well" else 5.0)
            pace.end()
        assert 1 <= pace.window <= most
        assert 0 <= pace.in_flight == len(under_way) <= most
    time.now += LONGEST_HOLD
    while under_way:
        under_way.pop()
        pace.end()
    assert pace.has_room, "nothing is stuck"


# The gate


async def turns() -> None:
    """Lets the event loop go round a few times."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_the_gate_lets_in_as_many_as_may_and_the_rest_in_the_order_in_which_they_came() -> None:
    async def main() -> list[int]:
        gate, done = Gate(Pace(2)), []

        async def one(number: int) -> None:
            await gate.enter()
            assert gate.pace.in_flight <= 2
            done.append(number)
            await asyncio.sleep(0)
            gate.leave()

        await asyncio.gather(*(one(number) for number in range(20)))
        assert gate.pace.in_flight == 0
        return done

    assert asyncio.run(main()) == list(range(20))


def test_one_that_leaves_the_queue_takes_nobodys_place() -> None:
    async def main() -> None:
        gate = Gate(Pace(1))
        await gate.enter()
        waiting = [asyncio.create_task(gate.enter()) for _ in range(3)]
        await turns()
        waiting[0].cancel()
        gate.leave()  # the second is let in
        await turns()
        assert [task.done() for task in waiting] == [True, True, False]
        gate.leave()
        waiting[2].cancel()  # let in and cancelled at the same moment
        await turns()
        assert waiting[2].cancelled()
        assert gate.pace.in_flight == 0
        await gate.enter()

    asyncio.run(main())


def test_all_wait_while_the_server_asks_for_a_pause_and_go_on_by_themselves() -> None:
    async def main() -> Iterator[str]:
        gate, order = Gate(Pace(4)), []
        gate.pace.hold(0.05)

        async def one() -> None:
            await gate.enter()
            order.append("through")
            gate.leave()

        work = [asyncio.create_task(one()) for _ in range(6)]
        await turns()
        order.append("held")
        gate.pace.hold(0.1)
        await asyncio.gather(*work)
        return iter(order)

    assert list(asyncio.run(main())) == ["held", *["through"] * 6]
