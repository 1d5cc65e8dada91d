"""A member of a consumer group in an embedded log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from services.log.base import Batch, LogError, TopicPartition
from services.log.groups import Group
from services.log.storage import Storage

if TYPE_CHECKING:
    from services.log.embedded import EmbeddedLog


class EmbeddedConsumer:
    """See ``services.log.base.Consumer``. A poll that finds a new generation returns no batch,
    so every batch is of a partition that ``assigned()`` named before the poll."""

    def __init__(
        self, log: EmbeddedLog, storage: Storage, name: str, group: Group, member_id: str
    ) -> None:
        self.id = member_id
        self._log = log
        self._storage = storage
        self._name = name
        self._group = group
        self._generation = 0
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._positions: dict[TopicPartition, int] = {}
        self._news = asyncio.Event()
        self._closed = False

    @property
    def generation(self) -> int:
        return self._generation

    def assigned(self) -> frozenset[TopicPartition]:
        return self._assigned

    def wake(self) -> None:
        """Something may have changed: look again."""
        self._news.set()

    async def poll(self, timeout_s: float) -> Sequence[Batch]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            self._check_open()
            if self._generation != self._group.generation:
                self._adopt()
                return ()
            self._news.clear()
            batches = await self._read()
            if batches:
                return batches
            remaining = deadline - loop.time()
            if remaining <= 0:
                return ()
            try:
                async with asyncio.timeout(remaining):
                    await self._news.wait()
            except TimeoutError:
                return ()

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition not in self._positions:
            raise LogError(f"{_name(partition)} is not assigned to this member")
        self._positions[partition] = offset

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._check_open()
        lost = sorted(
            source for source in offsets if not self._group.holds(self.id, source, self._generation)
        )
        if lost:
            raise LogError(
                f"{', '.join(map(_name, lost))}: group {self._name} has given it to another member"
            )
        if offsets:
            await self._storage.save_offsets(self._name, offsets)
            self._log.note_committed(self._name, offsets)

    async def committed(self) -> Mapping[TopicPartition, int]:
        offsets = self._log.committed
        return {source: offsets.get((self._name, source), 0) for source in self._assigned}

    async def lag(self) -> Mapping[TopicPartition, int]:
        ends = self._log.ends
        return {
            source: max(0, ends[source] - position) for source, position in self._positions.items()
        }

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._news.set()
            self._log.forget(self.id)
            self._positions = {}
            self._assigned = frozenset()
            await self._group.leave(self.id)

    def _adopt(self) -> None:
        """Take the group's new assignment; partitions that stayed keep their position."""
        before, self._generation = self._generation, self._group.generation
        self._assigned = self._group.share(self.id)
        committed = self._log.committed
        self._positions = {
            source: self._positions[source]
            if self._group.holds(self.id, source, before)
            else committed.get((self._name, source), 0)
            for source in sorted(self._assigned)
        }

    async def _read(self) -> Sequence[Batch]:
        ends = self._log.ends
        behind = {
            source: position
            for source, position in self._positions.items()
            if position < ends[source]
        }
        if not behind:
            return ()
        slices = await self._storage.read(behind, self._log.limits)
        batches = []
        for source, piece in slices.items():
            if self._positions.get(source) == behind[source]:
                self._positions[source] = piece.next_offset
                if piece.records:
                    batches.append(Batch(source, piece.records, piece.next_offset))
        return batches

    def _check_open(self) -> None:
        self._log.check_open()
        if self._closed:
            raise LogError("this consumer is closed")


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}[{partition.partition}]"
