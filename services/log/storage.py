"""Where an embedded log keeps its records and offsets: the contract of its storages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from services.log.base import Entry, Record, TopicPartition, TopicSpec


class Limits(NamedTuple):
    """How much one batch of one partition may hold; one record always fits."""

    records: int = 2_000
    bytes: int = 1 << 20


class Slice(NamedTuple):
    """Records read from one partition, and where to read on."""

    records: Sequence[Record]
    next_offset: int


class Contents(NamedTuple):
    """What a storage knows when it is opened."""

    topics: Mapping[str, TopicSpec]
    ends: Mapping[TopicPartition, int]
    """The offset that a partition's next record will get."""
    committed: Mapping[tuple[str, TopicPartition], int]
    """By group and partition."""
    generations: Mapping[str, int]
    """The last generation of each group."""


class Storage(Protocol):
    """Where an embedded log keeps its records. All calls raise LogError if it can't."""

    async def open(self, appended: Callable[[Mapping[TopicPartition, int]], None]) -> Contents:
        """Open or create. ``appended`` is told the new ends after each durable append."""
        ...

    async def close(self) -> None:
        """Make all durable and release the storage."""
        ...

    async def create_topics(self, topics: Sequence[TopicSpec]) -> None:
        """Add topics that don't exist yet."""
        ...

    async def append(self, topic: str, parts: Mapping[int, list[Entry]]) -> Mapping[int, int]:
        """Append to partitions, all or nothing; the offset after the last entry of each."""
        ...

    async def read(
        self, positions: Mapping[TopicPartition, int], limits: Limits
    ) -> Mapping[TopicPartition, Slice]:
        """Records at or after each position; a compacted or trimmed topic may have gaps."""
        ...

    async def read_compacted(self, topic: str, partition: int | None) -> Mapping[bytes, bytes]:
        """The newest value of each key that has one."""
        ...

    async def save_offsets(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Set committed offsets, durable on return."""
        ...

    async def save_group(self, group: str, generation: int, topics: Mapping[str, int]) -> None:
        """Set a group's generation and note that it reads ``topics`` (name → partitions)."""
        ...

    async def ping(self) -> None:
        """Raises LogUnavailableError if the storage does not answer."""
        ...
