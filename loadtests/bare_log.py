"""The engines below the log, used as directly as they can be."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from zlib import crc32

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from services.log.base import Entry
from services.log.sqlite_file import connect

Batches = Sequence[Sequence[Entry]]
READ_ROWS = 2_000
FETCH_BYTES = 1 << 20
READ_TIMEOUT_S = 60.0


def count(batches: Batches) -> int:
    """Records in them."""
    return sum(map(len, batches))


class BareSqlite:
    """One row a record, one transaction a batch, in a file with the settings of the log."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._written = 0

    def write(self, batches: Batches) -> float:
        """executemany; records a second."""
        start = time.perf_counter()
        for batch in batches:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT INTO records (partition, key, value) VALUES (?, ?, ?)",
                [(0, key, value) for key, value in batch],
            )
            self._connection.execute("COMMIT")
        self._written += count(batches)
        return count(batches) / (time.perf_counter() - start)

    def read(self) -> float:
        """All rows in order; records a second."""
        start = time.perf_counter()
        rows = self._connection.execute("SELECT id, key, value FROM records ORDER BY id")
        seen = 0
        while some := rows.fetchmany(READ_ROWS):
            seen += len(some)
        assert seen == self._written
        return seen / (time.perf_counter() - start)


@contextmanager
def bare_sqlite(path: Path) -> Iterator[BareSqlite]:
    """In a file of its own."""
    connection = connect(path)
    connection.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, partition, key, value)")
    try:
        yield BareSqlite(connection)
    finally:
        connection.close()


class BareKafka:
    """aiokafka's idempotent producer and a consumer without a group."""

    def __init__(
        self, producer: AIOKafkaProducer, address: str, topic: str, partitions: int
    ) -> None:
        self._producer = producer
        self._address = address
        self._topic = topic
        self._partitions = partitions
        self._written = 0

    async def send_each(self, batches: Batches) -> float:
        """``send`` for every record; records a second."""
        start = time.perf_counter()
        for batch in batches:
            sent = [
                await self._producer.send(self._topic, key=key, value=value) for key, value in batch
            ]
            await asyncio.gather(*sent)
        self._written += count(batches)
        return count(batches) / (time.perf_counter() - start)

    async def send_batches(self, batches: Batches) -> float:
        """``create_batch`` and ``send_batch`` a partition; records a second."""
        start = time.perf_counter()
        for batch in batches:
            builders = {}
            for key, value in batch:
                partition = crc32(key or b"") % self._partitions
                if partition not in builders:
                    builders[partition] = self._producer.create_batch()
                builders[partition].append(key=key, value=value, timestamp=None)
            sent = [
                await self._producer.send_batch(builder, self._topic, partition=partition)
                for partition, builder in builders.items()
            ]
            await asyncio.gather(*sent)
        self._written += count(batches)
        return count(batches) / (time.perf_counter() - start)

    async def read(self) -> float:
        """All records by ``getmany``; records a second. Raises TimeoutError."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._address,
            max_partition_fetch_bytes=FETCH_BYTES,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            places = [TopicPartition(self._topic, number) for number in range(self._partitions)]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            start = time.perf_counter()
            seen = 0
            async with asyncio.timeout(READ_TIMEOUT_S):
                while seen < self._written:
                    found = await consumer.getmany(timeout_ms=1000)
                    seen += sum(map(len, found.values()))
            return seen / (time.perf_counter() - start)
        finally:
            await consumer.stop()


@asynccontextmanager
async def bare_kafka(address: str, topic: str, partitions: int) -> AsyncIterator[BareKafka]:
    """On a topic that exists."""
    async with AIOKafkaProducer(
        bootstrap_servers=address, acks="all", enable_idempotence=True
    ) as producer:
        yield BareKafka(producer, address, topic, partitions)
