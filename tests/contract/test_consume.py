"""What every log promises to a reader and its group."""

from __future__ import annotations

import pytest

from services.log.base import Entry, Log, LogError, TopicPartition
from tests.contract.backends import Backend, drain, entries, settle, topic


async def test_a_group_goes_on_where_it_committed(backend: Backend) -> None:
    name, group = backend.called("crash"), backend.called("readers")
    source = TopicPartition(name, 0)
    async with backend.open() as log:
        await topic(log, name, partitions=1)
        await log.append(name, entries(30))
        consumer = await log.consumer(group, [name])
        await drain(consumer, 30)
        await consumer.commit({source: 12})
        assert await consumer.committed() == {source: 12}
        await consumer.close()
    async with backend.open() as log:
        again = await log.consumer(group, [name])
        found = await drain(again, 18)
        await again.close()
    assert [record.offset for record in found[source]] == list(range(12, 30))


async def test_what_was_read_and_not_committed_comes_again(log: Log, backend: Backend) -> None:
    name, group = await topic(log, backend.called("again")), backend.called("readers")
    await log.append(name, entries(100))
    first = await log.consumer(group, [name])
    before = await drain(first, 100)
    await first.close()
    second = await log.consumer(group, [name])
    after = await drain(second, 100)
    await second.close()
    assert before == after


async def test_two_groups_read_the_same_records(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("shared"))
    await log.append(name, entries(50))
    one = await log.consumer(backend.called("one"), [name])
    two = await log.consumer(backend.called("two"), [name])
    assert await drain(one, 50, commit=True) == await drain(two, 50)
    await one.close()
    await two.close()


async def test_a_commit_sets_offsets_of_many_partitions(log: Log, backend: Backend) -> None:
    name, group = await topic(log, backend.called("many")), backend.called("readers")
    await log.append(name, entries(200))
    first = await log.consumer(group, [name])
    found = await drain(first, 200)
    await first.commit({source: len(records) - 1 for source, records in found.items()})
    await first.close()
    second = await log.consumer(group, [name])
    rest = await drain(second, len(found))
    await second.close()
    assert {source: part[-1:] for source, part in found.items()} == rest


async def test_seek_moves_the_next_poll(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("seek"), partitions=2)
    await log.append(name, entries(20), partition=0)
    await log.append(name, entries(20), partition=1)
    consumer = await log.consumer(backend.called("readers"), [name])
    await drain(consumer, 40)
    consumer.seek(TopicPartition(name, 0), 15)
    found = await drain(consumer, 5)
    assert list(found) == [TopicPartition(name, 0)]
    assert [record.offset for record in found[TopicPartition(name, 0)]] == list(range(15, 20))
    consumer.seek(TopicPartition(name, 1), 0)
    assert len((await drain(consumer, 20))[TopicPartition(name, 1)]) == 20
    await consumer.close()


async def test_seek_right_after_the_assignment_skips_what_is_before(
    log: Log, backend: Backend
) -> None:
    name = await topic(log, backend.called("stored"), partitions=1)
    await log.append(name, entries(20))
    consumer = await log.consumer(backend.called("readers"), [name])
    await settle(consumer, share=[1])
    consumer.seek(TopicPartition(name, 0), 17)
    found = await drain(consumer, 3)
    await consumer.close()
    assert [record.offset for record in found[TopicPartition(name, 0)]] == [17, 18, 19]


async def test_seek_to_a_partition_of_another_is_an_error(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("foreign"), partitions=1)
    consumer = await log.consumer(backend.called("readers"), [name])
    await settle(consumer, share=[1])
    with pytest.raises(LogError):
        consumer.seek(TopicPartition(name, 1), 0)
    await consumer.close()


async def test_a_poll_without_records_ends_empty(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("silent"), partitions=1)
    consumer = await log.consumer(backend.called("readers"), [name])
    await settle(consumer, share=[1])
    assert list(await consumer.poll(0.0)) == []
    assert list(await consumer.poll(0.05)) == []
    await consumer.close()


