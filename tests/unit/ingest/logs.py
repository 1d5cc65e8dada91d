"""Logs that are slow, away or broken, for the tests of ingest."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from services.codec import decode_fix, decode_message, decode_reject, decode_tally
from services.log.base import (
    FIX,
    MESSAGE,
    REJECT,
    TALLY,
    Entry,
    Log,
    LogError,
    LogUnavailableError,
    TopicSpec,
)
from services.log.memory import MemoryLog, MemoryStorage
from services.model import Fix, Message, Reject, Tally

_NUMBERS = itertools.count()
TOPICS = (
    TopicSpec(FIX, 4),
    TopicSpec(MESSAGE, 4),
    TopicSpec(REJECT, 4),
    TopicSpec(TALLY, 1, compacted=True),
)


class TroubledLog(MemoryLog):
    """A log in memory whose appends can be held back, or fail."""

    def __init__(self, storage: MemoryStorage | None = None) -> None:
        super().__init__(storage)
        self.open_gate = asyncio.Event()
        self.open_gate.set()
        self.failures: list[LogError] = []
        """What the next appends raise, one each, whether or not they wrote something."""
        self.failing_writes = False
        """Whether a failing append has written all the same, as after a lost reply."""
        self.forgets_offsets = False
        """Whether an append can't tell where records are, as Kafka of batches it had already."""
        self.appends: list[tuple[str, int]] = []
        self.asked = asyncio.Event()
        """Set when an append was tried."""
        self._written = asyncio.Event()

    async def append(
        self, topic: str, entries: Sequence[Entry], *, partition: int | None = None
    ) -> Mapping[int, int]:
        self.asked.set()
        await self.open_gate.wait()
        if self.failures:
            failure = self.failures.pop(0)
            if self.failing_writes:
                await super().append(topic, entries, partition=partition)
            raise failure
        ends = await super().append(topic, entries, partition=partition)
        self.appends.append((topic, len(entries)))
        self._written.set()
        return dict.fromkeys(ends, -1) if self.forgets_offsets else ends

    async def written(self, topic: str, records: int) -> None:
        """Wait until so many records of the topic are in."""
        while sum(count for name, count in self.appends if name == topic) < records:
            self._written.clear()
            await self._written.wait()


def away(times: int) -> list[LogError]:
    """The failures of a log that does not answer so many times."""
    return [LogUnavailableError("no answer")] * times


@asynccontextmanager
async def troubled_log() -> AsyncIterator[TroubledLog]:
    """Such a log with ingest's topics, open."""
    async with TroubledLog() as log:
        await log.create_topics(TOPICS)
        yield log


async def values(log: Log, topic: str) -> list[bytes]:
    """All values of a topic; those of one partition in order."""
    count = sum((await log.end_offsets(topic)).values())
    consumer = await log.consumer(f"all of {topic} {next(_NUMBERS)}", [topic])
    try:
        found: list[bytes] = []
        while len(found) < count:
            for batch in await consumer.poll(1.0):
                found += [record.value or b"" for record in batch.records]
        return found
    finally:
        await consumer.close()


async def fixes(log: Log) -> list[Fix]:
    """All published fixes; those of one terminal in order."""
    return [decode_fix(value) for value in await values(log, FIX)]


async def messages(log: Log) -> list[Message]:
    """All published messages."""
    return [decode_message(value) for value in await values(log, MESSAGE)]


async def rejects(log: Log) -> list[Reject]:
    """All dead letters."""
    return [decode_reject(value) for value in await values(log, REJECT)]


async def last_tally(log: Log, run: str) -> Tally:
    """The newest tally of the run."""
    return decode_tally((await log.read_compacted(TALLY))[run.encode()])
