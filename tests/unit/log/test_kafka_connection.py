"""Cancellations that nobody asked for: aiokafka passes on those of its own tasks."""

from __future__ import annotations

import asyncio

import pytest

from services.log.base import LogUnavailableError
from services.log.kafka_connection import KafkaConnection, KafkaSecurity, KafkaTimeouts

CONNECTION = KafkaConnection("127.0.0.1:1", KafkaSecurity(), KafkaTimeouts(), "test")


async def waits_for_a_stranger() -> None:
    stranger = asyncio.ensure_future(asyncio.sleep(60))
    asyncio.get_running_loop().call_soon(stranger.cancel)
    await stranger


async def test_a_client_whose_own_tasks_were_cancelled_counts_as_not_stopped() -> None:
    assert await CONNECTION.stop(waits_for_a_stranger) is False


async def test_a_call_whose_client_has_ended_can_be_tried_again() -> None:
    with pytest.raises(LogUnavailableError, match="reading"):
        await CONNECTION.limited(waits_for_a_stranger(), 5.0, "reading")


@pytest.mark.parametrize("stops", [True, False])
async def test_our_own_cancellation_passes_through(stops: bool) -> None:
    call = (
        CONNECTION.stop(asyncio.Event().wait)
        if stops
        else CONNECTION.limited(asyncio.Event().wait(), 60.0, "reading")
    )
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
