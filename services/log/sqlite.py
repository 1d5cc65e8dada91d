"""The embedded log: one SQLite file, for one process (see docs/adr/0002-the-log.md)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from services.log import sqlite_queries
from services.log.base import Entry, LogError, TopicPartition, TopicSpec
from services.log.blocks import size_of
from services.log.budget import ByteBudget
from services.log.embedded import EmbeddedLog
from services.log.retention import Retention, trim_step
from services.log.sqlite_queries import Place, Wanted
from services.log.sqlite_worker import NewBlocks, Worker
from services.log.storage import Contents, Limits, Slice
from services.log.tail import Tail

_LOGGER = logging.getLogger(__name__)

TAIL_BYTES = 16 << 20
"""Memory for the newest records, so that a reader that keeps up reads no disk."""
PENDING_BYTES = 32 << 20
"""Bytes handed in and not durable yet; more wait in line."""
MAX_APPEND_BYTES = 256 << 20
TRIM_INTERVAL_S = 60.0


class SqliteStorage:
    """See ``services.log.storage.Storage``."""

    def __init__(self, path: Path, clock: Callable[[], float], tail_bytes: int) -> None:
        self._path = path
        self._clock = clock
        self._tail = Tail(tail_bytes)
        self._pending = ByteBudget(PENDING_BYTES)
        self._worker: Worker | None = None
        self._topic_ids: dict[str, int] = {}
        self._compacted: frozenset[str] = frozenset()
        self._tell: Callable[[Mapping[TopicPartition, int]], None] = lambda ends: None

    @property
    def worker(self) -> Worker:
        """The thread that owns the connection. Raises LogError if the log is closed."""
        if self._worker is None:
            raise LogError(f"the log {self._path} is closed")
        return self._worker

    async def open(self, appended: Callable[[Mapping[TopicPartition, int]], None]) -> Contents:
        worker = Worker(self._path, self._appended, self._clock)
        await worker.start()
        self._tell = appended
        self._worker = worker
        return await self._look()

    async def close(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()

    async def create_topics(self, topics: Sequence[TopicSpec]) -> None:
        await self.worker.call(partial(sqlite_queries.create_topics, topics=topics), writes=True)
        await self._look()

    async def append(self, topic: str, parts: Mapping[int, list[Entry]]) -> Mapping[int, int]:
        size = sum(map(size_of, parts.values()))
        if size > MAX_APPEND_BYTES:
            raise LogError(f"{size} bytes in one append, {MAX_APPEND_BYTES} are allowed: split it")
        await self._pending.acquire(size)
        try:
            placed = {self._place(TopicPartition(topic, n)): part for n, part in parts.items()}
            done = self.worker.append(topic, topic in self._compacted, placed)
        except LogError:
            self._pending.release(size)
            raise
        done.add_done_callback(lambda _: self._pending.release(size))
        # A caller that is cancelled must not free the bytes before the thread is done with them.
        ends = await asyncio.shield(done)
        return {place.partition: end for place, end in ends.items()}

    async def read(
        self, positions: Mapping[TopicPartition, int], limits: Limits
    ) -> Mapping[TopicPartition, Slice]:
        slices: dict[TopicPartition, Slice] = {}
        older: dict[TopicPartition, int] = {}
        for source, position in positions.items():
            recent = self._tail.read(source, position, limits)
            if recent is None:
                older[source] = position
            else:
                slices[source] = recent
        if older:
            wanted = [
                Wanted(source, self._place(source), source.topic in self._compacted, position)
                for source, position in older.items()
            ]
            reading = partial(sqlite_queries.read, wanted=wanted, limits=limits)
            slices.update(await self.worker.call(reading))
        return slices

    async def read_compacted(self, topic: str, partition: int | None) -> Mapping[bytes, bytes]:
        return await self.worker.call(
            partial(
                sqlite_queries.read_compacted,
                topic_id=self._topic_ids[topic],
                partition=partition,
            )
        )

    async def save_offsets(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        placed = {self._place(source): offset for source, offset in offsets.items()}
        await self.worker.call(
            partial(sqlite_queries.save_offsets, group=group, offsets=placed), writes=True
        )

    async def save_group(self, group: str, generation: int, topics: Mapping[str, int]) -> None:
        reads = [
            self._place(TopicPartition(topic, partition))
            for topic, partitions in topics.items()
            for partition in range(partitions)
        ]
        await self.worker.call(
            partial(sqlite_queries.save_group, group=group, generation=generation, reads=reads),
            writes=True,
        )

    async def ping(self) -> None:
        await self.worker.call(lambda connection: connection.execute("SELECT 1").fetchone())

    async def trim_step(self, keep: Retention) -> int:
        """See ``services.log.retention.trim_step``."""
        step = partial(trim_step, keep=keep, now_s=self._clock())
        return await self.worker.call(step, writes=True)

    async def _look(self) -> Contents:
        ids, contents = await self.worker.call(sqlite_queries.contents)
        self._topic_ids = ids
        self._compacted = frozenset(s.name for s in contents.topics.values() if s.compacted)
        return contents

    def _place(self, source: TopicPartition) -> Place:
        return Place(self._topic_ids[source.topic], source.partition)

    def _appended(self, blocks: NewBlocks) -> None:
        ends = {}
        for source, block in blocks:
            self._tail.add(source, block)
            ends[source] = block.first_offset + len(block.entries)
        self._tell(ends)


class SqliteLog(EmbeddedLog):
    """See ``services.log.base.Log``. ``path`` is the file, made with its directories if missing.

    ``keep`` bounds the disk, ``limits`` a batch, ``tail_bytes`` the memory for the newest
    records. Entering raises LogError if the file is in use, damaged or not writable.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        keep: Retention | None = None,
        limits: Limits | None = None,
        tail_bytes: int = TAIL_BYTES,
        trim_interval_s: float = TRIM_INTERVAL_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = SqliteStorage(Path(path), clock, tail_bytes)
        super().__init__(self._file, "sqlite", limits or Limits())
        self._keep = keep or Retention()
        self._trim_interval_s = trim_interval_s
        self._trimming: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._trimming = asyncio.create_task(self._trim_for_ever(), name="dipper-log-trim")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._trimming is not None:
            self._trimming.cancel()
            await asyncio.wait([self._trimming])
        await super().__aexit__(kind, error, trace)

    async def trim(self) -> int:
        """Delete what retention allows; gives the number of rows that went."""
        deleted = 0
        while step := await self._file.trim_step(self._keep):
            deleted += step
        return deleted

    async def _trim_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._trim_interval_s)
            try:
                await self.trim()
            except LogError:
                _LOGGER.exception("the log could not be trimmed; it is tried again later")
