"""The log's compiled work on entries says what the Python code says, or nothing."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.log import compiled
from services.log.base import Entry, Record
from services.log.blocks import numbered, pack, size_of, unpack
from services.log.partitioning import Spreader, murmur2, partition_of
from tests.core import blocks_kept_by, log_core, need_core

PARTS = st.none() | st.binary(max_size=20) | st.sampled_from([b"", bytes(300)])
ENTRIES = st.lists(st.builds(Entry, PARTS, PARTS), max_size=30)
KEYED = st.lists(st.builds(Entry, st.binary(max_size=40), PARTS), max_size=30)
ODD = (bytearray(b"1"), memoryview(b"12"), "1", 1, 1.5, (), [b"1"], type("B", (bytes,), {})(b"1"))


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


@contextmanager
def python_only() -> Iterator[None]:
    with patch.multiple(compiled, size_of=None, pack=None, unpack=None, numbered=None, split=None):
        yield


def outcome(work: Callable[[], Any]) -> Any:
    """What comes of it, errors included, with the types of all that is in it."""
    try:
        found = work()
    except (ValueError, TypeError, struct.error) as error:
        return type(error)
    return repr(found), [type(one) for one in found] if isinstance(found, list) else type(found)


def agree(work: Callable[[], Any]) -> None:
    with python_only():
        expected = outcome(work)
    assert outcome(work) == expected


@given(ENTRIES, st.integers(0, 1 << 40), st.integers(0, 40), st.booleans())
def test_entries_are_counted_packed_and_numbered_alike(
    entries: list[Entry], first: int, start: int, as_tuple: bool
) -> None:
    series = tuple(entries) if as_tuple else entries
    agree(lambda: size_of(series))
    agree(lambda: pack(series))
    agree(lambda: numbered(series, first, start))
    assert log_core.pack(series) == pack(series)


@given(ENTRIES, st.sampled_from(ODD), st.integers(0, 2), st.integers(0, 29))
@settings(max_examples=300)
def test_odd_entries_are_left_to_python(
    entries: list[Entry], odd: Any, field: int, place: int
) -> None:
    spoilt: list[Any] = list(entries)
    spoilt.insert(place, [Entry(odd, b"1"), Entry(b"1", odd), odd][field])
    if not spoilt or len(spoilt) == 1:
        agree(lambda: size_of(spoilt))
    agree(lambda: pack(spoilt))
    assert log_core.size_of(spoilt) is None
    assert log_core.pack(spoilt) is None
    assert log_core.numbered(spoilt, 0, 0) is None
    assert log_core.split(spoilt, 3) is None


@given(ENTRIES, st.integers(0, 1 << 40), st.integers(-5, 40))
def test_blocks_are_unpacked_alike(entries: list[Entry], first: int, skip: int) -> None:
    blob = pack(entries)
    agree(lambda: unpack(blob, len(entries), first, first + skip))
    assert log_core.unpack(blob, len(entries), first, first) is not None


@given(ENTRIES, st.binary(max_size=4), st.integers(0, 60), st.integers(-1, 3), st.integers(0, 255))
@settings(max_examples=300)
def test_damaged_blocks_are_unpacked_or_refused_alike(
    entries: list[Entry], more: bytes, place: int, added: int, byte: int
) -> None:
    blob = bytearray(pack(entries))
    if place < len(blob):
        blob[place] = byte
    damaged = bytes(blob) + more
    agree(lambda: unpack(damaged, max(0, len(entries) + added), 5, 7))


@given(st.binary(max_size=200), st.integers(-2, 30) | st.just(1 << 61))
def test_any_bytes_are_unpacked_or_left(blob: bytes, count: int) -> None:
    log_core.unpack(blob, count, 0, 0)
    log_core.unpack(memoryview(blob), count, 0, 0)  # type: ignore[arg-type]


@given(KEYED, st.integers(1, 100))
def test_entries_are_split_alike(entries: list[Entry], partitions: int) -> None:
    agree(lambda: list(Spreader().split(entries, partitions).items()))
    assert log_core.split(entries, partitions) is not None


@given(st.binary(max_size=80), st.integers(1, 1 << 31) | st.integers(1, 99))
def test_a_key_goes_to_the_same_partition(key: bytes, partitions: int) -> None:
    entry = Entry(key, None)
    if partitions < 1 << 31:
        assert log_core.split([entry], partitions) == {partition_of(key, partitions): [entry]}
    assert murmur2(key) & 0x7FFFFFFF == partition_of.__wrapped__(key, 1 << 31)


def test_entries_without_a_key_take_turns_with_and_without() -> None:
    entries = [Entry(b"a", b"1"), Entry(None, b"2"), Entry(None, b"3")]
    agree(lambda: list(Spreader().split(entries, 5).items()))
    assert log_core.split(entries, 5) is None
    assert log_core.split([], 5) == {}


def test_an_entry_goes_through_as_it_is() -> None:
    entry = Entry(b"key", b"value")
    split = log_core.split([entry], 1)
    assert split is not None
    assert split[0][0] is entry
    (record,) = log_core.numbered([entry], 0, 9) or []
    assert record == Record(9, b"key", b"value")
    assert record.key is entry.key
    assert record.value is entry.value


def test_nothing_is_kept() -> None:
    entries = [Entry(b"key-%d" % number, b"value") for number in range(20)] + [Entry(b"k", None)]
    odd: list[Any] = [*entries, (b"key", "text")]
    blob = pack(entries)

    def work() -> None:
        for some in (entries, odd, None):
            log_core.size_of(some)  # type: ignore[arg-type]
            log_core.pack(some)  # type: ignore[arg-type]
            log_core.numbered(some, 0, 7)  # type: ignore[arg-type]
            log_core.split(some, 3)  # type: ignore[arg-type]
        log_core.unpack(blob, len(entries), 0, 3)
        log_core.unpack(blob[:-1], len(entries), 0, 3)

    assert blocks_kept_by(work) < 200
