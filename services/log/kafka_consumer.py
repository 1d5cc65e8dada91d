"""A member of a Kafka consumer group."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, errors
from aiokafka import TopicPartition as KafkaPartition

from services.log.base import Batch, LogError, Record, TopicPartition
from services.log.kafka_connection import REFUSED, KafkaConnection
from services.log.kafka_fetch import give_records
from services.log.kafka_group import Membership, SameNumbersAssignor
from services.log.kafka_offsets import (
    committed_offsets,
    end_offsets,
    oldest_instead,
    start_offsets,
)
from services.log.kafka_records import as_batch, give_back, stop
from services.log.kafka_watchdog import Watchdog
from services.log.storage import Limits

_LOGGER = logging.getLogger(__name__)

FETCH_BYTES = 4 << 20
"""What one answer of a broker holds at most."""
FETCH_WAIT_S = 0.1
"""How long a broker waits for records. A partition that was just read takes part in the next
request only, so this bounds how late its records can come."""
GRACE_S = 0.25
LOOK_S = 0.5
"""How often a waiting poll looks whether the group has changed."""


class KafkaConsumer:
    """See ``services.log.base.Consumer``. A poll that finds a new generation returns no batch,
    so every batch is of a partition that ``assigned()`` named before the poll."""

    def __init__(
        self, connection: KafkaConnection, group: str, topics: Sequence[str], limits: Limits
    ) -> None:
        self._connection = connection
        self._group = group
        self._topics = tuple(topics)
        self._limits = limits
        self._inner: AIOKafkaConsumer | None = None
        self._membership = Membership(self._coordinator_generation)
        self._generation = 0
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._positions: dict[TopicPartition, int] = {}
        now = asyncio.get_running_loop().time()
        self._watchdog = Watchdog(connection.timeouts.stall, now)
        self._disposals: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def generation(self) -> int:
        return self._generation

    def assigned(self) -> frozenset[TopicPartition]:
        return self._assigned

    async def open(self) -> None:
        """Connect and begin to join. Raises LogUnavailableError, LogError."""
        inner = AIOKafkaConsumer(
            group_id=self._group,
            enable_auto_commit=False,
            # Where a group begins, and what to do about deleted records, is decided here.
            auto_offset_reset="none",
            partition_assignment_strategy=(SameNumbersAssignor,),
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=self._limits.bytes,
            fetch_max_wait_ms=int(FETCH_WAIT_S * 1000),
            session_timeout_ms=int(self._connection.timeouts.session * 1000),
            heartbeat_interval_ms=int(self._connection.timeouts.session * 1000 / 8),
            **self._connection.settings(),
        )
        self._membership.lose_all()
        self._inner = inner
        try:
            inner.subscribe(list(self._topics), listener=self._membership)
            await self._connection.start(inner.start, inner.stop, f"joining {self._group}")
        except BaseException:
            self._inner = None
            raise
        give_records(inner)
        self._watchdog.heard(asyncio.get_running_loop().time())

    async def poll(self, timeout_s: float) -> Sequence[Batch]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            inner = await self._live()
            if self._membership.changed:
                self._take_over(inner)
                return ()
            remaining = max(0.0, deadline - loop.time())
            batches = await self._fetch(inner, min(remaining, LOOK_S))
            if batches:
                self._watchdog.heard(loop.time())
                return batches
            if not self._membership.changed:
                await self._watch(inner, loop.time())
                if loop.time() >= deadline:
                    return ()

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition not in self._assigned:
            raise LogError(f"{_name(partition)} is not assigned to this member")
        self._positions[partition] = offset
        if self._inner is not None:
            _seek(self._inner, partition, offset)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if not offsets:
            return
        wanted = {KafkaPartition(*source): offset for source, offset in offsets.items()}
        with self._connection.plain_words(f"committing for {self._group}"):
            async with asyncio.timeout(self._connection.timeouts.start):
                while True:
                    inner = await self._live()
                    self._check_held(offsets)
                    self._membership.news.clear()
                    try:
                        await inner.commit(wanted)
                    except (errors.CommitFailedError, errors.IllegalStateError):
                        # The group is being shared anew: what this member keeps it may commit.
                        await self._membership.news.wait()
                    else:
                        return

    async def committed(self) -> Mapping[TopicPartition, int]:
        inner = await self._live()
        return await committed_offsets(inner, self._connection, sorted(self._assigned))

    async def lag(self) -> Mapping[TopicPartition, int]:
        inner = await self._live()
        partitions = sorted(self._assigned)
        ends = await end_offsets(inner, self._connection, partitions)
        positions = await self._known_positions(inner)
        return {one: max(0, ends[one] - positions[one]) for one in partitions}

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._assigned = frozenset()
        self._positions = {}
        inner, self._inner = self._inner, None
        if inner is not None:
            await stop(inner, self._connection)
        if self._disposals:
            await asyncio.wait(self._disposals, timeout=self._connection.timeouts.stop)

    async def _live(self) -> AIOKafkaConsumer:
        if self._closed:
            raise LogError("this consumer is closed")
        if self._inner is None:
            await self.open()
        return self._inner

    def _coordinator_generation(self) -> int:
        assert self._inner is not None
        generation: int = self._inner._coordinator.generation
        return generation

    def _take_over(self, inner: AIOKafkaConsumer) -> None:
        """Begin with the group's new assignment; partitions that stayed go on where they were
        (aiokafka would begin them at the committed offset)."""
        stayed = self._membership.take_over()
        self._generation = self._membership.generation
        self._assigned = self._membership.current
        self._positions = {one: at for one, at in self._positions.items() if one in stayed}
        for source, offset in self._positions.items():
            _seek(inner, source, offset)
        self._watchdog.heard(asyncio.get_running_loop().time())

    async def _fetch(self, inner: AIOKafkaConsumer, timeout_s: float) -> list[Batch]:
        """What is there, at most one batch a partition; none if the group has changed."""
        found: dict[KafkaPartition, Sequence[Record]] = {}
        gone: Mapping[KafkaPartition, int] = {}
        with self._connection.plain_words(f"reading for {self._group}"):
            try:
                # getmany waits without a limit while the group is being shared anew.
                async with asyncio.timeout(timeout_s + GRACE_S):
                    found = await inner.getmany(
                        timeout_ms=int(timeout_s * 1000), max_records=self._limits.records
                    )
                    rest = self._rest(found)
                    while found and rest:
                        more = await inner.getmany(*rest, max_records=self._limits.records)
                        if not more:
                            break
                        found.update(more)
                        rest = self._rest(found)
            except TimeoutError:
                pass
            except errors.NoOffsetForPartitionError as error:
                _seek(inner, TopicPartition(*error.args[0]), 0)
            except errors.OffsetOutOfRangeError as error:
                gone = error.args[0]
            except errors.TopicAuthorizationFailedError as error:
                topic = error.args[0] if error.args else "?"
                raise self._connection.lacks([f"Read on topic {topic}"]) from error
            except REFUSED:
                raise
            except errors.KafkaError as error:
                self._restart(f"it failed: {error!r}")
                raise
        if self._membership.changed:
            give_back(inner, found)
            return []
        batches = [as_batch(source, records) for source, records in found.items()]
        try:
            for source, offset in gone.items():
                batches += await self._without_deleted(inner, TopicPartition(*source), offset)
        except LogError:
            give_back(inner, found)
            raise
        for batch in batches:
            self._positions[batch.source] = batch.next_offset
        return batches

    async def _without_deleted(
        self, inner: AIOKafkaConsumer, partition: TopicPartition, offset: int
    ) -> list[Batch]:
        """Go on where the log's records begin, and tell which were not read."""
        oldest = await oldest_instead(inner, self._connection, partition, offset)
        _seek(inner, partition, offset if oldest is None else oldest)
        if oldest is None:
            return []
        _LOGGER.error(
            "%s: Kafka deleted the records %d to %d before group %s read them: they are lost; "
            "let the topic's retention be longer than the longest outage",
            _name(partition),
            offset,
            oldest - 1,
            self._group,
        )
        return [Batch(partition, (), oldest, oldest - offset)]

    def _rest(self, found: Mapping[KafkaPartition, object]) -> list[KafkaPartition]:
        return [one for one in map(KafkaPartition._make, self._assigned) if one not in found]

    def _check_held(self, offsets: Mapping[TopicPartition, int]) -> None:
        lost = sorted(offsets.keys() - self._membership.held)
        if lost:
            raise LogError(
                f"{', '.join(map(_name, lost))}: group {self._group} has given it to another member"
            )

    async def _watch(self, inner: AIOKafkaConsumer, now: float) -> None:
        """Make the consumer anew if it is stuck."""
        moving = self._membership.moving_since
        if moving is not None and now - moving > self._connection.timeouts.stall:
            self._restart("the group has been rebalancing for too long")
        elif self._watchdog.is_due(now) and self._assigned:
            positions = await self._known_positions(inner)
            ends = await end_offsets(inner, self._connection, sorted(positions))
            if found := self._watchdog.stuck(now, positions, ends):
                self._restart(f"{', '.join(map(_name, found))} stopped without an error")

    def _restart(self, why: str) -> None:
        """Throw aiokafka's consumer away; the next call makes another, which joins anew."""
        _LOGGER.warning("the consumer of group %s is made anew: %s", self._group, why)
        inner, self._inner = self._inner, None
        self._membership.lose_all()
        if inner is not None:
            task = asyncio.create_task(stop(inner, self._connection), name="dipper-log-dispose")
            self._disposals.add(task)
            task.add_done_callback(self._disposals.discard)

    async def _known_positions(self, inner: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Where each assigned partition is read next; what has given no record yet begins at the
        committed offset or at the oldest record."""
        new = sorted(self._assigned - self._positions.keys())
        starts = await start_offsets(inner, self._connection, new) if new else {}
        return {**self._positions, **starts}


def _seek(inner: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> None:
    """While the group is being shared anew aiokafka has taken the partition away already, and the
    next poll tells so; if it stays here, it goes on from the position that is remembered."""
    with suppress(errors.IllegalStateError):
        inner.seek(KafkaPartition(*partition), offset)


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}[{partition.partition}]"
