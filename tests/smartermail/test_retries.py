"""The retry budget of a run: enough for short failures, but no additional load for a failing server."""

from __future__ import annotations

import asyncio

import pytest
from client_world import DOMAIN, World

from reconciler.core.errors import UnexpectedAnswer
from reconciler.smartermail import Server
from reconciler.smartermail.transport.retry import RetryBudget


def test_the_retry_budget_starts_full_and_every_success_returns_a_part() -> None:
    store = RetryBudget()
    assert sum(store.take() for _ in range(200)) == RetryBudget.CAPACITY
    for _ in range(100):
        store.refill()
    assert sum(store.take() for _ in range(200)) in (19, 20)
    for _ in range(10_000):
        store.refill()
    assert store.left == RetryBudget.CAPACITY, "a long good run does not save up for a flood"


def test_many_reads_of_a_failing_server_share_one_retry_budget_and_report_when_it_is_empty(filled: World) -> None:
    async def work(server: Server) -> None:
        reader = server.reader()
        await reader.read_mailbox(DOMAIN, "anna")
        filled.reset()
        filled.fault("500", path="domain/alias/", times=-1)
        found = await asyncio.gather(*(reader.read_alias(DOMAIN, "sales") for _ in range(150)), return_exceptions=True)
        assert all(type(e) is UnexpectedAnswer and "500" in str(e) for e in found)
        told = sum("has used its retry budget for this server" in str(e) for e in found)
        assert told >= 150 - RetryBudget.CAPACITY
        assert server.stats.retries <= RetryBudget.CAPACITY

    filled.run(work)
    assert sum("alias" in line for line in filled.requests()) <= 150 + RetryBudget.CAPACITY, "not 150 times four"


def test_occasional_failures_never_empty_the_retry_budget(filled: World) -> None:
    filled.fault("503", path="domain/alias/", times=-1, probability=0.1, seed=7)

    async def work(server: Server) -> None:
        reader = server.reader()
        for _ in range(6):
            found = await asyncio.gather(*(reader.read_alias(DOMAIN, "sales") for _ in range(25)))
            assert all(a is not None for a in found)
        assert server.stats.retries > 5
        assert server._calls.session.retry_budget.left > RetryBudget.CAPACITY - 20

    filled.run(work)


@pytest.mark.parametrize("most", [2, 3])
def test_a_server_with_a_low_limit_gets_few_concurrent_requests_and_all_succeed(most: int, filled: World) -> None:
    async def work(server: Server) -> None:
        reader = server.reader()
        await reader.read_mailbox(DOMAIN, "anna")
        filled.reset()
        filled.fault("latency", param=5, times=-1)
        filled.fault("busy", param=most, times=-1)
        found = await asyncio.gather(*(reader.read_alias(DOMAIN, "sales") for _ in range(150)))
        assert all(a is not None for a in found)
        filled.heal()

    filled.run(work)
    statuses = [entry["status"] for entry in filled.own("GET", "requests")["requests"]]
    assert statuses.count(429) <= 25, "of 150 requests, eight at a time would be refused again and again"


def test_a_pause_that_one_request_gets_applies_to_all(filled: World) -> None:
    async def work(server: Server) -> None:
        limiter, now = server._calls.session.limiter, 1000.0
        limiter.limit.clock = lambda: now
        reader = server.reader()
        await reader.read_mailbox(DOMAIN, "anna")
        filled.reset()
        filled.fault("429", param=30, path="get-user", times=1)
        work = [asyncio.create_task(reader.read_mailbox(DOMAIN, "anna"))]
        while not limiter.limit.pause_left:
            await asyncio.sleep(0.01)
        work += [asyncio.create_task(reader.read_alias(DOMAIN, "sales")) for _ in range(10)]
        await asyncio.sleep(0.05)
        assert filled.requests() == ["POST settings/domain/get-user"], "nobody sends anything now"
        now += 30
        limiter._pause_ended()  # the timer calls it after these 30 seconds
        assert all(await asyncio.gather(*work))

    filled.run(work)
