"""Records that were taken from aiokafka's consumer, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, errors
from aiokafka import TopicPartition as KafkaPartition

from services.log.base import Batch, Record, TopicPartition
from services.log.kafka_connection import KafkaConnection


def as_batch(source: KafkaPartition, records: Sequence[Record]) -> Batch:
    """A batch of records of one partition, of which there is at least one."""
    return Batch(TopicPartition(source.topic, source.partition), records, records[-1].offset + 1)


def give_back(inner: AIOKafkaConsumer, found: Mapping[KafkaPartition, Sequence[Record]]) -> None:
    """Let records that were taken, but are not to be used, be read again."""
    for source, records in found.items():
        try:
            inner.seek(source, records[0].offset)
        except errors.IllegalStateError:
            continue  # It is another member's now, who begins at the committed offset.


async def stop(inner: AIOKafkaConsumer, connection: KafkaConnection) -> None:
    """Leave the group; a consumer that hangs in that (aiokafka's issue 1101) is torn down."""
    if await connection.stop(inner.stop):
        return
    coordinator, fetcher = inner._coordinator, inner._fetcher
    tasks = [
        task
        for task in (
            getattr(coordinator, "_coordination_task", None),
            getattr(coordinator, "_heartbeat_task", None),
            getattr(coordinator, "_commit_refresh_task", None),
            getattr(fetcher, "_fetch_task", None),
            *getattr(fetcher, "_pending_tasks", ()),
        )
        if isinstance(task, asyncio.Task)
    ]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=connection.timeouts.stop)
    await connection.stop(inner._client.close)
