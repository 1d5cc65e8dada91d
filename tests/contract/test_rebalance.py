"""What every log promises when members of a group come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.log.base import Consumer, Log, LogError, Record, TopicPartition
from tests.contract.backends import Backend, drain, entries, settle, topic


async def test_members_share_the_partitions_and_take_them_back(log: Log, backend: Backend) -> None:
    name, group = await topic(log, backend.called("shared")), backend.called("readers")
    one = await log.consumer(group, [name])
    await settle(one, share=[4])
    before = one.generation
    two = await log.consumer(group, [name])
    await settle(one, two, share=[2, 2])
    assert one.assigned().isdisjoint(two.assigned())
    assert one.generation == two.generation > before
    await two.close()
    await settle(one, share=[4])
    assert one.generation > before + 1
    await one.close()


async def test_a_member_gets_the_same_partition_numbers_of_all_topics(
    log: Log, backend: Backend
) -> None:
    names = [
        await topic(log, backend.called("left")),
        await topic(log, backend.called("right")),
        await topic(log, backend.called("few"), partitions=2),
    ]
    group = backend.called("readers")
    members = [await log.consumer(group, names) for _ in range(3)]
    for _ in range(600):
        assert not any([await member.poll(0.05) for member in members])
        if sum(len(member.assigned()) for member in members) == 10 and all(
            member.assigned() for member in members
        ):
            break
    numbers = [
        [{one.partition for one in member.assigned() if one.topic == name} for name in names]
        for member in members
    ]
    for left, right, few in numbers:
        assert left == right
        assert few == left & {0, 1}
    for member in members:
        await member.close()


async def test_the_generation_grows_over_restarts(backend: Backend) -> None:
    name, group = backend.called("restart"), backend.called("readers")
    seen = []
    for _ in range(3):
        async with backend.open() as log:
            await topic(log, name, partitions=1)
            consumer = await log.consumer(group, [name])
            assert consumer.generation == 0
            await settle(consumer, share=[1])
            seen.append(consumer.generation)
            await consumer.close()
    assert seen == sorted(set(seen))
    assert seen[0] > 0


async def test_a_commit_for_a_lost_partition_is_refused(log: Log, backend: Backend) -> None:
    name, group = await topic(log, backend.called("lost")), backend.called("readers")
    await log.append(name, entries(200, keys=40))
    one = await log.consumer(group, [name])
    in_flight = await drain(one, 200)
    two = await log.consumer(group, [name])
    lost = await _wait_for_share(two, 2, one)
    for source in lost:
        with pytest.raises(LogError, match=name):
            await one.commit({source: in_flight[source][-1].offset + 1})
    kept = {source: in_flight[source][-1].offset + 1 for source in one.assigned()}
    assert len(kept) == 2
    await one.commit(kept)
    redelivered = await drain(two, sum(len(in_flight[source]) for source in lost))
    assert redelivered == {source: in_flight[source] for source in lost}
    await one.close()
    await two.close()


async def test_a_kept_partition_goes_on_where_it_was_read(log: Log, backend: Backend) -> None:
    name, group = await topic(log, backend.called("kept")), backend.called("readers")
    after_first = await log.append(name, entries(100, keys=40))
    one = await log.consumer(group, [name])
    await drain(one, 100)
    two = await log.consumer(group, [name])
    await _wait_for_share(two, 2, one)
    ends = await log.append(name, entries(100, keys=40, start=100))
    halves = {number: end - after_first[number] for number, end in ends.items()}
    expected = sum(halves[source.partition] for source in one.assigned())
    found = await drain(one, expected)
    for source, records in found.items():
        assert records[0].offset == after_first[source.partition]
    await one.close()
    await two.close()


async def test_nothing_is_lost_while_members_come_and_go(log: Log, backend: Backend) -> None:
    name, group = await topic(log, backend.called("churn")), backend.called("readers")
    sent = entries(4_000, keys=40)
    seen: dict[TopicPartition, dict[int, Record]] = {}
    done = asyncio.Event()

    async def read(consumer: Consumer) -> None:
        while not done.is_set():
            for batch in await consumer.poll(0.2):
                try:
                    await consumer.commit({batch.source: batch.next_offset})
                except LogError:
                    continue
                found = seen.setdefault(batch.source, {})
                found.update({record.offset: record for record in batch.records})
            if sum(map(len, seen.values())) == len(sent):
                done.set()
        await consumer.close()

    async def write() -> None:
        for start in range(0, len(sent), 100):
            await log.append(name, sent[start : start + 100])

    steady = asyncio.create_task(read(await log.consumer(group, [name])))
    writing = asyncio.create_task(write())
    for _ in range(3):
        passing = await log.consumer(group, [name])
        await passing.poll(0.2)
        await passing.poll(0.2)
        await passing.close()
    async with asyncio.timeout(60):
        await writing
        await steady
    ends = await log.end_offsets(name)
    assert {source.partition: len(found) for source, found in seen.items()} == dict(ends)


async def _wait_for_share(
    consumer: Consumer, share: int, *others: Consumer
) -> Sequence[TopicPartition]:
    for _ in range(600):
        assert not await consumer.poll(0.0) or len(consumer.assigned()) == share
        for other in others:
            await other.poll(0.05)
        if len(consumer.assigned()) == share:
            return sorted(consumer.assigned())
    raise AssertionError(f"the member got {len(consumer.assigned())} partitions, not {share}")
