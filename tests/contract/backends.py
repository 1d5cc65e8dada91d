"""The backends that the contract suite runs on, each able to open its log again and again."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.log.base import Consumer, Entry, Log, Record, TopicPartition, TopicSpec


@dataclass(slots=True)
class Backend:
    """One place that holds a log; ``open`` gives the log over it anew."""

    name: str
    make: Callable[[], Log]
    test: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Log]:
        """The log, open."""
        async with self.make() as log:
            yield log

    def called(self, name: str) -> str:
        """A topic's or group's name that no other test uses (a broker outlives the test)."""
        return f"test.{self.test}.{name}"


PATIENCE_S = 30.0
"""How long a test waits for what must come; it is never waited out when all is well."""


async def settle(*consumers: Consumer, share: Sequence[int]) -> None:
    """Poll until each consumer has as many partitions as ``share`` says, delivering nothing."""
    for _ in range(600):
        for consumer in consumers:
            batches = await consumer.poll(0.05)
            assert not batches, "records came while the group was still settling"
        if [len(consumer.assigned()) for consumer in consumers] == list(share):
            return
    raise AssertionError(
        f"the group did not settle on {share}: {[len(one.assigned()) for one in consumers]}"
    )


async def drain(
    consumer: Consumer, count: int, *, commit: bool = False
) -> Mapping[TopicPartition, list[Record]]:
    """Poll until ``count`` records have come; by partition in the order they came."""
    found: dict[TopicPartition, list[Record]] = {}
    total = polls = 0
    while total < count:
        polls += 1
        assert polls < 300, f"{total} of {count} records came"
        for batch in await consumer.poll(PATIENCE_S / 100):
            assert batch.source in consumer.assigned()
            assert batch.next_offset == batch.records[-1].offset + 1
            found.setdefault(batch.source, []).extend(batch.records)
            total += len(batch.records)
            if commit:
                await consumer.commit({batch.source: batch.next_offset})
    assert total == count
    return found


def entries(count: int, keys: int = 10, start: int = 0) -> list[Entry]:
    """Entries with ``keys`` keys in turn; the value says the number."""
    return [
        Entry(b"terminal-%02d" % (number % keys), b"value-%d" % number)
        for number in range(start, start + count)
    ]


async def topic(log: Log, name: str, partitions: int = 4, *, compacted: bool = False) -> str:
    """A new topic."""
    await log.create_topics([TopicSpec(name, partitions, compacted)])
    return name
