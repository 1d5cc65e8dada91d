"""Entries packed into one blob."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.log.base import Entry, Record
from services.log.blocks import pack, size_of, unpack

ENTRIES = st.lists(
    st.builds(Entry, st.none() | st.binary(max_size=20), st.none() | st.binary(max_size=200)),
    max_size=30,
)


@given(ENTRIES, st.integers(0, 1 << 40), st.integers(-5, 40))
def test_what_was_packed_comes_back_from_any_offset(
    entries: list[Entry], first: int, skip: int
) -> None:
    blob = pack(entries)
    expected = [Record(first + index, *entry) for index, entry in enumerate(entries)]
    assert unpack(blob, len(entries), first, first + skip) == expected[max(0, skip) :]


@given(ENTRIES.filter(bool), st.data())
def test_a_blob_that_was_cut_is_noticed(entries: list[Entry], data: st.DataObject) -> None:
    blob = pack(entries)
    length = data.draw(st.integers(0, len(blob) - 1))
    with pytest.raises(ValueError, match="block of the log"):
        unpack(blob[:length], len(entries), 0)


def test_the_size_counts_keys_and_values() -> None:
    assert size_of([Entry(b"abc", b"de"), Entry(None, b"f"), Entry(b"g", None)]) == 7
