"""The newest records in memory."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.log.base import Entry, Record, TopicPartition
from services.log.blocks import size_of
from services.log.storage import Limits
from services.log.tail import Block, Tail

SOURCE = TopicPartition("t", 0)
OTHER = TopicPartition("t", 1)


def filled(sizes: Sequence[int], limit: int = 1 << 20) -> tuple[Tail, list[Record]]:
    """A tail with blocks of so many entries, and all the records that went in."""
    tail, records, first = Tail(limit), [], 0
    for size in sizes:
        entries = [Entry(b"k", b"%05d" % number) for number in range(first, first + size)]
        tail.add(SOURCE, Block(first, entries, size_of(entries)))
        records += [Record(first + index, *entry) for index, entry in enumerate(entries)]
        first += size
    return tail, records


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
    st.integers(0, 60),
    st.integers(1, 20),
    st.integers(1, 100),
)
def test_reading_gives_what_follows_within_the_limits(
    sizes: list[int], position: int, most: int, most_bytes: int
) -> None:
    tail, records = filled(sizes)
    found = tail.read(SOURCE, position, Limits(most, most_bytes))
    assert found is not None
    expected = records[position:]
    assert list(found.records) == expected[: len(found.records)]
    assert found.next_offset == position + len(found.records)
    assert len(found.records) <= most
    if expected:
        assert found.records
        assert len(found.records) == 1 or 6 * len(found.records) <= most_bytes


def test_the_oldest_go_when_the_limit_is_passed() -> None:
    tail, records = filled([2, 2, 2], limit=25)
    assert tail.read(SOURCE, 0, Limits()) is None
    kept = tail.read(SOURCE, 2, Limits())
    assert kept is not None
    assert list(kept.records) == records[2:]


def test_a_partition_that_has_nothing_kept_is_not_known() -> None:
    tail, _ = filled([2])
    assert tail.read(OTHER, 0, Limits()) is None


def test_an_append_larger_than_the_whole_tail_leaves_it_empty() -> None:
    tail = Tail(10)
    entries = [Entry(b"k", bytes(100))]
    tail.add(SOURCE, Block(0, entries, size_of(entries)))
    assert tail.read(SOURCE, 0, Limits()) is None


def test_a_reader_in_the_middle_of_many_blocks_gets_what_follows() -> None:
    tail, records = filled([3] * 200)
    for position in (0, 1, 3, 299, 300, 301, 597, 599, 600, 700):
        found = tail.read(SOURCE, position, Limits(records=10))
        assert found is not None
        assert list(found.records) == records[position : position + 10]
        assert found.next_offset == max(position, min(600, position + 10))
