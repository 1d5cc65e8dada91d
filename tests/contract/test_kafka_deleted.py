"""Records that Kafka deletes before a group has read them are told, and never passed over in
silence."""

from __future__ import annotations

import time

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from services.log.base import Batch, Consumer, LogError, TopicPartition
from services.log.kafka import KafkaLog
from tests.contract.backends import entries, settle, topic


async def delete_below(servers: str, name: str, offset: int) -> None:
    """As retention does, only sooner."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.delete_records({KafkaPartition(name, 0): RecordsToDelete(offset)})
    finally:
        await admin.close()


async def next_batches(consumer: Consumer, count: int) -> list[Batch]:
    found: list[Batch] = []
    while len(found) < count:
        found += await consumer.poll(1.0)
    return found


@pytest.mark.parametrize("kept", [3, 0], ids=["some are left", "none is left"])
async def test_a_group_hears_of_the_records_that_were_deleted_before_it_read_them(
    kafka_address: str, kept: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with KafkaLog(kafka_address) as log:
        name = await topic(log, f"deleted-{time.time_ns()}", partitions=1)
        source = TopicPartition(name, 0)
        await log.append(name, entries(10))
        consumer = await log.consumer(f"readers-{name}", [name])
        await settle(consumer, share=[1])
        consumer.seek(source, 2)
        await consumer.commit({source: 2})
        await consumer.close()

        await delete_below(kafka_address, name, 10 - kept)
        consumer = await log.consumer(f"readers-{name}", [name])
        (gap,) = await next_batches(consumer, 1)
        assert gap == Batch(source, (), 10 - kept, 8 - kept)
        assert gap.first_offset == 2
        assert f"deleted the records 2 to {9 - kept} before" in caplog.text
        await consumer.commit({source: gap.next_offset})
        assert sum((await consumer.lag()).values()) == kept

        await log.append(name, entries(1, start=10))
        read: list[bytes | None] = []
        while len(read) < kept + 1:
            for batch in await consumer.poll(1.0):
                assert not batch.deleted
                read += [record.value for record in batch.records]
        assert read == [entry.value for entry in entries(kept + 1, start=10 - kept)]
        await consumer.close()


async def test_a_new_group_hears_of_what_was_deleted_before_it_came(kafka_address: str) -> None:
    async with KafkaLog(kafka_address) as log:
        name = await topic(log, f"deleted-{time.time_ns()}", partitions=1)
        await log.append(name, entries(10))
        await delete_below(kafka_address, name, 4)
        consumer = await log.consumer(f"readers-{name}", [name])
        gap, batch = await next_batches(consumer, 2)
        assert (gap.first_offset, gap.next_offset) == (0, 4)
        assert [record.offset for record in batch.records] == list(range(4, 10))
        await consumer.close()


async def test_a_log_that_ends_before_the_place_that_was_reached_is_an_error(
    kafka_address: str,
) -> None:
    async with KafkaLog(kafka_address) as log:
        name = await topic(log, f"shorter-{time.time_ns()}", partitions=1)
        await log.append(name, entries(5))
        consumer = await log.consumer(f"readers-{name}", [name])
        await settle(consumer, share=[1])
        consumer.seek(TopicPartition(name, 0), 9)
        with pytest.raises(LogError, match="ends at 5, and was read up to 9"):
            await next_batches(consumer, 1)
        await consumer.close()
