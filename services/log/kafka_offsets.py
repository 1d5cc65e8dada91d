"""Questions about offsets, asked within a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition

from services.log.base import LogError, TopicPartition
from services.log.kafka_connection import KafkaConnection


async def committed_offsets(
    inner: AIOKafkaConsumer, connection: KafkaConnection, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """What the consumer's group has committed; 0 where there is nothing."""
    found = await connection.limited(
        asyncio.gather(*(inner.committed(KafkaPartition(*one)) for one in partitions)),
        connection.timeouts.request,
        "reading committed offsets",
    )
    return {one: offset or 0 for one, offset in zip(partitions, found, strict=True)}


async def start_offsets(
    inner: AIOKafkaConsumer, connection: KafkaConnection, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """Where partitions begin that have given no record yet. aiokafka's own ``position`` could
    wait for ever."""
    committed = await committed_offsets(inner, connection, partitions)
    oldest = await connection.limited(
        inner.beginning_offsets([KafkaPartition(*one) for one in partitions]),
        connection.timeouts.request,
        "reading the oldest offsets",
    )
    return {one: max(committed[one], oldest[KafkaPartition(*one)]) for one in partitions}


async def end_offsets(
    inner: AIOKafkaConsumer, connection: KafkaConnection, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """The offsets that the next records will get."""
    ends = await connection.limited(
        inner.end_offsets([KafkaPartition(*one) for one in partitions]),
        connection.timeouts.request,
        "reading the end offsets",
    )
    return {one: ends[KafkaPartition(*one)] for one in partitions}


async def oldest_instead(
    inner: AIOKafkaConsumer, connection: KafkaConnection, partition: TopicPartition, offset: int
) -> int | None:
    """The oldest offset that Kafka still has, if it lies behind ``offset``; None if ``offset`` is
    there after all. Raises LogError if Kafka has never come so far."""
    place = KafkaPartition(*partition)
    oldest = await connection.limited(
        inner.beginning_offsets([place]), connection.timeouts.request, "reading the oldest offsets"
    )
    if offset < oldest[place]:
        return int(oldest[place])
    end = (await end_offsets(inner, connection, [partition]))[partition]
    if offset <= end:
        return None
    raise LogError(
        f"{partition.topic}[{partition.partition}] in Kafka at {connection.servers} ends at "
        f"{end}, and was read up to {offset} before: Kafka has lost records that it had taken, or "
        "its topics were made anew; to a new log belongs a new database"
    )
