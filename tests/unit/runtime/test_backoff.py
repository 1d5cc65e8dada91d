"""Trying again until it works, or until the process is to stop."""

from __future__ import annotations

import asyncio
import logging

import pytest

from services.runtime import backoff
from services.runtime.backoff import Stopped, keep_trying, unless_stopped
from services.runtime.together import together

LOG = logging.getLogger(__name__)


class Away:
    """Fails so many times, then works."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise ConnectionError("away")
        return "here"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)


async def test_passing_failures_are_waited_out_and_each_is_told() -> None:
    failures: list[Exception] = []
    call = Away(3)
    found = await keep_trying(call, (ConnectionError,), LOG, "it", failed=failures.append)
    assert (found, call.calls, len(failures)) == ("here", 4, 3)


async def test_an_outage_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    await keep_trying(Away(5), (ConnectionError,), LOG, "it")
    assert [record.getMessage() for record in caplog.records] == [
        "it: away; trying again until it works"
    ]


async def test_other_failures_pass_through_at_once() -> None:
    call = Away(1)
    with pytest.raises(ConnectionError):
        await keep_trying(call, (TimeoutError,), LOG, "it")
    assert call.calls == 1


async def test_a_stop_ends_the_wait_between_two_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 3600.0)
    stopping = asyncio.Event()
    call = Away(1)
    trying = asyncio.create_task(
        keep_trying(
            call, (ConnectionError,), LOG, "it", stopping=stopping, failed=lambda _: stopping.set()
        )
    )
    async with asyncio.timeout(30):
        with pytest.raises(Stopped):
            await trying
    assert call.calls == 1


async def test_a_call_that_works_counts_even_if_a_stop_came_meanwhile() -> None:
    stopping = asyncio.Event()
    stopping.set()
    assert await keep_trying(Away(0), (ConnectionError,), LOG, "it", stopping=stopping) == "here"


async def test_work_that_may_be_left_off_is_cancelled_by_a_stop() -> None:
    stopping, left_off = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        stopping.set()
        try:
            await asyncio.Event().wait()
        finally:
            left_off.set()

    async with asyncio.timeout(30):
        with pytest.raises(Stopped):
            await unless_stopped(work(), stopping)
    assert left_off.is_set()


async def test_the_failure_of_one_ends_the_others_and_comes_as_itself() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def fails() -> None:
        raise ConnectionError("away")

    async with asyncio.timeout(30):
        with pytest.raises(ConnectionError, match="away"):
            await together([waits(), fails()])
    assert ended.is_set()
