"""The store service: batches from the log into the database (a ``runtime.loop.Stage``)."""

from __future__ import annotations

from collections.abc import Callable, Collection

from services.log.base import (
    ENRICHED,
    MESSAGE,
    REJECT,
    TALLY,
    ZONE_EVENT,
    Batch,
    Consumer,
    TopicPartition,
)
from services.runtime.database import DatabaseUnavailableError
from services.store.metrics import StoreMetrics
from services.store.prepared import DEAD_LETTERED
from services.store.tables import TABLES
from services.store.work import StoredBatch
from services.store.writer import Fenced, StoreWriter

STORE_TOPICS = (ENRICHED, ZONE_EVENT, MESSAGE, REJECT, TALLY)


class StoreStage:
    """The database's offsets rule: the group's own only tell the log what is no longer needed."""

    passing: tuple[type[Exception], ...] = (DatabaseUnavailableError,)

    def __init__(
        self, writer: StoreWriter, metrics: StoreMetrics, clock_us: Callable[[], int]
    ) -> None:
        self._writer = writer
        self._metrics = metrics
        self._clock_us = clock_us
        self._done: dict[TopicPartition, int] = {}

    async def gained(self, consumer: Consumer, partitions: Collection[TopicPartition]) -> None:
        """Read on where the database is."""
        for topic in sorted({place.topic for place in partitions}):
            offsets = await self._writer.offsets(topic)
            for place in partitions:
                if place.topic == topic:
                    consumer.seek(place, offsets.get(place.partition, 0))

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Forget what was to be committed: the new owner does it."""
        for place in partitions:
            self._done.pop(place, None)

    async def handle(self, batch: Batch) -> None:
        """Store the batch. Raises SeekTo when someone else has stored it."""
        try:
            stored = await self._writer.store(batch)
        except Fenced:
            self._metrics.fenced.inc()
            raise
        self._done[batch.source] = batch.next_offset
        self._count(stored)

    async def settle(self, consumer: Consumer, *, final: bool) -> None:
        """Tell the log what is stored."""
        if self._done:
            await consumer.commit(self._done)
            self._done.clear()

    def _count(self, stored: StoredBatch) -> None:
        metrics, table = self._metrics, TABLES[stored.source.topic].name
        metrics.rows.labels(table).inc(stored.stored)
        metrics.duplicates.labels(table).inc(stored.duplicate)
        metrics.redelivered.inc(stored.redelivered)
        for reason, count in stored.dead_lettered.items():
            metrics.dead_letters.labels(reason.removeprefix(DEAD_LETTERED)).inc(count)
        if stored.shares is not None:
            metrics.beidou_fixes.inc(stored.shares.beidou)
            for quality, count in stored.shares.by_quality.items():
                metrics.fix_quality.labels(quality).inc(count)
        if stored.moments is not None:
            now = self._clock_us()
            first, last, first_received, last_received = stored.moments
            for moment in (first, last):
                metrics.fix_latency.observe(max(0, now - moment) / 1e6)
            for moment in (first_received, last_received):
                metrics.receive_latency.observe(max(0, now - moment) / 1e6)
