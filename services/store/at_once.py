"""The usual case: all that a group of batches brings, in one statement that commits itself.

Step by step (``StoreWriter._transact``) a transaction waits six times for the server, which for
small batches costs either side more than the rows. Whatever is out of the ordinary is left to
those steps, which know how to mend it: the statement has then changed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import asyncpg

from services.runtime.database import RowError
from services.store import tables
from services.store.positions import newest_last
from services.store.tables import POSITIONS, TALLIES, Table
from services.store.transaction import count_columns, move_columns, refusals
from services.store.work import StoredBatch, Work, counts_of, moves_of, outcome


async def store_at_once(
    connection: asyncpg.Connection, works: Sequence[Work]
) -> list[StoredBatch] | None:
    """Store batches of which no row's key should be there already, but for those of tallies.

    None, and nothing is stored, if there are dead letters, if an offset is not where it was
    expected, or if the database refuses a row. Raises DatabaseError, DatabaseUnavailableError.
    """
    runs = [row[0] for work in works if work.table is TALLIES for row in work.prepared.rows]
    if any(work.prepared.dead for work in works) or len(set(runs)) < len(runs):
        return None
    all_new = [outcome(work, len(work.prepared.rows)) for work in works]
    counts = {
        work.source: counts_of(done, work.prepared)
        for work, done in zip(works, all_new, strict=True)
    }
    written, rows = _rows_of(works)
    statement = tables.all_at_once(written)
    columns = (*move_columns(moves_of(works)), *count_columns(counts))
    try:
        with refusals():
            told = await connection.fetchval(statement, *columns, *rows)
    except RowError:
        return None
    return [
        outcome(work, sum(row[0] in told for row in work.prepared.rows))
        if work.table is TALLIES
        else done
        for work, done in zip(works, all_new, strict=True)
    ]


def _rows_of(works: Sequence[Work]) -> tuple[tuple[Table, ...], list[Any]]:
    """The tables that get rows, and the arguments with these."""
    written, arguments = [], list[Any]()
    for table in tables.TABLES.values():
        parts = [work.prepared.rows for work in works if work.table is table]
        if not any(parts):
            continue
        written.append(table)
        arguments += newest_last(parts) if table is POSITIONS else (list(chain(*parts)),)
    return tuple(written), arguments
