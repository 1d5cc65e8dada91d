"""Kafka's record batches read and written by compiled code, against aiokafka's own way."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from services.log import compiled
from services.log.base import Entry, Record
from services.log.kafka_batch import BATCH_BYTES, PackedBatch, fill_batch
from services.log.kafka_fetch import FetchedBytes, take
from tests.core import blocks_kept_by, log_core, need_core
from tests.differential.batches import (
    PARTS,
    answers,
    at_offset,
    batches,
    older_batches,
    spoilt_batches,
)

SOURCE = KafkaPartition("t", 0)
ENTRIES = st.lists(st.builds(Entry, PARTS, PARTS), max_size=30)
ANY = st.one_of(batches(), spoilt_batches())
NOW_MS = 1_760_000_000_000


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


class Assignment:
    """Of one partition, which is read from ``position`` on: also its state."""

    active = True
    paused = False

    def __init__(self, position: int) -> None:
        self.position = position

    def state_value(self, partition: object) -> Assignment:
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position


def fetched(answer: Any, position: int) -> FetchResult:
    """A broker's answer, waiting to be taken."""
    rest = PartitionRecords(SOURCE, answer, None, position, None, None, True, 0)
    return FetchResult(SOURCE, assignment=Assignment(position), partition_records=rest, backoff=0)


def drained(
    result: FetchResult, most: int, ours: bool
) -> tuple[list[tuple[int, bytes | None, bytes | None]], int, type | None]:
    """All records, where it is read on, and the error that ended it."""
    records: list[tuple[int, bytes | None, bytes | None]] = []
    result.getall = lambda most: take(result, most)
    while result.has_more():
        try:
            found = take(result, most) if ours else FetchResult.getall(result, most)
        except Exception as error:  # noqa: BLE001 - those of gzip pass through aiokafka, too
            return records, result._assignment.position, type(error)
        assert len(found) <= most
        assert not ours or all(type(one) is Record for one in found)
        records += [(one.offset, one.key, one.value) for one in found]
    return records, result._assignment.position, None


def compare(answer: bytes, position: int, most: int) -> None:
    ours = drained(fetched(FetchedBytes(answer), position), most, ours=True)
    theirs = drained(fetched(MemoryRecords(answer), position), most, ours=False)
    if theirs[2] is None:
        assert ours == theirs
    else:
        # What the call that failed had read is thrown away, and fetched again.
        sure = min(len(ours[0]), len(theirs[0]))
        assert ours[2] is theirs[2]
        assert ours[0][:sure] == theirs[0][:sure]


@given(
    answers(batches(), st.one_of(batches(), batches(), older_batches())),
    st.integers(0, 12),
    st.integers(1, 20),
)
@settings(max_examples=600)
def test_an_answer_gives_the_records_that_aiokafka_gives(
    answer: tuple[bytes, int], skipped: int, most: int
) -> None:
    compare(answer[0], answer[1] + skipped, most)


@given(answers(ANY, ANY), st.integers(0, 3), st.integers(1, 20))
@settings(max_examples=800)
def test_a_spoilt_answer_ends_as_with_aiokafka(
    answer: tuple[bytes, int], skipped: int, most: int
) -> None:
    compare(answer[0], answer[1] + skipped, most)


@given(st.binary(max_size=200), st.integers(-3, 210), st.integers(0, 9), st.integers(-1, 9))
def test_any_bytes_are_read_or_left(data: bytes, at: int, wanted: int, most: int) -> None:
    log_core.read_batches(data, at, wanted, most)


def packed(entries: list[Entry], base: int = 0) -> bytes:
    """A plain batch."""
    found = log_core.pack_batch(entries, 0, NOW_MS, BATCH_BYTES)
    assert found is not None
    log_core.seal_batch(found[0], 7, 0, 0)
    return at_offset(bytes(found[0]), base)


