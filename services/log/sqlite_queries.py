"""The SQL of the embedded log, as functions of its connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.log.base import Record, TopicPartition, TopicSpec
from services.log.blocks import pack, unpack
from services.log.storage import Contents, Limits, Slice
from services.log.tail import Block

READ_BLOCKS = 64
"""Blocks read at once, at most."""


class Place(NamedTuple):
    """A partition by its topic's number in the file."""

    topic_id: int
    partition: int


class Wanted(NamedTuple):
    """What to read of one partition."""

    source: TopicPartition
    place: Place
    compacted: bool
    position: int


def contents(connection: sqlite3.Connection) -> tuple[dict[str, int], Contents]:
    """Topic numbers by name, and what the file knows besides its records."""
    rows = connection.execute("SELECT id, name, partitions, compacted FROM topics").fetchall()
    names = {topic_id: name for topic_id, name, _, _ in rows}
    found = Contents(
        {name: TopicSpec(name, size, bool(compacted)) for _, name, size, compacted in rows},
        {
            TopicPartition(names[topic_id], partition): end
            for topic_id, partition, end in connection.execute(
                "SELECT topic_id, partition, next_offset FROM ends"
            )
        },
        {
            (group, TopicPartition(names[topic_id], partition)): offset
            for group, topic_id, partition, offset in connection.execute(
                "SELECT group_name, topic_id, partition, next_offset FROM group_offsets"
            )
        },
        dict(connection.execute("SELECT name, generation FROM groups").fetchall()),
    )
    return {name: topic_id for topic_id, name in names.items()}, found


def ends(connection: sqlite3.Connection) -> dict[Place, int]:
    """The offset that each partition's next record will get."""
    rows = connection.execute("SELECT topic_id, partition, next_offset FROM ends")
    return {Place(topic_id, partition): end for topic_id, partition, end in rows}


def create_topics(connection: sqlite3.Connection, topics: Sequence[TopicSpec]) -> None:
    """Add topics and their empty partitions."""
    for name, partitions, compacted in topics:
        topic_id = connection.execute(
            "INSERT INTO topics (name, partitions, compacted) VALUES (?, ?, ?)",
            (name, partitions, compacted),
        ).lastrowid
        connection.executemany(
            "INSERT INTO ends (topic_id, partition, next_offset, kept_bytes) VALUES (?, ?, 0, 0)",
            [(topic_id, partition) for partition in range(partitions)],
        )


def write_block(connection: sqlite3.Connection, place: Place, block: Block, now_s: int) -> None:
    """Add a block to a plain topic."""
    connection.execute(
        "INSERT INTO blocks (topic_id, partition, first_offset, count, bytes, written_s, entries)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*place, block.first_offset, len(block.entries), block.bytes, now_s, pack(block.entries)),
    )


def write_newest(connection: sqlite3.Connection, place: Place, block: Block, now_s: int) -> None:
    """Put the entries of a block in the place of older ones of their keys (compacted topic)."""
    newest = {
        key: (*place, key, offset, now_s, value)
        for offset, (key, value) in enumerate(block.entries, block.first_offset)
    }
    connection.executemany(
        "INSERT INTO newest (topic_id, partition, key, record_offset, written_s, value)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (topic_id, partition, key) DO UPDATE SET"
        " record_offset=excluded.record_offset, written_s=excluded.written_s,"
        " value=excluded.value",
        newest.values(),
    )


def advance_ends(connection: sqlite3.Connection, grown: Mapping[Place, tuple[int, int]]) -> None:
    """Set the end of partitions and add to their size: place → (end, bytes more)."""
    connection.executemany(
        "UPDATE ends SET next_offset=?, kept_bytes=kept_bytes+? WHERE topic_id=? AND partition=?",
        [(end, more, *place) for place, (end, more) in grown.items()],
    )


def read(
    connection: sqlite3.Connection, wanted: Iterable[Wanted], limits: Limits
) -> dict[TopicPartition, Slice]:
    """Records from each position on. Raises ValueError for a damaged block."""
    return {
        one.source: (_read_newest if one.compacted else _read_blocks)(connection, one, limits)
        for one in wanted
    }


def _read_blocks(connection: sqlite3.Connection, wanted: Wanted, limits: Limits) -> Slice:
    (holder,) = connection.execute(
        "SELECT max(first_offset) FROM blocks WHERE topic_id=? AND partition=? AND first_offset<=?",
        (*wanted.place, wanted.position),
    ).fetchone()
    records: list[Record] = []
    size = 0
    for first_offset, count, length, blob in connection.execute(
        "SELECT first_offset, count, bytes, entries FROM blocks"
        " WHERE topic_id=? AND partition=? AND first_offset>=? ORDER BY first_offset LIMIT ?",
        (*wanted.place, wanted.position if holder is None else holder, READ_BLOCKS),
    ):
        if records and size + length > limits.bytes:
            break
        found = unpack(blob, count, first_offset, wanted.position)
        records.extend(found[: limits.records - len(records)])
        size += length
        if len(records) == limits.records:
            break
    return Slice(records, records[-1].offset + 1 if records else wanted.position)


def _read_newest(connection: sqlite3.Connection, wanted: Wanted, limits: Limits) -> Slice:
    records: list[Record] = []
    size = 0
    rows = connection.execute(
        "SELECT record_offset, key, value FROM newest WHERE topic_id=? AND partition=?"
        " AND record_offset>=? ORDER BY record_offset LIMIT ?",
        (*wanted.place, wanted.position, limits.records),
    )
    for record in map(Record._make, rows):
        size += len(record.key or b"") + len(record.value or b"")
        if records and size > limits.bytes:
            return Slice(records, records[-1].offset + 1)
        records.append(record)
    if len(records) == limits.records:
        return Slice(records, records[-1].offset + 1)
    (end,) = connection.execute(
        "SELECT next_offset FROM ends WHERE topic_id=? AND partition=?", wanted.place
    ).fetchone()
    return Slice(records, end)


def read_compacted(
    connection: sqlite3.Connection, topic_id: int, partition: int | None
) -> dict[bytes, bytes]:
    """Key → value of one partition, or of all."""
    where = "topic_id=? AND value IS NOT NULL"
    arguments: tuple[int, ...] = (topic_id,)
    if partition is not None:
        where += " AND partition=?"
        arguments = (topic_id, partition)
    return dict(
        connection.execute(f"SELECT key, value FROM newest WHERE {where}", arguments).fetchall()
    )


def save_offsets(connection: sqlite3.Connection, group: str, offsets: Mapping[Place, int]) -> None:
    """Set committed offsets of a group."""
    connection.executemany(
        "INSERT OR REPLACE INTO group_offsets (group_name, topic_id, partition, next_offset)"
        " VALUES (?, ?, ?, ?)",
        [(group, *place, offset) for place, offset in offsets.items()],
    )


def save_group(
    connection: sqlite3.Connection, group: str, generation: int, reads: Iterable[Place]
) -> None:
    """Set a group's generation; a partition that it ``reads`` for the first time is noted as
    unread, so that retention keeps it."""
    connection.execute("INSERT OR REPLACE INTO groups VALUES (?, ?)", (group, generation))
    connection.executemany(
        "INSERT OR IGNORE INTO group_offsets (group_name, topic_id, partition, next_offset)"
        " VALUES (?, ?, ?, 0)",
        [(group, *place) for place in reads],
    )
