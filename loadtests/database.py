"""The database alone: the same rows by COPY and ON CONFLICT into a table like ``positions``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from time import perf_counter

import asyncpg

from loadtests.store import TERMINALS, make_load
from services.runtime.database import open_pool
from services.store.positions import build_positions
from services.store.prepared import Row
from services.store.tables import POSITIONS
from services.store.transaction import prepare_connection

SCHEMA = "dipper_loadtest"
BATCH = 2_000
"""About what the store writes at a time under full load."""
CONNECTIONS = 4
CREATE = f"""
DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;
CREATE SCHEMA {SCHEMA};
CREATE TABLE {SCHEMA}.positions (LIKE positions INCLUDING ALL)
"""
HYPERTABLE = f"SELECT create_hypertable('{SCHEMA}.positions', 'time')"
STAGE = "CREATE TEMP TABLE staged (LIKE positions) ON COMMIT DELETE ROWS"
MERGE = f"INSERT INTO {SCHEMA}.positions SELECT * FROM staged ON CONFLICT DO NOTHING"


async def rows_a_second(dsn: str) -> float:
    """How fast the database takes rows that are ready, on as many connections as the store has.

    Raises DatabaseError, asyncpg.PostgresError.
    """
    rows = _rows()
    count = sum(len(batch) for batches in rows for batch in batches)
    pool = await open_pool(dsn, CONNECTIONS, 60, _prepare)
    await pool.execute(CREATE)
    if await pool.fetchval("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"):
        await pool.execute(HYPERTABLE)
    try:
        began = perf_counter()
        await asyncio.gather(*(_write(pool, batches) for batches in rows))
        took = perf_counter() - began
        stored = await pool.fetchval(f"SELECT count(*) FROM {SCHEMA}.positions")
        assert stored == count, f"{stored} of {count} rows"
    finally:
        await pool.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
        await pool.close()
    return count / took


@lru_cache(maxsize=1)
def _rows() -> Sequence[Sequence[list[Row]]]:
    names = [
        f"truck-{partition}-{number:05}"
        for partition in range(CONNECTIONS)
        for number in range(TERMINALS // CONNECTIONS)
    ]
    ids = {name: number for number, name in enumerate(names, 1)}
    return [
        [list(build_positions(batch, ids, 0).rows) for batch in part] for part in make_load(BATCH)
    ]


async def _write(pool: asyncpg.Pool, batches: Sequence[list[Row]]) -> None:
    async with pool.acquire() as connection:
        for rows in batches:
            async with connection.transaction():
                await connection.copy_records_to_table(
                    "staged", records=rows, columns=POSITIONS.columns
                )
                await connection.execute(MERGE)


async def _prepare(connection: asyncpg.Connection) -> None:
    await prepare_connection(connection)
    await connection.execute(STAGE)
