"""The newest records, still in memory: a reader that keeps up never touches the disk."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from services.log.base import Entry, Record, TopicPartition
from services.log.blocks import numbered
from services.log.storage import Limits, Slice


class Block(NamedTuple):
    """Entries of one partition with contiguous offsets."""

    first_offset: int
    entries: Sequence[Entry]
    bytes: int


_first_offset = attrgetter("first_offset")


class Tail:
    """The newest blocks of all partitions, at most ``limit`` bytes; the oldest go first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._order: deque[TopicPartition] = deque()
        self._blocks: dict[TopicPartition, deque[Block]] = {}

    def add(self, source: TopicPartition, block: Block) -> None:
        """Keep a block that follows the partition's last one."""
        self._blocks.setdefault(source, deque()).append(block)
        self._order.append(source)
        self._bytes += block.bytes
        while self._bytes > self._limit:
            oldest = self._blocks[self._order.popleft()].popleft()
            self._bytes -= oldest.bytes

    def read(self, source: TopicPartition, position: int, limits: Limits) -> Slice | None:
        """Records from ``position`` on; None if that is older than what is kept."""
        blocks = self._blocks.get(source)
        if not blocks or position < blocks[0].first_offset:
            return None
        records: list[Record] = []
        room = limits.bytes
        # A reader that keeps up wants the last of what may be hundreds of blocks.
        holder = bisect_right(blocks, position, key=_first_offset) - 1
        for first, entries, size in islice(blocks, holder, None):
            after = first + len(entries)
            if after <= position:
                continue
            left = limits.records - len(records)
            if size > room or len(entries) > left:
                records.extend(_part(entries, first, position, left, room, bool(records)))
                break
            start = max(first, position)
            records.extend(numbered(entries, start, start - first))
            room -= size
        return Slice(records, records[-1].offset + 1 if records else position)


def _part(
    entries: Sequence[Entry], first: int, position: int, left: int, room: int, enough: bool
) -> list[Record]:
    """As many records as fit in ``left`` records and ``room`` bytes, one at least unless
    there are ``enough`` already."""
    records: list[Record] = []
    start = max(0, position - first)
    for offset in range(first + start, first + len(entries)):
        key, value = entries[offset - first]
        room -= len(key or b"") + len(value or b"")
        if len(records) == left or (room < 0 and (records or enough)):
            break
        records.append(Record(offset, key, value))
    return records
