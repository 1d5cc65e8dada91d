"""What every log promises to a writer."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.partitioner import DefaultPartitioner

from services.log.base import Entry, Log, LogError, TopicPartition, TopicSpec
from tests.contract.backends import Backend, drain, entries, settle, topic


async def test_one_keys_entries_keep_their_order(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("order"))
    sent = entries(500, keys=7)
    for start in range(0, 500, 50):
        await log.append(name, sent[start : start + 50])

    consumer = await log.consumer(backend.called("readers"), [name])
    found = await drain(consumer, 500)
    await consumer.close()

    by_key: dict[bytes | None, list[bytes | None]] = {}
    for records in found.values():
        for record in records:
            by_key.setdefault(record.key, []).append(record.value)
    for key in {entry.key for entry in sent}:
        assert by_key[key] == [entry.value for entry in sent if entry.key == key]


async def test_a_key_lands_where_kafkas_default_partitioner_puts_it(
    log: Log, backend: Backend
) -> None:
    name = await topic(log, backend.called("placed"), partitions=5)
    sent = [Entry(b"k" * number + b"%d" % number, b"v") for number in range(60)]
    ends = await log.append(name, sent)

    others = DefaultPartitioner()
    numbers = list(range(5))
    expected = [others(entry.key, numbers, numbers) for entry in sent]
    assert ends == {number: expected.count(number) for number in sorted(set(expected))}
    consumer = await log.consumer(backend.called("readers"), [name])
    found = await drain(consumer, 60)
    await consumer.close()
    for source, records in found.items():
        for record in records:
            assert others(record.key, numbers, numbers) == source.partition


async def test_offsets_are_dense_and_appends_say_where_they_ended(
    log: Log, backend: Backend
) -> None:
    name = await topic(log, backend.called("dense"), partitions=2)
    assert await log.append(name, entries(3), partition=1) == {1: 3}
    assert await log.append(name, entries(4), partition=1) == {1: 7}
    assert await log.end_offsets(name) == {0: 0, 1: 7}

    consumer = await log.consumer(backend.called("readers"), [name])
    found = await drain(consumer, 7)
    await consumer.close()
    assert [record.offset for record in found[TopicPartition(name, 1)]] == list(range(7))


async def test_entries_without_a_key_all_arrive(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("keyless"))
    sent = {b"%d" % number for number in range(40)}
    for value in sorted(sent):
        await log.append(name, [Entry(None, value)])

    consumer = await log.consumer(backend.called("readers"), [name])
    found = await drain(consumer, 40)
    await consumer.close()
    records = [record for part in found.values() for record in part]
    assert {record.value for record in records} == sent
    assert {record.key for record in records} == {None}


async def test_an_empty_append_does_nothing(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("empty"), partitions=2)
    assert await log.append(name, []) == {}
    assert await log.append(name, [], partition=1) == {}
    assert await log.end_offsets(name) == {0: 0, 1: 0}


async def test_concurrent_appends_all_arrive_once(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("concurrent"))
    results = await asyncio.gather(
        *(log.append(name, entries(20, start=20 * number)) for number in range(50))
    )
    assert {number: max(r.get(number, 0) for r in results) for number in range(4)} == dict(
        await log.end_offsets(name)
    )

    consumer = await log.consumer(backend.called("readers"), [name])
    found = await drain(consumer, 1000)
    await consumer.close()
    values = [record.value for records in found.values() for record in records]
    assert sorted(values, key=str) == sorted((e.value for e in entries(1000)), key=str)
    for records in found.values():
        assert [record.offset for record in records] == list(range(len(records)))


@pytest.mark.parametrize("size", [0, 1, 65_536, 900_000])
async def test_a_record_of_any_usual_size_comes_back_as_it_was(
    log: Log, backend: Backend, size: int
) -> None:
    name = await topic(log, backend.called("big"), partitions=1)
    value = (bytes(range(256)) * (size // 256 + 1))[:size]
    await log.append(name, [Entry(b"before", b""), Entry(b"big", value), Entry(b"after", b"x")])

    consumer = await log.consumer(backend.called("readers"), [name])
    found = await drain(consumer, 3)
    await consumer.close()
    assert [(r.key, r.value) for r in found[TopicPartition(name, 0)]] == [
        (b"before", b""),
        (b"big", value),
        (b"after", b"x"),
    ]


async def test_an_append_of_many_megabytes_arrives_whole(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("bulk"), partitions=1)
    sent = [Entry(b"k", b"%05d" % number * 2_000) for number in range(600)]
    assert await log.append(name, sent) == {0: 600}

    consumer = await log.consumer(backend.called("readers"), [name])
    found = await drain(consumer, 600)
    await consumer.close()
    assert [r.value for r in found[TopicPartition(name, 0)]] == [e.value for e in sent]


async def test_what_was_appended_is_there_when_the_log_is_opened_again(backend: Backend) -> None:
    name = backend.called("kept")
    async with backend.open() as log:
        await topic(log, name, partitions=1)
        await log.append(name, entries(10))
    async with backend.open() as log:
        assert await log.end_offsets(name) == {0: 10}
        assert await log.append(name, entries(5, start=10)) == {0: 15}
        consumer = await log.consumer(backend.called("readers"), [name])
        found = await drain(consumer, 15)
        await consumer.close()
    assert [r.value for r in found[TopicPartition(name, 0)]] == [e.value for e in entries(15)]


async def test_topics_are_created_once(log: Log, backend: Backend) -> None:
    name = backend.called("topic")
    spec = TopicSpec(name, 3)
    await log.create_topics([spec])
    await log.append(name, entries(1), partition=2)
    await log.create_topics([spec, TopicSpec(backend.called("second"), 1, True)])
    await log.create_topics([TopicSpec(name, 2)])
    assert await log.partitions(name) == 3
    assert await log.end_offsets(name) == {0: 0, 1: 0, 2: 1}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [(TopicSpec("", 4), "3 partitions"), (TopicSpec("", 3, True), "must be compacted")],
)
async def test_a_topic_that_is_otherwise_is_an_error(
    log: Log, backend: Backend, wanted: TopicSpec, says: str
) -> None:
    name = backend.called("other")
    await log.create_topics([TopicSpec(name, 3)])
    with pytest.raises(LogError, match=says):
        await log.create_topics([wanted._replace(name=name)])
    assert await log.partitions(name) == 3


async def test_an_unknown_topic_is_an_error_that_names_it(log: Log, backend: Backend) -> None:
    name = backend.called("nowhere")
    with pytest.raises(LogError, match=name):
        await log.append(name, entries(1))
    with pytest.raises(LogError, match=name):
        await log.partitions(name)
    with pytest.raises(LogError, match=name):
        await log.consumer(backend.called("readers"), [name])


async def test_a_partition_that_is_not_there_is_an_error(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("small"), partitions=2)
    with pytest.raises(LogError, match="partition 2"):
        await log.append(name, entries(1), partition=2)


async def test_a_log_that_is_open_answers(log: Log) -> None:
    await log.ping()


async def test_a_closed_log_refuses(backend: Backend) -> None:
    async with backend.open() as log:
        name = await topic(log, backend.called("closed"), partitions=1)
    with pytest.raises(LogError):
        await log.append(name, entries(1))
    with pytest.raises(LogError):
        await log.ping()


async def test_a_reader_that_waits_wakes_when_records_come(log: Log, backend: Backend) -> None:
    name = await topic(log, backend.called("wake"), partitions=1)
    consumer = await log.consumer(backend.called("readers"), [name])
    await settle(consumer, share=[1])
    waiting = asyncio.create_task(consumer.poll(3_600.0))
    await log.append(name, entries(2))
    async with asyncio.timeout(30):
        batches = await waiting
    await consumer.close()
    assert sum(len(batch.records) for batch in batches) in (1, 2)
