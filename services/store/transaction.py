"""The steps of a store transaction, each on a connection that the caller holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import asyncpg

from services.log.base import TopicPartition
from services.runtime.database import RowError, explained
from services.store import tables
from services.store.prepared import Count, Row
from services.store.tables import Table


class Move(NamedTuple):
    """From where to where the offset of a topic moves."""

    topic: str
    expected: int
    next: int


async def prepare_connection(connection: asyncpg.Connection) -> None:
    """Once per connection: the temporary tables, and times as integers instead of objects."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=tuple, decoder=tuple, format="tuple"
    )
    for table in tables.STAGED:
        await connection.execute(table.create_staged)


async def copy_rows(connection: asyncpg.Connection, table: Table, rows: Sequence[Row]) -> None:
    """Copy rows to the table's temporary table. Raises RowError if one can't be encoded."""
    if not rows:
        return
    try:
        with explained():
            await connection.copy_records_to_table(
                table.staged, records=rows, columns=table.columns
            )
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        # asyncpg passes on what its encoders for the single types raise.
        raise RowError(f"a value of {table.name} can't be encoded: {error}") from error


async def insert_if_new(connection: asyncpg.Connection, table: Table) -> bool:
    """Move the staged rows to their table; False, and nothing done, if a key is there already.

    Raises RowError.
    """
    try:
        with explained():
            # One message to the server, where a nested transaction of asyncpg takes three.
            await connection.execute(f"SAVEPOINT new; {table.insert}; RELEASE SAVEPOINT new")
    except RowError as error:
        if not isinstance(error.__cause__, asyncpg.UniqueViolationError):
            raise
        await connection.execute("ROLLBACK TO SAVEPOINT new; RELEASE SAVEPOINT new")
        return False
    return True


async def merge(connection: asyncpg.Connection, table: Table) -> int:
    """Move the staged rows to their table; returns how many were new there. Raises RowError."""
    with explained():
        return int((await connection.execute(table.merge)).rpartition(" ")[2])


async def move_offsets(
    connection: asyncpg.Connection, partition: int, moves: Sequence[Move]
) -> bool:
    """Compare and set: whether all of them were where they were expected."""
    topics = [move.topic for move in moves]
    expected = [move.expected for move in moves]
    following = [move.next for move in moves]
    done = await connection.execute(
        tables.MOVE_OFFSETS, topics, [partition] * len(moves), expected, following
    )
    return bool(done == f"UPDATE {len(moves)}")


async def add_counts(
    connection: asyncpg.Connection, source: TopicPartition, counts: Mapping[Count, int]
) -> None:
    """Add to the ledger's counters of a partition."""
    added = sorted((run, name, count) for (run, name), count in counts.items() if count)
    if added:
        runs, names, numbers = zip(*added, strict=True)
        await connection.execute(tables.ADD_COUNTS, *source, runs, names, numbers)


async def find_refused(
    connection: asyncpg.Connection, table: Table, rows: Sequence[Row]
) -> dict[int, str]:
    """The rows that the database takes in no company, with what it said: by halving.

    Takes some log2(len(rows)) transactions for each of them; all are rolled back.
    """
    refused: dict[int, str] = {}
    suspects = [(0, len(rows))]
    while suspects:
        start, end = suspects.pop()
        if start == end:
            continue
        said = await _rehearse(connection, table, rows[start:end])
        if said is None:
            continue
        if end - start == 1:
            refused[start] = said
        else:
            middle = (start + end) // 2
            suspects += [(start, middle), (middle, end)]
    return refused


async def _rehearse(
    connection: asyncpg.Connection, table: Table, rows: Sequence[Row]
) -> str | None:
    """What the database says against these rows; None if it would take them."""
    rehearsal = connection.transaction()
    await rehearsal.start()
    try:
        await copy_rows(connection, table, rows)
        await merge(connection, table)
    except RowError as error:
        return str(error)
    finally:
        await rehearsal.rollback()
    return None
