"""Records that other producers wrote: compressed, with headers, in transactions, among our own."""

from __future__ import annotations

import time

from aiokafka import AIOKafkaProducer

from services.log.base import Entry, Record, TopicPartition
from services.log.kafka import KafkaLog
from services.log.storage import Limits
from tests.contract.backends import drain, topic


async def write_as_others_do(address: str, name: str) -> list[bytes]:
    """Values in the order of their offsets, of which ABORTED was taken back."""
    async with AIOKafkaProducer(bootstrap_servers=address, compression_type="gzip") as producer:
        for number in range(20):
            await producer.send(name, b"zipped-%02d" % number, partition=0)
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        await producer.send_and_wait(name, b"traced", headers=[("trace", b"1")], partition=0)
    async with AIOKafkaProducer(
        bootstrap_servers=address, transactional_id=f"id-{name}"
    ) as producer:
        async with producer.transaction():
            await producer.send(name, b"committed", partition=0)
        await producer.begin_transaction()
        await producer.send_and_wait(name, b"aborted", partition=0)
        await producer.abort_transaction()
    return [b"zipped-%02d" % number for number in range(20)] + [b"traced", b"committed", b"aborted"]


async def test_what_others_write_is_read_in_order_among_our_own(kafka_address: str) -> None:
    """As without compiled code: nothing is read twice, and nothing is left out."""
    async with KafkaLog(kafka_address, limits=Limits(records=7)) as log:
        name = await topic(log, f"foreign-{time.time_ns()}", partitions=1)
        ours = [Entry(b"k", b"ours-%02d" % number) for number in range(10)]
        await log.append(name, ours[:5])
        others = await write_as_others_do(kafka_address, name)
        await log.append(name, ours[5:])
        expected = [entry.value for entry in ours[:5]] + others + [one.value for one in ours[5:]]
        consumer = await log.consumer(f"readers-{name}", [name])
        found = (await drain(consumer, len(expected)))[TopicPartition(name, 0)]
        assert [record.value for record in found] == expected
        assert all(type(record) is Record for record in found)
        consumer.seek(TopicPartition(name, 0), 17)
        again = (await drain(consumer, len(expected) - 17))[TopicPartition(name, 0)]
        assert again == [record for record in found if record.offset >= 17]
        await consumer.close()
