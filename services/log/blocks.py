"""Entries packed into one blob: the row of the SQLite log is an append, not a record.

Layout, little-endian: for each entry two signed 32-bit lengths, of its key and its value (-1 for
None), then all keys and values in order.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain, repeat

from services.log import compiled
from services.log.base import Entry, Record


def pack(entries: Sequence[Entry]) -> bytes:
    """The blob of ``entries``. Raises struct.error for a key or value of 2 GiB or more."""
    if compiled.pack is not None and (plain := compiled.pack(entries)) is not None:
        return plain
    lengths: list[int] = []
    parts: list[bytes] = [b""]
    for key, value in entries:
        if key is None:
            lengths.append(-1)
        else:
            lengths.append(len(key))
            parts.append(key)
        if value is None:
            lengths.append(-1)
        else:
            lengths.append(len(value))
            parts.append(value)
    parts[0] = struct.pack(f"<{len(lengths)}i", *lengths)
    return b"".join(parts)


def unpack(blob: bytes, count: int, first_offset: int, from_offset: int = 0) -> list[Record]:
    """The records at or after ``from_offset`` of a blob of ``count`` entries.

    Raises ValueError if the blob is not that long.
    """
    if compiled.unpack is not None:
        plain = compiled.unpack(blob, count, first_offset, from_offset)
        if plain is not None:
            return plain
    if len(blob) < 8 * count:
        raise ValueError("a block of the log is shorter than its table of lengths")
    lengths = struct.unpack_from(f"<{2 * count}i", blob)
    at = 8 * count
    if at + sum(length for length in lengths if length > 0) != len(blob):
        raise ValueError("a block of the log is not as long as its table of lengths says")
    records = []
    pairs = iter(lengths)
    for offset, (key_length, value_length) in enumerate(
        zip(pairs, pairs, strict=True), first_offset
    ):
        key = value = None
        if key_length >= 0:
            key = blob[at : at + key_length]
            at += key_length
        if value_length >= 0:
            value = blob[at : at + value_length]
            at += value_length
        if offset >= from_offset:
            records.append(Record(offset, key, value))
    return records


def size_of(entries: Sequence[Entry]) -> int:
    """Bytes of keys and values."""
    if compiled.size_of is not None and (plain := compiled.size_of(entries)) is not None:
        return plain
    return sum(map(len, filter(None, chain.from_iterable(entries))))


def numbered(entries: Sequence[Entry], first: int, start: int = 0) -> list[Record]:
    """``entries[start:]`` as records with the offsets from ``first`` on."""
    if compiled.numbered is not None:
        plain = compiled.numbered(entries, start, first)
        if plain is not None:
            return plain
    if start >= len(entries):
        return []
    keys, values = zip(*entries[start:], strict=True)
    offsets = range(first, first + len(keys))
    # No step of it is Python code: a third of the time of Record(…) for each.
    return [*map(tuple.__new__, repeat(Record), zip(offsets, keys, values, strict=True))]
