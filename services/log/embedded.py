"""A log inside one process: what the SQLite log and the in-memory double have in common.

A ``Storage`` keeps records and offsets; ``EmbeddedLog`` adds partitioning, groups and the checks
of the interface.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Literal, Self

from services.log.base import Entry, LogError, TopicPartition, TopicSpec
from services.log.embedded_consumer import EmbeddedConsumer
from services.log.groups import Group, Member
from services.log.partitioning import Spreader
from services.log.storage import Limits, Storage


class EmbeddedLog:
    """A log over a ``Storage``; see ``services.log.base.Log`` for its methods."""

    backend: Literal["kafka", "sqlite", "memory"]

    def __init__(
        self,
        storage: Storage,
        backend: Literal["sqlite", "memory"],
        limits: Limits,
    ) -> None:
        self.backend = backend
        self.limits = limits
        self._storage = storage
        self._spreader = Spreader()
        self._topics: dict[str, TopicSpec] = {}
        self._groups: dict[str, Group] = {}
        self._generations: Mapping[str, int] = {}
        self._wakers: dict[str, tuple[frozenset[str], Callable[[], None]]] = {}
        self.ends: dict[TopicPartition, int] = {}
        self.committed: dict[tuple[str, TopicPartition], int] = {}
        self.is_open = False

    async def __aenter__(self) -> Self:
        contents = await self._storage.open(self._appended)
        self._topics = dict(contents.topics)
        self._generations = contents.generations
        self._groups = {}
        self.ends = dict(contents.ends)
        self.committed = dict(contents.committed)
        self.is_open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.is_open = False
        for _, wake in self._wakers.values():
            wake()
        await self._storage.close()

    async def create_topics(self, topics: Sequence[TopicSpec]) -> None:
        self.check_open()
        for wanted in topics:
            check_topic(self._topics.get(wanted.name), wanted)
        missing = {wanted.name: wanted for wanted in topics if wanted.name not in self._topics}
        if missing:
            await self._storage.create_topics(list(missing.values()))
            for name, spec in missing.items():
                self._topics[name] = spec
                for number in range(spec.partitions):
                    self.ends.setdefault(TopicPartition(name, number), 0)

    async def partitions(self, topic: str) -> int:
        self.check_open()
        return self._partitions(topic)

    async def append(
        self, topic: str, entries: Sequence[Entry], *, partition: int | None = None
    ) -> Mapping[int, int]:
        self.check_open()
        size = self._partitions(topic)
        if partition is not None and not 0 <= partition < size:
            raise LogError(f"topic {topic} has no partition {partition}: it has {size}")
        if self._topics[topic].compacted and any(entry[0] is None for entry in entries):
            raise LogError(f"topic {topic} is compacted: every entry needs a key")
        parts = self._spreader.split(entries, size, partition)
        return await self._storage.append(topic, parts) if parts else {}

    async def consumer(self, group: str, topics: Sequence[str]) -> EmbeddedConsumer:
        self.check_open()
        sizes = {topic: self._partitions(topic) for topic in topics}
        joined = self._groups.get(group)
        if joined is None:
            joined = self._groups[group] = self._new_group(group)
        member = EmbeddedConsumer(self, self._storage, group, joined, uuid.uuid4().hex)
        await self._storage.save_group(group, joined.generation, sizes)
        await joined.join(Member(member.id, tuple(topics), member.wake))
        self._wakers[member.id] = (frozenset(topics), member.wake)
        return member

    async def read_compacted(
        self, topic: str, partition: int | None = None
    ) -> Mapping[bytes, bytes]:
        self.check_open()
        self._partitions(topic)
        if not self._topics[topic].compacted:
            raise LogError(f"topic {topic} is not compacted")
        return await self._storage.read_compacted(topic, partition)

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        self.check_open()
        return {
            number: self.ends[TopicPartition(topic, number)]
            for number in range(self._partitions(topic))
        }

    async def ping(self) -> None:
        self.check_open()
        await self._storage.ping()

    def check_open(self) -> None:
        """Raises LogError if the log is not open."""
        if not self.is_open:
            raise LogError("the log is closed")

    def note_committed(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """These offsets of a group are durable now."""
        self.committed.update({(group, source): offset for source, offset in offsets.items()})

    def forget(self, member: str) -> None:
        """Wake this member no more."""
        self._wakers.pop(member, None)

    def _new_group(self, group: str) -> Group:
        async def save(generation: int) -> None:
            if self.is_open:
                await self._storage.save_group(group, generation, {})

        return Group(self._generations.get(group, 0), save, self._partitions)

    def _partitions(self, topic: str) -> int:
        spec = self._topics.get(topic)
        if spec is None:
            raise LogError(f"topic {topic} does not exist: create the topics first")
        return spec.partitions

    def _appended(self, ends: Mapping[TopicPartition, int]) -> None:
        self.ends.update(ends)
        topics = {source.topic for source in ends}
        for subscribed, wake in list(self._wakers.values()):
            if not subscribed.isdisjoint(topics):
                wake()


def check_topic(existing: TopicSpec | None, wanted: TopicSpec) -> None:
    """Raises LogError if ``existing`` can't serve as ``wanted``."""
    if wanted.partitions < 1:
        raise LogError(f"topic {wanted.name} needs at least one partition")
    if existing is None:
        return
    if existing.partitions < wanted.partitions:
        raise LogError(
            f"topic {wanted.name} has {existing.partitions} partitions, fewer than the "
            f"{wanted.partitions} asked for: ask for {existing.partitions}, or make it anew"
        )
    if existing.compacted != wanted.compacted:
        have, want = ("compacted", "plain") if existing.compacted else ("plain", "compacted")
        raise LogError(f"topic {wanted.name} is {have}, but it must be {want}: make it anew")
