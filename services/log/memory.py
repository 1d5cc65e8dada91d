"""A log in memory: a test double that keeps everything and passes the log's contract suite."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

from services.log.base import Entry, Record, TopicPartition, TopicSpec
from services.log.blocks import numbered
from services.log.embedded import EmbeddedLog
from services.log.storage import Contents, Limits, Slice


class MemoryStorage:
    """See ``services.log.storage.Storage``. It lives on when the log is closed and opened again."""

    def __init__(self) -> None:
        self._topics: dict[str, TopicSpec] = {}
        self._records: dict[TopicPartition, list[Record]] = {}
        self._committed: dict[tuple[str, TopicPartition], int] = {}
        self._generations: dict[str, int] = {}
        self._appended: Callable[[Mapping[TopicPartition, int]], None] = lambda ends: None

    async def open(self, appended: Callable[[Mapping[TopicPartition, int]], None]) -> Contents:
        self._appended = appended
        ends = {source: len(records) for source, records in self._records.items()}
        return Contents(dict(self._topics), ends, dict(self._committed), dict(self._generations))

    async def close(self) -> None:
        return None

    async def create_topics(self, topics: Sequence[TopicSpec]) -> None:
        for spec in topics:
            self._topics[spec.name] = spec
            for number in range(spec.partitions):
                self._records[TopicPartition(spec.name, number)] = []

    async def append(self, topic: str, parts: Mapping[int, list[Entry]]) -> Mapping[int, int]:
        ends = {}
        for number, entries in parts.items():
            records = self._records[TopicPartition(topic, number)]
            first = len(records)
            records.extend(numbered(entries, first))
            ends[number] = len(records)
        self._appended({TopicPartition(topic, number): end for number, end in ends.items()})
        return ends

    async def read(
        self, positions: Mapping[TopicPartition, int], limits: Limits
    ) -> Mapping[TopicPartition, Slice]:
        slices = {}
        for source, position in positions.items():
            kept = self._kept(source)
            start = bisect_left(kept, position, key=lambda record: record.offset)
            taken = take(kept[start : start + limits.records], limits.bytes)
            last = start + len(taken) == len(kept)
            end = len(self._records[source]) if last else taken[-1].offset + 1
            slices[source] = Slice(taken, end)
        return slices

    async def read_compacted(self, topic: str, partition: int | None) -> Mapping[bytes, bytes]:
        return {
            record.key: record.value
            for source in self._records
            if source.topic == topic and partition in (None, source.partition)
            for record in self._kept(source)
            if record.key is not None and record.value is not None
        }

    async def save_offsets(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        self._committed.update({(group, source): offset for source, offset in offsets.items()})

    async def save_group(self, group: str, generation: int, topics: Mapping[str, int]) -> None:
        self._generations[group] = generation

    async def ping(self) -> None:
        return None

    def _kept(self, source: TopicPartition) -> list[Record]:
        """What a reader sees: in a compacted topic the newest record of each key."""
        records = self._records[source]
        if not self._topics[source.topic].compacted:
            return records
        newest = {record.key: record for record in records}
        return sorted(newest.values())


def take(records: Sequence[Record], limit: int) -> Sequence[Record]:
    """The first records, of at most ``limit`` bytes together, but at least one."""
    size = 0
    for index, (_, key, value) in enumerate(records):
        size += len(key or b"") + len(value or b"")
        if size > limit and index:
            return records[:index]
    return records


class MemoryLog(EmbeddedLog):
    """See ``services.log.base.Log``; ``storage`` is what it keeps, for a second log over it."""

    def __init__(self, storage: MemoryStorage | None = None, limits: Limits | None = None) -> None:
        super().__init__(storage or MemoryStorage(), "memory", limits or Limits())
