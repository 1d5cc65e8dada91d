"""Why Dipper uses no Kafka transactions: what aiokafka does with them on a real broker.

If one of these fails, aiokafka has been mended, and the decision may be thought about anew.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from contextlib import suppress

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors

from services.log.kafka import KafkaLog
from tests.contract.backends import topic


async def test_a_transaction_of_which_a_batch_failed_is_committed_all_the_same(
    kafka_address: str,
) -> None:
    async with KafkaLog(kafka_address) as log:
        name = await topic(log, f"transaction-{time.time_ns()}", partitions=1)
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka_address,
            transactional_id=f"id-{name}",
            max_request_size=8 << 20,
            max_batch_size=8 << 20,
        )
        await producer.start()
        try:
            async with producer.transaction():
                taken = await producer.send_and_wait(name, b"taken", partition=0)
                refused = await producer.send(name, bytes(4 << 20), partition=0)
                with pytest.raises(errors.MessageSizeTooLargeError):
                    await refused
        finally:
            with suppress(errors.KafkaError):
                await producer.stop()
        assert taken.offset == 0
        reader = AIOKafkaConsumer(
            name,
            bootstrap_servers=kafka_address,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        await reader.start()
        try:
            async with asyncio.timeout(30):
                assert (await reader.getone()).value == b"taken"
        finally:
            await reader.stop()


def test_offsets_of_a_transaction_are_not_fenced_by_the_generation_of_the_group() -> None:
    """844: there is no place for the member's generation, so a zombie could commit."""
    accepted = inspect.signature(AIOKafkaProducer.send_offsets_to_transaction).parameters
    assert list(accepted) == ["self", "offsets", "group_id"]
