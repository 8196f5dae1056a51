"""The concurrency limit: at its maximum for a healthy server, lower immediately for an overloaded one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.smartermail.transport.limiter import (
    DECREASE,
    LONGEST_PAUSE,
    MEMORY,
    STEADY_ROUNDS,
    ConcurrencyLimit,
    Limiter,
    Permit,
)


class Time:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def full_round(limit: ConcurrencyLimit, seconds: float = 0.02, *, busy: int = 0) -> None:
    """Send as many requests as the limit permits; the first `busy` ones are rejected, the others answered."""
    permits = [limit.begin() for _ in range(int(limit.window))]
    assert not limit.has_capacity
    for number, permit in enumerate(permits):
        if number < busy:
            limit.overloaded(permit)
        else:
            limit.succeeded(permit, "GET x", seconds)
        limit.end()


def test_the_limit_starts_at_its_maximum_and_stays_there_for_a_healthy_server() -> None:
    limit = ConcurrencyLimit(8)
    for _ in range(50):
        full_round(limit)
    assert (limit.window, limit.decreases) == (8, 0)


def test_all_rejections_of_a_round_decrease_the_limit_once_and_it_never_reaches_zero() -> None:
    limit = ConcurrencyLimit(8)
    found = []
    for _ in range(8):
        full_round(limit, busy=int(limit.window))
        found.append(int(limit.window))
    assert found == [5, 3, 2, 1, 1, 1, 1, 1]
    assert (limit.window, limit.decreases) == (1, 6)


def test_late_rejections_of_requests_from_before_a_decrease_do_not_decrease_again() -> None:
    limit = ConcurrencyLimit(8)
    late = [limit.begin() for _ in range(8)]
    limit.overloaded(late[0])
    limit.end()
    for _ in range(20):
        permit = limit.begin()
        limit.succeeded(permit, "GET x", 0.02)
        limit.end()
    for permit in late[1:]:
        limit.overloaded(permit)
        limit.end()
    assert limit.decreases == 1


def test_the_limit_grows_by_one_after_eight_rounds_without_a_problem_up_to_its_maximum() -> None:
    limit = ConcurrencyLimit(4)
    full_round(limit, busy=1)
    full_round(limit, busy=2)
    full_round(limit, busy=1)
    grown = [int(limit.window)]
    assert grown == [1]
    for _ in range(5 * STEADY_ROUNDS):
        full_round(limit)
        grown.append(int(limit.window))
    assert STEADY_ROUNDS <= grown.index(3) - grown.index(2) <= STEADY_ROUNDS + 3
    assert STEADY_ROUNDS <= grown.index(4) - grown.index(3) <= STEADY_ROUNDS + 3
    assert grown[-1] == 4


def test_the_limit_does_not_grow_while_it_is_not_reached() -> None:
    limit = ConcurrencyLimit(8)
    full_round(limit, busy=1)
    for _ in range(500):
        permit = limit.begin()
        limit.succeeded(permit, "GET x", 0.02)
        limit.end()
    assert limit.window == 8 * DECREASE, "one at a time says nothing of five at a time"


@pytest.mark.parametrize("seed", range(5))
def test_random_variation_of_durations_does_not_change_the_limit(seed: int) -> None:
    chance = random.Random(seed)
    limit = ConcurrencyLimit(8)
    for _ in range(1000):
        permits = [limit.begin() for _ in range(int(limit.window))]
        for permit in permits:
            kind = chance.choice(["GET users", "GET aliases", "POST get-user"])
            seconds = chance.lognormvariate(-3, 0.8) * (20 if chance.random() < 0.1 else 1)
            limit.succeeded(permit, kind, seconds)
            limit.end()
    assert (limit.window, limit.decreases) == (8, 0)


def test_slow_answers_decrease_the_limit_until_the_slowness_becomes_normal() -> None:
    limit = ConcurrencyLimit(8)
    for _ in range(5):
        full_round(limit, 0.05)
    while limit.window > 1:
        full_round(limit, 1.0)
    assert limit.decreases == 6
    assert limit._last <= 5 * 8 + 6 * 20, "twelve slow ones each time, and those under way with them"
    for _ in range(2 * MEMORY):
        full_round(limit, 1.0)
    while limit.window < 8:
        full_round(limit, 1.0)
    assert limit.decreases == 6, "nothing got worse since"


def test_durations_are_compared_only_within_one_kind_of_request() -> None:
    limit = ConcurrencyLimit(8)
    for number in range(400):
        permit = limit.begin()
        limit.succeeded(permit, "GET small" if number % 4 == 0 else "GET large", 0.01 if number % 4 == 0 else 2.0)
        limit.end()
    assert limit.decreases == 0


def test_a_limit_that_does_not_adapt_is_constant() -> None:
    limit = ConcurrencyLimit(8, adapts=False)
    full_round(limit, busy=8)
    limit.pause(30)
    assert (limit.window, limit.pause_left) == (8, 0)


def test_a_requested_pause_applies_to_all_requests_and_is_limited() -> None:
    time = Time()
    limit = ConcurrencyLimit(8, time)
    limit.pause(20)
    limit.pause(5)
    assert not limit.has_capacity and limit.pause_left == 20
    time.now += 20
    assert limit.has_capacity
    limit.pause(86_400)
    assert limit.pause_left == LONGEST_PAUSE


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from(["begin", "well", "slow", "busy", "end", "pause"]), st.integers(0))),
)
def test_any_sequence_of_events_keeps_the_limit_between_one_and_its_maximum(
    most: int, events: list[tuple[str, int]]
) -> None:
    time = Time()
    limit = ConcurrencyLimit(most, time)
    under_way: list[Permit] = []
    for what, number in events:
        time.now += 1
        if what == "begin" and limit.has_capacity:
            under_way.append(limit.begin())
        elif what == "pause":
            limit.pause(number)
        elif under_way and what != "begin":
            permit = under_way.pop(number % len(under_way))
            if what == "busy":
                limit.overloaded(permit)
            elif what != "end":
                limit.succeeded(permit, "GET x", 0.01 if what == "well" else 5.0)
            limit.end()
        assert 1 <= limit.window <= most
        assert 0 <= limit.in_flight == len(under_way) <= most
    time.now += LONGEST_PAUSE
    while under_way:
        under_way.pop()
        limit.end()
    assert limit.has_capacity, "nothing is stuck"


# The limiter


async def turns() -> None:
    """Run a few iterations of the event loop."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_the_limiter_admits_requests_up_to_the_limit_and_then_in_order_of_arrival() -> None:
    async def main() -> list[int]:
        limiter, done = Limiter(ConcurrencyLimit(2)), []

        async def one(number: int) -> None:
            await limiter.acquire()
            assert limiter.limit.in_flight <= 2
            done.append(number)
            await asyncio.sleep(0)
            limiter.release()

        await asyncio.gather(*(one(number) for number in range(20)))
        assert limiter.limit.in_flight == 0
        return done

    assert asyncio.run(main()) == list(range(20))


def test_a_cancelled_request_in_the_queue_uses_no_permit() -> None:
    async def main() -> None:
        limiter = Limiter(ConcurrencyLimit(1))
        await limiter.acquire()
        waiting = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
        await turns()
        waiting[0].cancel()
        limiter.release()  # the second is let in
        await turns()
        assert [task.done() for task in waiting] == [True, True, False]
        limiter.release()
        waiting[2].cancel()  # let in and cancelled at the same moment
        await turns()
        assert waiting[2].cancelled()
        assert limiter.limit.in_flight == 0
        await limiter.acquire()

    asyncio.run(main())


def test_all_requests_wait_during_a_pause_and_then_continue() -> None:
    async def main() -> Iterator[str]:
        limiter, order = Limiter(ConcurrencyLimit(4)), []
        limiter.limit.pause(0.05)

        async def one() -> None:
            await limiter.acquire()
            order.append("through")
            limiter.release()

        work = [asyncio.create_task(one()) for _ in range(6)]
        await turns()
        order.append("held")
        limiter.limit.pause(0.1)
        await asyncio.gather(*work)
        return iter(order)

    assert list(asyncio.run(main())) == ["held", *["through"] * 6]
