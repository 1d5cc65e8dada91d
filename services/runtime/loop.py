"""The one loop that carries batches from the log to a stage, and offsets back.

A stage says what to do with a batch; the loop knows when: it follows the assignment, waits out
outages, and lets a batch of one partition wait only for its own predecessor.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection
from typing import Protocol

from services.log.base import (
    Batch,
    Consumer,
    Log,
    LogError,
    LogUnavailableError,
    TopicPartition,
)
from services.runtime.backoff import keep_trying
from services.runtime.metrics import LoopMetrics

logger = logging.getLogger(__name__)

POLL_S = 0.5
FULL_ROUND_RECORDS = 1_000
"""A round with so many records is worth its fixed costs: the next one follows at once."""


class SeekTo(Exception):  # noqa: N818 - an instruction to the loop, not an error
    """Raised by a stage: the partition has to be read again from ``offset``."""

    def __init__(self, partition: TopicPartition, offset: int) -> None:
        super().__init__(f"read {partition.topic}/{partition.partition} from {offset}")
        self.partition = partition
        self.offset = offset


class Stage(Protocol):
    """What a service does between two topics."""

    passing: tuple[type[Exception], ...]
    """Exceptions that a later try of the same batch may not raise."""

    async def gained(self, consumer: Consumer, partitions: Collection[TopicPartition]) -> None:
        """Make ready for partitions that are new here: load state, seek."""
        ...

    async def handle(self, batch: Batch) -> None:
        """Everything that follows from a batch, durable on return. Raises SeekTo, or one of
        ``passing`` with nothing half done that a repetition would not put right."""
        ...

    async def settle(self, consumer: Consumer, *, final: bool) -> None:
        """Called between rounds: save state and commit what is due, all of it when ``final``."""
        ...

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Forget partitions that went to another member."""
        ...


async def run_stage(
    log: Log,
    group: str,
    topics: list[str],
    stage: Stage,
    stopping: asyncio.Event,
    metrics: LoopMetrics,
    linger_s: float = 0.0,
) -> None:
    """Consume ``topics`` as a member of ``group`` until ``stopping`` is set.

    A round begins at the earliest ``linger_s`` after the one before, unless that was full: many
    small batches cost more than they hasten. On the way out what was handled is settled, and the
    member leaves its group.
    """
    consumer = await keep_trying(
        lambda: log.consumer(group, topics), (LogUnavailableError,), logger, "joining " + group
    )
    try:
        await _consume(consumer, group, stage, stopping, metrics, linger_s)
    finally:
        await consumer.close()


async def _consume(
    consumer: Consumer,
    group: str,
    stage: Stage,
    stopping: asyncio.Event,
    metrics: LoopMetrics,
    linger_s: float,
) -> None:
    clock = asyncio.get_running_loop().time
    held: frozenset[TopicPartition] = frozenset()
    generation = consumer.generation
    passing = (*stage.passing, LogUnavailableError)
    while not stopping.is_set():
        assigned = consumer.assigned()
        if assigned != held or consumer.generation != generation:
            held, generation = assigned, consumer.generation
            metrics.takeovers.labels(group).inc()
            stage.lost(held)
            await keep_trying(
                lambda now=held: stage.gained(consumer, now),  # type: ignore[misc]
                passing,
                logger,
                group + " takes partitions over",
            )
        batches = await keep_trying(
            lambda: consumer.poll(POLL_S), (LogUnavailableError,), logger, group + " reads"
        )
        if consumer.assigned() != held or consumer.generation != generation:
            continue
        started = clock()
        await asyncio.gather(
            *(_handle(consumer, stage, batch, passing, group, metrics) for batch in batches)
        )
        await _settle(consumer, stage, final=False)
        await _report_lag(consumer, group, metrics)
        rest = started + linger_s - clock()
        if rest > 0 and sum(len(batch.records) for batch in batches) < FULL_ROUND_RECORDS:
            await asyncio.sleep(rest)
    await _settle(consumer, stage, final=True)


async def _handle(
    consumer: Consumer,
    stage: Stage,
    batch: Batch,
    passing: tuple[type[Exception], ...],
    group: str,
    metrics: LoopMetrics,
) -> None:
    metrics.batch_records.labels(group).observe(len(batch.records))
    try:
        with metrics.batch_seconds.labels(group).time():
            await keep_trying(
                lambda: stage.handle(batch),
                passing,
                logger,
                f"batch of {batch.source.topic}/{batch.source.partition}",
            )
    except SeekTo as seek:
        logger.info("%s", seek)
        consumer.seek(seek.partition, seek.offset)


async def _settle(consumer: Consumer, stage: Stage, *, final: bool) -> None:
    """Settle; a commit refused because the partition has moved on is no failure: its new owner
    reads the same records again, and the next round learns of the change."""
    try:
        await stage.settle(consumer, final=final)
    except LogUnavailableError as error:
        logger.warning("settling later: %s", error)
    except LogError as error:
        logger.info("not settled: %s", error)


async def _report_lag(consumer: Consumer, group: str, metrics: LoopMetrics) -> None:
    behind: Counter[str] = Counter()
    for partition, records in (await consumer.lag()).items():
        behind[partition.topic] += records
    for topic, records in behind.items():
        metrics.lag_records.labels(group, topic).set(records)
