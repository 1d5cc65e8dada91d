"""The default partitioner of Kafka's Java producer."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as others_murmur2
from hypothesis import given
from hypothesis import strategies as st

from services.log.base import Entry
from services.log.partitioning import Spreader, murmur2, partition_of

VECTORS = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]
"""From Apache Kafka's UtilsTest; Java's integers are signed."""


@pytest.mark.parametrize(("data", "signed"), VECTORS)
def test_the_hash_is_that_of_kafkas_java_client(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed & 0xFFFFFFFF


@given(st.binary(max_size=80))
def test_the_hash_agrees_with_aiokafka(data: bytes) -> None:
    assert murmur2(data) == others_murmur2(data) & 0xFFFFFFFF


@given(st.binary(max_size=40), st.integers(1, 100))
def test_a_key_goes_where_aiokafkas_default_partitioner_puts_it(key: bytes, size: int) -> None:
    numbers = list(range(size))
    assert partition_of(key, size) == DefaultPartitioner()(key, numbers, numbers)


def test_splitting_keeps_the_order_within_a_partition() -> None:
    entries = [Entry(b"k%d" % (number % 7), b"%d" % number) for number in range(100)]
    parts = Spreader().split(entries, 3)
    for number, part in parts.items():
        assert part == [entry for entry in entries if partition_of(entry.key or b"", 3) == number]


def test_keyless_entries_of_one_call_stay_together_and_calls_take_turns() -> None:
    spreader = Spreader()
    used = [list(spreader.split([Entry(None, b"a"), Entry(None, b"b")], 3)) for _ in range(4)]
    assert used == [[0], [1], [2], [0]]


def test_a_given_partition_takes_all() -> None:
    entries = [Entry(b"a", b"1"), Entry(None, b"2")]
    assert Spreader().split(entries, 4, 2) == {2: entries}
    assert Spreader().split([], 4, 2) == {}
