"""The one loop that carries batches from the log to a stage, and offsets back.

A stage says what to do with a batch; the loop knows when: it follows the assignment, waits out
outages, and lets a batch of one partition wait only for its own predecessor.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Coroutine
from typing import Any, Protocol

from services.log.base import (
    Batch,
    Consumer,
    Log,
    LogError,
    LogUnavailableError,
    TopicPartition,
)
from services.runtime.backoff import Stopped, keep_trying, unless_stopped
from services.runtime.metrics import LoopMetrics
from services.runtime.together import together

logger = logging.getLogger(__name__)

POLL_S = 0.5
LAG_EVERY_S = 1.0
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
        """Forget all of these partitions: those that go on here come as gained, too."""
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
    try:
        consumer = await unless_stopped(
            keep_trying(
                lambda: log.consumer(group, topics),
                (LogUnavailableError,),
                logger,
                "joining " + group,
            ),
            stopping,
        )
    except Stopped:
        return
    try:
        await _Loop(consumer, group, stage, stopping, metrics, linger_s).run()
    finally:
        await consumer.close()


class _Loop:
    """A member of a group at work."""

    def __init__(
        self,
        consumer: Consumer,
        group: str,
        stage: Stage,
        stopping: asyncio.Event,
        metrics: LoopMetrics,
        linger_s: float,
    ) -> None:
        self._consumer = consumer
        self._group = group
        self._stage = stage
        self._stopping = stopping
        self._metrics = metrics
        self._linger_s = linger_s
        self._clock = asyncio.get_running_loop().time
        self._passing = (*stage.passing, LogUnavailableError)
        self._held: frozenset[TopicPartition] = frozenset()
        self._generation = consumer.generation
        self._lag_told = float("-inf")
        self._lag_topics: set[str] = set()
        for thing in self._could_be_away():
            metrics.retries.labels(group, thing)

    async def run(self) -> None:
        """Until stopped; what was handled is settled then."""
        try:
            while not self._stopping.is_set():
                await self._round()
        except Stopped as error:
            logger.info("stopped while the log or the database was away (%s)", error)
        await self._settle(final=True)

    async def _round(self) -> None:
        if self._moved():
            await self._take_over()
        batches = await keep_trying(
            lambda: self._consumer.poll(POLL_S),
            (LogUnavailableError,),
            logger,
            self._group + " reads",
            stopping=self._stopping,
            failed=self._count_retry,
        )
        if self._moved():
            return
        started = self._clock()
        await self._telling_lag(together(self._handle(batch) for batch in batches))
        await self._settle(final=False)
        await self._report_lag()
        rest = started + self._linger_s - self._clock()
        if rest > 0 and sum(len(batch.records) for batch in batches) < FULL_ROUND_RECORDS:
            await asyncio.sleep(rest)

    def _moved(self) -> bool:
        consumer = self._consumer
        return consumer.assigned() != self._held or consumer.generation != self._generation

    async def _take_over(self) -> None:
        """Begin with the partitions of a new generation."""
        held = self._consumer.assigned()
        self._stage.lost(self._held | held)
        self._held, self._generation = held, self._consumer.generation
        self._metrics.takeovers.labels(self._group).inc()
        logger.info(
            "%s has %d partitions in generation %d", self._group, len(held), self._generation
        )
        await unless_stopped(
            keep_trying(
                lambda: self._stage.gained(self._consumer, held),
                self._passing,
                logger,
                self._group + " takes partitions over",
                failed=self._count_retry,
            ),
            self._stopping,
        )

    async def _handle(self, batch: Batch) -> None:
        self._metrics.batch_records.labels(self._group).observe(len(batch.records))
        if batch.deleted:
            self._metrics.deleted_unread.labels(self._group, batch.source.topic).inc(batch.deleted)
        try:
            with self._metrics.batch_seconds.labels(self._group).time():
                await keep_trying(
                    lambda: self._stage.handle(batch),
                    self._passing,
                    logger,
                    f"{self._group} handles {batch.source.topic}",
                    stopping=self._stopping,
                    failed=self._count_retry,
                )
        except SeekTo as seek:
            logger.info("%s", seek)
            self._consumer.seek(seek.partition, seek.offset)
        except Stopped as error:
            logger.info("left for the next start: %s", error)

    async def _settle(self, *, final: bool) -> None:
        """Settle; a commit refused because the partition has moved on is no failure: its new
        owner reads the same records again, and the next round learns of the change."""
        try:
            await self._stage.settle(self._consumer, final=final)
        except LogUnavailableError as error:
            logger.warning("settling later: %s", error)
        except LogError as error:
            logger.info("not settled: %s", error)

    def _could_be_away(self) -> set[str]:
        return {"log" if kind is LogUnavailableError else "database" for kind in self._passing}

    def _count_retry(self, error: Exception) -> None:
        thing = "log" if isinstance(error, LogUnavailableError) else "database"
        self._metrics.retries.labels(self._group, thing).inc()

    async def _telling_lag(self, work: Coroutine[Any, Any, object]) -> None:
        """Do the work, and tell the lag meanwhile: it matters most when the work takes long."""
        working = asyncio.ensure_future(work)
        try:
            while True:
                done, _ = await asyncio.wait((working,), timeout=LAG_EVERY_S)
                if done:
                    working.result()
                    return
                await self._report_lag()
        finally:
            if not working.done():
                working.cancel()
                await asyncio.wait((working,))

    async def _report_lag(self) -> None:
        """Now and then, as the log has to be asked for it."""
        now = self._clock()
        if now - self._lag_told < LAG_EVERY_S:
            return
        self._lag_told = now
        try:
            lag = await self._consumer.lag()
        except LogUnavailableError as error:
            logger.warning("%s can't tell its lag: %s", self._group, error)
            return
        behind: Counter[str] = Counter()
        for partition, records in lag.items():
            behind[partition.topic] += records
        self._lag_topics |= behind.keys()
        for topic in self._lag_topics:
            # Also 0 for one whose partitions are another member's now.
            self._metrics.lag_records.labels(self._group, topic).set(behind[topic])