def test_what_the_log_writes_is_read_by_compiled_code() -> None:
    entries = [Entry(b"k", b"1"), Entry(None, b"2"), Entry(b"k", None)]
    answer = packed(entries) + packed(entries, 3)
    records = [Record(offset, *entries[offset % 3]) for offset in range(6)]
    assert log_core.read_batches(answer, 0, 0, 9) == (records, len(answer), 6)
    assert log_core.read_batches(answer, 0, 1, 4) == (records[1:5], len(answer) // 2, 5)
    assert log_core.read_batches(answer, len(answer) // 2, 5, 1) == (records[5:], len(answer), 6)
    assert log_core.read_batches(answer[:-1], 0, 0, 9) == (records[:3], len(answer) - 1, 3)
    assert log_core.read_batches(answer, 0, 3, 9) is None


def test_a_partition_that_is_not_read_now_gives_nothing() -> None:
    result = fetched(FetchedBytes(packed([Entry(b"k", b"1")])), 0)
    result._assignment.paused = True
    assert take(result, 9) == []
    assert not result.has_more()


def by_aiokafka(entries: list[Entry], limit: int) -> tuple[bytes, int]:
    builder = BatchBuilder(limit, 0)
    for key, value in entries:
        if builder.append(key=key, value=value, timestamp=NOW_MS) is None:
            break
    builder._set_producer_state(1 << 40, 9, 77)
    return bytes(builder._build()), builder.record_count()


@given(ENTRIES.filter(bool), st.integers(0, 5), st.integers(0, 1_000) | st.just(1 << 20))
@settings(max_examples=400)
def test_a_batch_is_packed_as_aiokafka_does(entries: list[Entry], start: int, limit: int) -> None:
    start = min(start, len(entries) - 1)
    found = log_core.pack_batch(entries, start, NOW_MS, limit)
    assert found is not None
    batch = PackedBatch(*found)
    batch._set_producer_state(1 << 40, 9, 77)
    assert (bytes(batch._build()), batch.record_count()) == by_aiokafka(entries[start:], limit)
    assert batch.closed()
    assert batch.size() == len(batch._build())
    assert batch.append(key=b"k", value=b"v", timestamp=NOW_MS) is None


class Producer:
    """Makes batches as aiokafka's does."""

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(BATCH_BYTES, 0)


def filled(entries: list[Entry]) -> tuple[bytes, int]:
    batch = fill_batch(Producer(), entries, 0, NOW_MS)
    batch._set_producer_state(1 << 40, 9, 77)
    return bytes(batch._build()), batch.record_count()


@given(ENTRIES.filter(bool))
def test_without_compiled_code_the_same_batch_is_made(entries: list[Entry]) -> None:
    with patch.object(compiled, "pack_batch", None):
        expected = filled(entries)
    assert filled(entries) == expected


def test_more_than_a_batch_holds_begins_the_next() -> None:
    entries = [Entry(b"k", bytes(200_000)) for _ in range(5)]
    starts = [0]
    while starts[-1] < len(entries):
        batch = fill_batch(Producer(), entries, starts[-1], NOW_MS)
        assert isinstance(batch, PackedBatch)
        starts.append(starts[-1] + batch.record_count())
    assert starts == [0, 2, 4, 5]


@pytest.mark.parametrize(
    "odd", [bytearray(b"1"), memoryview(b"1"), "1", 1, type("B", (bytes,), {})()]
)
def test_other_values_are_left_to_aiokafka(odd: Any) -> None:
    assert log_core.pack_batch([Entry(b"k", b"1"), Entry(b"k", odd)], 0, NOW_MS, 99) is None
    assert log_core.pack_batch([Entry(odd, b"1")], 0, NOW_MS, 99) is None


@pytest.mark.parametrize("odd", [[], [Entry(b"k", b"1")] * 2, [(b"k",)], [b"kv"], {1: 2}, None])
def test_what_is_no_list_of_entries_behind_the_start_is_left(odd: Any) -> None:
    assert log_core.pack_batch(odd, 2, NOW_MS, 99) is None


@given(st.binary(max_size=100) | st.integers(0, 5_000).map(lambda size: b"\xa5" * size))
def test_both_ways_to_a_checksum_are_right(data: bytes) -> None:
    assert log_core.crc32c(data) == (calc_crc32c(data),) * 2


def test_nothing_is_kept_of_what_is_read_and_written() -> None:
    entries = [Entry(b"key", b"value"), Entry(None, b"2"), Entry(b"k", None)]
    answer = packed(entries) + packed(entries, 3)
    odd = [Entry(b"key", b"value"), Entry(b"k", "text")]  # type: ignore[arg-type]
    spoilt = bytearray(packed(entries))
    spoilt[-1] = 1

    def work() -> None:
        log_core.read_batches(answer, 0, 0, 4)
        log_core.read_batches(bytes(spoilt), 0, 0, 4)
        log_core.read_batches(packed(entries) + bytes(spoilt), 0, 0, 4)
        log_core.pack_batch(odd, 0, NOW_MS, 99)
        drained(fetched(FetchedBytes(answer), 0), 4, ours=True)
        fill_batch(Producer(), entries, 0, NOW_MS)

    assert blocks_kept_by(work) < 200
