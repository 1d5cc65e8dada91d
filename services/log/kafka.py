"""The log on Apache Kafka, by aiokafka (see docs/adr/0002-the-log.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Literal, Self

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition

from services.log.base import Entry, LogError, LogUnavailableError, TopicSpec
from services.log.kafka_connection import KafkaConnection, KafkaSecurity, KafkaTimeouts
from services.log.kafka_consumer import KafkaConsumer
from services.log.kafka_records import stop
from services.log.kafka_rights import Rights
from services.log.kafka_topics import KafkaTopics
from services.log.kafka_writer import KafkaWriter
from services.log.partitioning import Spreader
from services.log.storage import Limits

READ_RECORDS = 10_000
"""Records of a compacted topic that are taken at once."""


class KafkaLog:
    """See ``services.log.base.Log``. ``bootstrap_servers`` is ``host:port``, several with commas.

    ``replication`` is how many copies a new topic has; else 3, or as many as there are brokers.
    Entering raises LogUnavailableError if no broker answers, LogError for wrong credentials.
    """

    backend: Literal["kafka", "sqlite", "memory"] = "kafka"

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        security: KafkaSecurity | None = None,
        timeouts: KafkaTimeouts | None = None,
        limits: Limits | None = None,
        client_id: str = "dipper",
        replication: int | None = None,
    ) -> None:
        self._connection = KafkaConnection(
            bootstrap_servers, security or KafkaSecurity(), timeouts or KafkaTimeouts(), client_id
        )
        self._limits = limits or Limits()
        self._topics = KafkaTopics(self._connection, replication)
        self._writer = KafkaWriter(self._connection)
        self._spreader = Spreader()
        self._offsets: AIOKafkaConsumer | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._topics.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._writer.close()
        offsets, self._offsets = self._offsets, None
        if offsets is not None:
            await stop(offsets, self._connection)
        await self._topics.close()

    async def create_topics(self, topics: Sequence[TopicSpec]) -> None:
        await self._topics.create(topics)

    async def partitions(self, topic: str) -> int:
        return (await self._topics.lookup(topic)).partitions

    async def append(
        self, topic: str, entries: Sequence[Entry], *, partition: int | None = None
    ) -> Mapping[int, int]:
        spec = await self._topics.lookup(topic)
        if partition is not None and not 0 <= partition < spec.partitions:
            raise LogError(f"topic {topic} has no partition {partition}: it has {spec.partitions}")
        if spec.compacted and any(entry[0] is None for entry in entries):
            raise LogError(f"topic {topic} is compacted: every entry needs a key")
        parts = self._spreader.split(entries, spec.partitions, partition)
        if not parts:
            return {}
        ends = await self._writer.append(topic, parts)
        if -1 in ends.values():
            known = await self.end_offsets(topic)
            return {number: known[number] if end == -1 else end for number, end in ends.items()}
        return ends

    async def consumer(self, group: str, topics: Sequence[str]) -> KafkaConsumer:
        for topic in topics:
            await self._topics.lookup(topic)
        consumer = KafkaConsumer(self._connection, group, topics, self._limits)
        await consumer.open()
        return consumer

    async def read_compacted(
        self, topic: str, partition: int | None = None
    ) -> Mapping[bytes, bytes]:
        spec = await self._topics.lookup(topic)
        if not spec.compacted:
            raise LogError(f"topic {topic} is not compacted")
        numbers = range(spec.partitions) if partition is None else (partition,)
        reader = AIOKafkaConsumer(
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=self._limits.bytes,
            **self._connection.settings(),
        )
        await self._connection.start(reader.start, reader.stop, f"reading {topic}")
        try:
            return await self._read_to_the_end(
                reader, [KafkaPartition(topic, number) for number in numbers]
            )
        finally:
            await stop(reader, self._connection)

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        spec = await self._topics.lookup(topic)
        partitions = [KafkaPartition(topic, number) for number in range(spec.partitions)]
        reader = await self._offsets_reader()
        ends = await self._connection.limited(
            reader.end_offsets(partitions),
            self._connection.timeouts.request,
            "reading the end offsets",
        )
        return {one.partition: ends[one] for one in partitions}

    async def check_rights(self, rights: Rights) -> None:
        """Raises LogError that names each right that Kafka does not give us."""
        lacking = await self._topics.missing_rights(rights)
        if lacking:
            raise self._connection.lacks(lacking)

    async def ping(self) -> None:
        await self._topics.ping()

    async def _offsets_reader(self) -> AIOKafkaConsumer:
        async with self._connecting:
            if self._offsets is None:
                reader = AIOKafkaConsumer(enable_auto_commit=False, **self._connection.settings())
                await self._connection.start(reader.start, reader.stop, "connecting")
                self._offsets = reader
            return self._offsets

    async def _read_to_the_end(
        self, reader: AIOKafkaConsumer, partitions: Sequence[KafkaPartition]
    ) -> dict[bytes, bytes]:
        """Fold the records up to the end offsets as of now; the position counts and not the last
        record, since compaction may have removed the newest ones."""
        newest: dict[bytes, bytes] = {}
        request_s = self._connection.timeouts.request
        what = "reading a compacted topic"
        ends = await self._connection.limited(reader.end_offsets(partitions), request_s, what)
        reader.assign(list(partitions))
        await self._connection.limited(reader.seek_to_beginning(*partitions), request_s, what)
        loop = asyncio.get_running_loop()
        heard = loop.time()
        behind = set(partitions)
        while True:
            for one in list(behind):
                position = await self._connection.limited(reader.position(one), request_s, what)
                if position >= ends[one]:
                    behind.discard(one)
            if not behind:
                return newest
            with self._connection.plain_words(what):
                found = await reader.getmany(*behind, timeout_ms=200, max_records=READ_RECORDS)
            if found:
                heard = loop.time()
            elif loop.time() - heard > self._connection.timeouts.stall:
                raise LogUnavailableError(
                    f"Kafka at {self._connection.servers} gives no records of a topic that has some"
                )
            for records in found.values():
                for record in records:
                    if record.value is None:
                        newest.pop(record.key, None)
                    else:
                        newest[record.key] = record.value
