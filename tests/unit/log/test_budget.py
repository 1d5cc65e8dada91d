"""The bound on bytes in flight."""

from __future__ import annotations

import asyncio

import pytest

from services.log.budget import ByteBudget


async def turns() -> None:
    """Let every task that can run do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_does_not_fit_waits_in_line() -> None:
    budget = ByteBudget(10)
    order: list[str] = []

    async def take(name: str, size: int) -> None:
        await budget.acquire(size)
        order.append(name)

    await take("first", 8)
    waiting = [asyncio.create_task(take("big", 9)), asyncio.create_task(take("small", 1))]
    await turns()
    assert order == ["first"]
    budget.release(8)
    await turns()
    assert order == ["first", "big", "small"]
    assert budget.used == 10
    assert all(task.done() for task in waiting)


async def test_more_than_the_whole_budget_goes_alone() -> None:
    budget = ByteBudget(10)
    await budget.acquire(50)
    other = asyncio.create_task(budget.acquire(1))
    await turns()
    assert not other.done()
    budget.release(50)
    await other
    assert budget.used == 1


async def test_a_caller_that_gives_up_leaves_the_line() -> None:
    budget = ByteBudget(10)
    await budget.acquire(10)
    gone = asyncio.create_task(budget.acquire(10))
    after = asyncio.create_task(budget.acquire(3))
    await turns()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    budget.release(10)
    await after
    assert budget.used == 3


async def test_a_caller_cancelled_right_after_its_turn_gives_the_bytes_back() -> None:
    budget = ByteBudget(10)
    await budget.acquire(10)
    gone = asyncio.create_task(budget.acquire(7))
    await turns()
    budget.release(10)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert budget.used == 0
