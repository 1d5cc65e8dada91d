"""The steps of a store transaction, each on a connection that the caller holds.

Rows go to the server as the argument of a statement and not by COPY: the server begins when it
has all of them, so it never waits for this process in the middle of a statement, with locks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import asyncpg

from services.log.base import TopicPartition
from services.runtime.database import RowError, explained
from services.store import compiled, tables
from services.store.prepared import Count, Row
from services.store.server import ANY_LATE_ROWS
from services.store.tables import Table

ROW_TYPES = "SELECT oid::int8, typarray::int8 FROM pg_type WHERE oid = to_regtype($1)"
"""Of a table's rows and of arrays of them."""

Columns = list[Sequence[Any]]
"""Arguments of a statement: an array for each column."""


class Move(NamedTuple):
    """From where to where an offset moves."""

    source: TopicPartition
    expected: int
    next: int


async def prepare_connection(connection: asyncpg.Connection) -> None:
    """Once per connection: times as integers instead of objects, and a look at the tables."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=tuple, decoder=tuple, format="tuple"
    )
    if compiled.pack_positions is not None:
        for table in (tables.POSITIONS, tables.LATEST):
            await _pack_rows(connection, table, compiled.pack_positions)
    await connection.execute(ANY_LATE_ROWS)
    for table in tables.WRITTEN:
        await connection.prepare(table.merge)


async def _pack_rows(
    connection: asyncpg.Connection, table: Table, pack: Callable[[Sequence[Row], int], bytes]
) -> None:
    """Have arrays of the table's rows encoded in one go and not value by value, which takes four
    times as long. asyncpg offers that for its scalar types only, though it works for all."""
    types = await connection.fetchrow(ROW_TYPES, table.name)
    if types is None:
        return  # Whoever needs the table says so.
    rows, array = types
    settings = connection._protocol.get_settings()
    settings.add_python_codec(
        array, f"{table.name}[]", "", [], "scalar", lambda given: pack(given, rows), bytes, "binary"
    )


async def insert(connection: asyncpg.Connection, table: Table, rows: Sequence[Row]) -> None:
    """Rows whose keys are new. Raises KeyTakenError if one is not, RowError."""
    await run_with_rows(connection, table.insert, rows)


async def merge(connection: asyncpg.Connection, table: Table, rows: Sequence[Row]) -> int:
    """Rows whose keys may be there already; returns how many were new. Raises RowError."""
    return await run_with_rows(connection, table.merge, rows)


class KeyTakenError(RowError):
    """A row has the key of another one."""


async def run_with_rows(connection: asyncpg.Connection, statement: str, rows: Sequence[Row]) -> int:
    """Run a statement that takes rows; returns how many it has written.

    Raises KeyTakenError, RowError.
    """
    if not rows:
        return 0
    with refusals():
        return int((await connection.execute(statement, rows)).rpartition(" ")[2])


@contextmanager
def refusals() -> Iterator[None]:
    """Errors of a statement that takes rows. Raises KeyTakenError, RowError, DatabaseError,
    DatabaseUnavailableError."""
    with explained():
        try:
            yield
        except asyncpg.UniqueViolationError as error:
            raise KeyTakenError(str(error)) from error
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            # From asyncpg's encoders; what the type's own one has said says most.
            raise RowError(f"a value can't be encoded: {error.__cause__ or error}") from error


def move_columns(moves: Sequence[Move]) -> Columns:
    """Topics, partitions, offsets as expected, and as they are to be."""
    return [
        [move.source.topic for move in moves],
        [move.source.partition for move in moves],
        [move.expected for move in moves],
        [move.next for move in moves],
    ]


async def move_offsets(connection: asyncpg.Connection, moves: Sequence[Move]) -> bool:
    """Compare and set: whether all of them were where they were expected."""
    done = await connection.execute(tables.MOVE_OFFSETS, *move_columns(moves))
    return bool(done == f"UPDATE {len(moves)}")


def count_columns(counts: Mapping[TopicPartition, Mapping[Count, int]]) -> Columns:
    """Topics, partitions, runs, names and amounts, of those that are not 0."""
    added = sorted(
        (*source, run, name, count)
        for source, counters in counts.items()
        for (run, name), count in counters.items()
        if count
    )
    return [*zip(*added, strict=True)] if added else [()] * 5


async def add_counts(
    connection: asyncpg.Connection, counts: Mapping[TopicPartition, Mapping[Count, int]]
) -> None:
    """Add to the ledger's counters of each partition."""
    await connection.execute(tables.ADD_COUNTS, *count_columns(counts))


async def find_refused(
    connection: asyncpg.Connection, table: Table, rows: Sequence[Row]
) -> dict[int, str]:
    """The rows that the database takes in no company, with what it said: by halving.

    Takes some log2(len(rows)) transactions for each of them; all are rolled back.
    """
    rows = list(rows)
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
        await merge(connection, table, rows)
    except RowError as error:
        return str(error)
    finally:
        await rehearsal.rollback()
    return None
