"""What the SQLite log may forget: old records that every group has read, and old tombstones."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from services.log.sqlite_queries import Place

BLOCKS_A_STEP = 500
"""Blocks deleted in one transaction at most, so that appends don't wait long for it."""


class Retention(NamedTuple):
    """How long records are kept once every group that reads their topic has passed them."""

    seconds: float = 7 * 86_400.0
    topic_bytes: int = 2 << 30
    """Beyond this size of a topic, shared evenly by its partitions, the oldest go earlier."""


def trim_step(connection: sqlite3.Connection, keep: Retention, now_s: float) -> int:
    """Delete some of what may go; gives how many rows went, 0 when nothing is left to delete.

    A block that a known group has not passed is never deleted, whatever its age and size.
    """
    deleted = _trim_tombstones(connection, int(now_s - keep.seconds))
    for topic_id, partitions in connection.execute(
        "SELECT id, partitions FROM topics WHERE NOT compacted"
    ).fetchall():
        for partition in range(partitions):
            if deleted >= BLOCKS_A_STEP:
                return deleted
            deleted += _trim_partition(
                connection,
                Place(topic_id, partition),
                keep.topic_bytes // partitions,
                int(now_s - keep.seconds),
                BLOCKS_A_STEP - deleted,
            )
    return deleted


def _trim_partition(
    connection: sqlite3.Connection,
    place: Place,
    limit_bytes: int,
    oldest_s: int,
    most: int,
) -> int:
    (read_by_all,) = connection.execute(
        "SELECT min(next_offset) FROM group_offsets WHERE topic_id=? AND partition=?", place
    ).fetchone()
    (size,) = connection.execute(
        "SELECT kept_bytes FROM ends WHERE topic_id=? AND partition=?", place
    ).fetchone()
    doomed = []
    freed = 0
    for block_id, end, length, written_s in connection.execute(
        "SELECT id, first_offset + count, bytes, written_s FROM blocks"
        " WHERE topic_id=? AND partition=? ORDER BY first_offset LIMIT ?",
        (*place, most),
    ):
        unread = read_by_all is not None and end > read_by_all
        if unread or (written_s >= oldest_s and size - freed <= limit_bytes):
            break
        doomed.append((block_id,))
        freed += length
    if doomed:
        connection.executemany("DELETE FROM blocks WHERE id=?", doomed)
        connection.execute(
            "UPDATE ends SET kept_bytes=kept_bytes-? WHERE topic_id=? AND partition=?",
            (freed, *place),
        )
    return len(doomed)


def _trim_tombstones(connection: sqlite3.Connection, oldest_s: int) -> int:
    return connection.execute(
        "DELETE FROM newest WHERE rowid IN"
        " (SELECT rowid FROM newest WHERE value IS NULL AND written_s < ? LIMIT ?)",
        (oldest_s, BLOCKS_A_STEP),
    ).rowcount
