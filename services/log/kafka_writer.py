"""Appends to Kafka: idempotent, acknowledged by all in-sync replicas, in whole batches.

aiokafka's idempotent producer stays broken after a failure that it does not retry (its issue
1017): every later batch is out of sequence. So a producer that has failed is thrown away and
what it had not delivered is sent by a new one. That can append a record twice, which readers
absorb: everything is named by its content.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer, errors
from aiokafka.structs import RecordMetadata

from services.log.base import Entry, LogUnavailableError
from services.log.blocks import size_of
from services.log.budget import ByteBudget
from services.log.kafka_batch import BATCH_BYTES, fill_batch
from services.log.kafka_connection import REFUSED, KafkaConnection

_LOGGER = logging.getLogger(__name__)

PENDING_BYTES = 32 << 20
"""Bytes handed in and not acknowledged yet; more wait in line."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0


class Sent(NamedTuple):
    """A batch on its way: how many of its partition's entries it holds."""

    partition: int
    entries: int
    delivered: asyncio.Future[RecordMetadata]


class KafkaWriter:
    """Appends entries that are already split by partition."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._pending = ByteBudget(PENDING_BYTES)
        self._producer: AIOKafkaProducer | None = None
        self._making = asyncio.Lock()
        self._turns: defaultdict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)
        """aiokafka takes one batch of a partition at a time. Of several who wait there for their
        turn it counts the time double, and tells most that it is up."""
        self._disposals: set[asyncio.Task[None]] = set()

    async def append(self, topic: str, parts: Mapping[int, list[Entry]]) -> dict[int, int]:
        """Append, trying again until the delivery time is up; the end of each partition.

        An offset is -1 if the broker can't tell it any more (a batch it already had).
        """
        size = sum(map(size_of, parts.values()))
        await self._pending.acquire(size)
        try:
            return await self._append(topic, parts)
        finally:
            self._pending.release(size)

    async def close(self) -> None:
        """Stop the producer; what is on its way goes out first."""
        producer, self._producer = self._producer, None
        if producer is not None and not await self._connection.stop(producer.stop):
            self._dispose(producer)
        if self._disposals:
            await asyncio.wait(self._disposals, timeout=self._connection.timeouts.stop)

    async def _append(self, topic: str, parts: Mapping[int, list[Entry]]) -> dict[int, int]:
        deadline = asyncio.get_running_loop().time() + self._connection.timeouts.delivery
        left = dict(parts)
        ends: dict[int, int] = {}
        pause = FIRST_PAUSE_S
        while True:
            producer: AIOKafkaProducer | None = None
            try:
                async with asyncio.timeout_at(deadline):
                    producer = await self._ready()
                    await self._deliver(producer, topic, left, ends)
                    return ends
            except TimeoutError as error:
                self._discard(producer)
                raise LogUnavailableError(
                    f"Kafka at {self._connection.servers} did not take an append to {topic} "
                    f"within {self._connection.timeouts.delivery:.0f} s"
                ) from error
            except errors.TopicAuthorizationFailedError as error:
                self._discard(producer)
                raise self._connection.lacks([f"Write on topic {topic}"]) from error
            except REFUSED as error:
                self._discard(producer)
                raise self._connection.explain(error, f"appending to {topic}") from error
            except (errors.KafkaError, LogUnavailableError) as error:
                self._discard(producer)
                _LOGGER.warning("an append to %s is tried again: %r", topic, error)
            remaining = deadline - asyncio.get_running_loop().time()
            await asyncio.sleep(max(0.0, min(pause, remaining)))
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _deliver(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        left: dict[int, list[Entry]],
        ends: dict[int, int],
    ) -> None:
        """Send all that is left and wait; what was delivered leaves ``left``. Raises KafkaError."""
        sent: list[Sent] = []
        failure: BaseException | None = None
        try:
            for partition, entries in left.items():
                async with self._turns[topic, partition]:
                    await _send(producer, topic, partition, entries, sent)
        except errors.KafkaError as error:
            failure = error
        results = await asyncio.gather(*(one.delivered for one in sent), return_exceptions=True)
        stuck: set[int] = set()
        for one, result in zip(sent, results, strict=True):
            if isinstance(result, BaseException):
                failure = failure or result
                stuck.add(one.partition)
            elif one.partition not in stuck:
                del left[one.partition][: one.entries]
                ends[one.partition] = result.offset + one.entries if result.offset >= 0 else -1
        if failure is not None:
            raise failure

    async def _ready(self) -> AIOKafkaProducer:
        async with self._making:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    acks="all",
                    enable_idempotence=True,
                    max_batch_size=BATCH_BYTES,
                    **self._connection.settings(),
                )
                await self._connection.start(producer.start, producer.stop, "starting a producer")
                self._producer = producer
            return self._producer

    def _discard(self, producer: AIOKafkaProducer | None) -> None:
        if producer is not None and self._producer is producer:
            self._producer = None
            self._dispose(producer)

    def _dispose(self, producer: AIOKafkaProducer) -> None:
        task = asyncio.create_task(_abort(producer, self._connection), name="dipper-log-dispose")
        self._disposals.add(task)
        task.add_done_callback(self._disposals.discard)


async def _send(
    producer: AIOKafkaProducer,
    topic: str,
    partition: int,
    entries: Sequence[Entry],
    sent: list[Sent],
) -> None:
    """Hand batches of these entries in, and note each in ``sent``. Raises KafkaError."""
    now_ms = int(time.time() * 1000)
    start = 0
    while start < len(entries):
        batch = fill_batch(producer, entries, start, now_ms)
        count = batch.record_count()
        delivered = await producer.send_batch(batch, topic, partition=partition)
        delivered.add_done_callback(_seen)
        sent.append(Sent(partition, count, delivered))
        start += count


async def _abort(producer: AIOKafkaProducer, connection: KafkaConnection) -> None:
    """Stop a producer that must not deliver any more: ``stop`` alone would wait for batches that
    it can't deliver (aiokafka's issue 1101), so they are failed first."""
    accumulator = producer._message_accumulator
    for batches in accumulator._batches.values():
        # A batch that waits for its next try is not pending, though its callback thinks so.
        accumulator._pending_batches.update(batches)
    accumulator.fail_all(errors.ProducerClosed())
    try:
        stopped = await connection.stop(producer.stop)
    except Exception as error:  # noqa: BLE001 - such as KeyError for a batch that was failed here
        _LOGGER.debug("a producer that is thrown away ended with %r", error)
        stopped = False
    if not stopped:
        await connection.stop(producer.client.close)


def _seen(delivered: asyncio.Future[RecordMetadata]) -> None:
    """An error counts as noticed though nobody waits for it any more."""
    if not delivered.cancelled():
        delivered.exception()