async def test_lag_is_what_lies_between_position_and_end(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("lag"), partitions=1)
    source = TopicPartition(name, 0)
    consumer = await log.consumer(backend.called("readers"), [name])
    await settle(consumer, share=[1])
    assert await consumer.lag() == {source: 0}
    await log.append(name, entries(8))
    await drain(consumer, 8)
    assert await consumer.lag() == {source: 0}
    consumer.seek(source, 3)
    assert await consumer.lag() == {source: 5}
    await consumer.close()


async def test_a_batch_is_bounded_and_the_rest_follows(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("bounded"), partitions=1)
    await log.append(name, entries(5_000, keys=3))
    consumer = await log.consumer(backend.called("readers"), [name])
    sizes: list[int] = []
    offsets: list[int] = []
    while len(offsets) < 5_000:
        for batch in await consumer.poll(1.0):
            sizes.append(len(batch.records))
            offsets.extend(record.offset for record in batch.records)
    await consumer.close()
    assert max(sizes) <= 2_000
    assert offsets == list(range(5_000))


async def test_compacted_reading_gives_the_newest_value_of_each_key(
    log: Log, backend: Backend
) -> None:
    name = await topic(log, backend.called("state"), partitions=3, compacted=True)
    await log.append(name, [Entry(b"a", b"1"), Entry(b"b", b"1"), Entry(b"a", b"2")])
    await log.append(name, [Entry(b"c", b"1"), Entry(b"b", b"3"), Entry(b"d", b"")])
    await log.append(name, [Entry(b"c", None), Entry(b"never", None)])
    assert await log.read_compacted(name) == {b"a": b"2", b"b": b"3", b"d": b""}
    parts = [await log.read_compacted(name, partition=number) for number in range(3)]
    assert {key: value for part in parts for key, value in part.items()} == {
        b"a": b"2",
        b"b": b"3",
        b"d": b"",
    }
    assert sum(map(len, parts)) == 3


async def test_a_tombstoned_key_can_come_back(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("back"), partitions=1, compacted=True)
    await log.append(name, [Entry(b"a", b"1"), Entry(b"a", None)])
    assert await log.read_compacted(name) == {}
    await log.append(name, [Entry(b"a", b"2")])
    assert await log.read_compacted(name) == {b"a": b"2"}


async def test_an_empty_compacted_topic_reads_empty(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("none"), partitions=2, compacted=True)
    assert await log.read_compacted(name) == {}
    assert await log.read_compacted(name, partition=1) == {}


async def test_only_a_compacted_topic_is_read_compacted(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("plain"), partitions=1)
    with pytest.raises(LogError, match="not compacted"):
        await log.read_compacted(name)


async def test_a_compacted_topic_takes_no_entry_without_a_key(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("keys"), partitions=1, compacted=True)
    with pytest.raises(LogError, match="key"):
        await log.append(name, [Entry(None, b"x")])
    assert await log.end_offsets(name) == {0: 0}


async def test_a_compacted_topic_can_be_followed_as_a_stream(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("followed"), partitions=1, compacted=True)
    await log.append(name, [Entry(b"a", b"1"), Entry(b"b", b"1"), Entry(b"a", b"2")])
    consumer = await log.consumer(backend.called("readers"), [name])
    seen: dict[bytes | None, bytes | None] = {}
    offsets: list[int] = []
    while seen != {b"a": b"2", b"b": b"1"}:
        for batch in await consumer.poll(1.0):
            offsets.extend(record.offset for record in batch.records)
            seen.update({record.key: record.value for record in batch.records})
    await log.append(name, [Entry(b"b", None)])
    while seen[b"b"] is not None:
        for batch in await consumer.poll(1.0):
            offsets.extend(record.offset for record in batch.records)
            seen.update({record.key: record.value for record in batch.records})
    await consumer.close()
    assert offsets == sorted(set(offsets))
    assert offsets[-1] == 3
