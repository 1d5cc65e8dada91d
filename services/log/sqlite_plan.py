"""What one transaction of the SQLite log writes: appends joined by partition, cut into blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.log.base import Entry
from services.log.blocks import size_of
from services.log.sqlite_queries import Place
from services.log.tail import Block

MAX_BLOCK_ENTRIES = 2_000
MAX_BLOCK_BYTES = 1 << 20


@dataclass(slots=True)
class Append:
    """Entries for partitions of one topic."""

    topic: str
    compacted: bool
    parts: Mapping[Place, list[Entry]]
    done: asyncio.Future[Mapping[Place, int]]


class Write(NamedTuple):
    """What one partition gets."""

    topic: str
    compacted: bool
    blocks: Sequence[Block]


class Plan(NamedTuple):
    """What one transaction writes; ``results`` belong to its appends in order."""

    writes: Mapping[Place, Write]
    ends: Mapping[Place, int]
    results: Sequence[Mapping[Place, int]]


def plan(ends: Mapping[Place, int], appends: Sequence[Append]) -> Plan:
    """Give each entry its offset; entries of one partition from several calls share blocks."""
    after: dict[Place, int] = {}
    joined: dict[Place, tuple[Append, list[Entry]]] = {}
    results: list[dict[Place, int]] = []
    for append in appends:
        for place, entries in append.parts.items():
            after[place] = after.get(place, ends.get(place, 0)) + len(entries)
            if place in joined:
                joined[place][1].extend(entries)
            else:
                joined[place] = (append, list(entries))
        results.append({place: after[place] for place in append.parts})
    writes = {
        place: Write(append.topic, append.compacted, _cut(ends.get(place, 0), entries))
        for place, (append, entries) in joined.items()
    }
    return Plan(writes, after, results)


def _cut(first: int, entries: list[Entry]) -> list[Block]:
    """Blocks of a size that a reader can take whole; a single large entry is a block too."""
    size = size_of(entries)
    if size <= MAX_BLOCK_BYTES and len(entries) <= MAX_BLOCK_ENTRIES:
        return [Block(first, entries, size)]
    blocks = []
    start = size = 0
    for index, (key, value) in enumerate(entries):
        length = len(key or b"") + len(value or b"")
        full = size + length > MAX_BLOCK_BYTES or index - start == MAX_BLOCK_ENTRIES
        if full and index > start:
            blocks.append(Block(first + start, entries[start:index], size))
            start, size = index, 0
        size += length
    blocks.append(Block(first + start, entries[start:], size))
    return blocks
