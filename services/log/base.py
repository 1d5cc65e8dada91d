"""The log's interface: partitioned, ordered, durable records, read in batches by groups.

The unit is a batch: records of one partition in the order of their offsets. A writer's
``append`` returns when the records are durable. A consumer hands out batches and never
forgets on its own: only ``commit`` moves a group's offset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self

TOPIC_PREFIX = "telematics."
FIX = TOPIC_PREFIX + "fix.v1"
ENRICHED = TOPIC_PREFIX + "enriched.v1"
ZONE_EVENT = TOPIC_PREFIX + "zone-event.v1"
MESSAGE = TOPIC_PREFIX + "message.v1"
REJECT = TOPIC_PREFIX + "reject.v1"
ZONE = TOPIC_PREFIX + "zone.v1"
TERMINAL = TOPIC_PREFIX + "terminal.v1"
ZONE_STATE = TOPIC_PREFIX + "zone-state.v1"
TALLY = TOPIC_PREFIX + "tally.v1"

DELETED_UNREAD = "deleted_unread"
"""Reason of the dead letter that stands for records the log deleted before they were read."""


class LogError(Exception):
    """The log can't do what was asked; the text says why and what helps."""


class LogUnavailableError(LogError):
    """The log does not answer now; the same call may work later."""


class TopicSpec(NamedTuple):
    """A topic as it should be."""

    name: str
    partitions: int
    compacted: bool = False
    """Keep the newest record of each key instead of records of the last days."""


class Entry(NamedTuple):
    """A record to append. ``value`` None is a tombstone in a compacted topic."""

    key: bytes | None
    value: bytes | None


class Record(NamedTuple):
    """A record as read."""

    offset: int
    key: bytes | None
    value: bytes | None


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Batch(NamedTuple):
    """Records of one partition, offsets ascending; ``next_offset`` is what to commit after it."""

    source: TopicPartition
    records: Sequence[Record]
    next_offset: int
    deleted: int = 0
    """How many offsets below ``next_offset`` the log has deleted before this group read them. Such
    a batch has no records: it stands for those that are gone."""

    @property
    def first_offset(self) -> int:
        """Of the first record, or of the first that is gone."""
        return self.records[0].offset if self.records else self.next_offset - self.deleted


class Consumer(Protocol):
    """A member of a consumer group. One task uses it at a time."""

    @property
    def generation(self) -> int:
        """Grows with each rebalance of the group; 0 before the first assignment."""
        ...

    def assigned(self) -> frozenset[TopicPartition]:
        """The partitions that this member reads now."""
        ...

    async def poll(self, timeout_s: float) -> Sequence[Batch]:
        """The next batches, at most one a partition; empty when none came in time.

        A change of ``assigned()`` shows between two calls of poll and never within one.
        A partition that comes anew starts at the group's committed offset, else at 0 (or the
        oldest kept). Raises LogUnavailableError.
        """
        ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """The next poll reads this partition from ``offset``."""
        ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Set the group's offsets; durable on return. Raises LogError when the member has lost
        the partition to another."""
        ...

    async def committed(self) -> Mapping[TopicPartition, int]:
        """The group's committed offset of each assigned partition; 0 where there is none."""
        ...

    async def lag(self) -> Mapping[TopicPartition, int]:
        """Records between each assigned partition's read position and its end."""
        ...

    async def close(self) -> None:
        """Leave the group."""
        ...


class Log(Protocol):
    """A log that is open. Backends: ``kafka``, ``sqlite``, ``memory``."""

    backend: Literal["kafka", "sqlite", "memory"]

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    async def create_topics(self, topics: Sequence[TopicSpec]) -> None:
        """Create those that are missing. Raises LogError if one exists with fewer partitions or
        another cleanup policy."""
        ...

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        ...

    async def append(
        self, topic: str, entries: Sequence[Entry], *, partition: int | None = None
    ) -> Mapping[int, int]:
        """Append in order; durable on return.

        Without ``partition`` each goes by its key as in Kafka's default partitioner (murmur2);
        entries of one key keep their order. Returns per partition the offset after the last of
        these entries. Retries what can be retried; raises LogUnavailableError when its time is up:
        then some entries may be in the log and the caller appends all again.
        """
        ...

    async def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        """Join a group. Partitions of all topics are shared among the group's members, the same
        partition numbers of all topics going to the same member."""
        ...

    async def read_compacted(
        self, topic: str, partition: int | None = None
    ) -> Mapping[bytes, bytes]:
        """The newest value of each key (tombstoned keys are left out), from one or all
        partitions, as of the call."""
        ...

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        """Per partition the offset that its next record will get."""
        ...

    async def ping(self) -> None:
        """Raises LogUnavailableError if the log does not answer."""
        ...
