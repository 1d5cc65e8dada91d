"""What the SQLite log may forget."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.log.base import Entry, TopicPartition, TopicSpec
from services.log.retention import Retention
from services.log.sqlite import SqliteLog

PLAIN, STATE = TopicSpec("plain", 1), TopicSpec("state", 1, True)
SOURCE = TopicPartition("plain", 0)
KEEP = Retention(seconds=100.0, topic_bytes=10_000)


class Clock:
    """Seconds, as the test wants them."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
async def log(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteLog]:
    """A log that keeps 100 seconds or 10,000 bytes, with nothing in memory."""
    async with SqliteLog(tmp_path / "log.db", keep=KEEP, clock=clock, tail_bytes=0) as opened:
        await opened.create_topics([PLAIN, STATE])
        yield opened


async def fill(log: SqliteLog, count: int) -> None:
    """So many appends of one entry of 1,000 bytes."""
    for _ in range(count):
        await log.append("plain", [Entry(b"", bytes(1_000))])


async def oldest(log: SqliteLog) -> int:
    """The offset at which a new group begins to read."""
    consumer = await log.consumer("looking", ["plain"])
    await consumer.poll(0.0)
    batches = await consumer.poll(0.0)
    await consumer.close()
    return batches[0].records[0].offset if batches else -1


async def commit(log: SqliteLog, group: str, offset: int) -> None:
    """Have a group read up to an offset."""
    consumer = await log.consumer(group, ["plain"])
    await consumer.poll(0.0)
    await consumer.commit({SOURCE: offset})
    await consumer.close()


async def test_what_is_young_and_small_stays(log: SqliteLog, clock: Clock) -> None:
    await fill(log, 5)
    await commit(log, "g", 5)
    clock.now += 99
    assert await log.trim() == 0
    assert await oldest(log) == 0


async def test_what_is_old_and_read_by_all_goes(log: SqliteLog, clock: Clock) -> None:
    await fill(log, 5)
    clock.now += 101
    await fill(log, 3)
    await commit(log, "g", 8)
    assert await log.trim() == 5
    assert await log.end_offsets("plain") == {0: 8}
    assert await oldest(log) == 5


async def test_what_one_group_has_not_read_stays_whatever_its_age(
    log: SqliteLog, clock: Clock
) -> None:
    await fill(log, 20)
    await commit(log, "fast", 20)
    await commit(log, "slow", 4)
    clock.now += 1_000
    assert await log.trim() == 4
    assert await oldest(log) == 4


async def test_a_group_that_joined_and_never_committed_counts(log: SqliteLog, clock: Clock) -> None:
    consumer = await log.consumer("joined", ["plain"])
    await consumer.close()
    await fill(log, 20)
    await commit(log, "fast", 20)
    clock.now += 1_000
    assert await log.trim() == 0


async def test_beyond_the_size_the_oldest_go_early(log: SqliteLog) -> None:
    await fill(log, 25)
    await commit(log, "g", 25)
    assert await log.trim() == 15
    assert await oldest(log) == 15


async def test_a_topic_that_nobody_reads_is_bounded_too(log: SqliteLog) -> None:
    await fill(log, 25)
    assert await log.trim() == 15


async def test_the_file_is_reused(log: SqliteLog, tmp_path: Path) -> None:
    sizes = []
    for _ in range(6):
        await fill(log, 200)
        await commit(log, "g", (await log.end_offsets("plain"))[0])
        await log.trim()
        await log._file.worker.call(
            lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        )
        sizes.append((tmp_path / "log.db").stat().st_size)
    assert max(sizes[1:]) <= sizes[1] * 1.2


async def test_old_tombstones_go_and_values_stay(log: SqliteLog, clock: Clock) -> None:
    await log.append("state", [Entry(b"a", b"1"), Entry(b"b", b"1"), Entry(b"b", None)])
    clock.now += 101
    await log.append("state", [Entry(b"c", None)])
    assert await log.trim() == 1
    assert await log.read_compacted("state") == {b"a": b"1"}
    consumer = await log.consumer("g", ["state"])
    await consumer.poll(0.0)
    (batch,) = await consumer.poll(0.0)
    assert [(r.offset, r.key, r.value) for r in batch.records] == [(0, b"a", b"1"), (3, b"c", None)]
    assert batch.next_offset == 4
