"""Which batches share a transaction, and how their offsets move."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.log.base import ENRICHED, FIX, MESSAGE, Batch, Record, TopicPartition
from services.store.prepared import Prepared
from services.store.transaction import Move
from services.store.work import TOGETHER_RECORDS, Place, Waiting, Work, groups_of, moves_of


@pytest.fixture(scope="module")
def future() -> Iterator[asyncio.Future]:
    loop = asyncio.new_event_loop()
    yield loop.create_future()
    loop.close()


def waiting(partition: int, records: int, future: asyncio.Future, topic: str = ENRICHED) -> Waiting:
    batch = Batch(TopicPartition(topic, partition), [Record(0, None, b"")] * records, records)
    return Waiting(batch, future)


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([], []),
        ([1], [[1]]),
        ([10, 20, 30], [[10, 20, 30]]),
        ([TOGETHER_RECORDS - 1, 1], [[TOGETHER_RECORDS - 1, 1]]),
        ([TOGETHER_RECORDS, 1], [[TOGETHER_RECORDS], [1]]),
        ([5_000, 5_000, 2], [[5_000], [5_000], [2]]),
        ([1, 5_000, 2, 3], [[1], [5_000], [2, 3]]),
        ([300, 300, 150], [[300], [300, 150]]),
    ],
)
def test_small_batches_share_a_transaction_and_large_ones_have_their_own(
    future: asyncio.Future, sizes: list[int], groups: list[list[int]]
) -> None:
    found = groups_of([waiting(number, size, future) for number, size in enumerate(sizes)])
    assert [[len(each.batch.records) for each in group] for group in found] == groups


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1_500)), max_size=12))
def test_every_batch_is_in_one_group_and_no_partition_is_in_a_group_twice(
    future: asyncio.Future, batches: list[tuple[int, int]]
) -> None:
    given_ = [waiting(partition, records, future) for partition, records in batches]
    groups = groups_of(given_)
    assert [each for group in groups for each in group] == given_
    for group in groups:
        sources = [each.batch.source for each in group]
        assert len(set(sources)) == len(sources)
        records = sum(len(each.batch.records) for each in group)
        assert records <= TOGETHER_RECORDS or len(group) == 1


def test_fixes_move_the_offset_of_the_topic_they_come_from_too(future: asyncio.Future) -> None:
    prepared = Prepared([], [], [], {}, set(), next_source=7)
    fixes = Work(waiting(1, 3, future), Place(0, 5), prepared)
    messages = Work(waiting(0, 2, future, MESSAGE), Place(1, 0), prepared)
    assert moves_of([messages, fixes]) == [
        Move(TopicPartition(ENRICHED, 1), 0, 3),
        Move(TopicPartition(FIX, 1), 5, 7),
        Move(TopicPartition(MESSAGE, 0), 1, 2),
    ]
