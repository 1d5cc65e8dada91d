"""Deleting what is older than the settings want it, on servers that do not do so by themselves.

Rows go a stretch of the table at a time, each in a transaction of its own, so that nobody waits
for locks and a run that is cut short has lost nothing. On TimescaleDB positions go by chunks.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import asyncpg

from services.runtime.database import DatabaseError, connect, explained
from services.runtime.process import EXIT_FAILED, tell
from services.runtime.settings import Settings, SettingsError, load_settings
from services.tools.local_database import database_of
from services.tools.policies import COMMUNITY, IS_HYPERTABLE, retention_of

PAGES = 512
"""Of 8 KiB each: 4 MiB of a table in one transaction, some 40,000 positions."""
LOCK_KEY = 0x65787069726500
"""The advisory lock that keeps two runs apart: the letters of expire."""

TIMES = {
    "positions": "time",
    "latest_position": "time",
    "zone_events": "time",
    "messages": "received_at",
    "rejects": "received_at",
}
"""By table, the column that its age counts from."""
SIZE = "SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::bigint"
NOW = "SELECT now()"
DROP_CHUNKS = "SELECT count(*) FROM drop_chunks('positions', $1::timestamptz)"
DELETE = """
DELETE FROM {table}
WHERE ctid >= format('(%s,0)', $1::bigint)::tid AND ctid < format('(%s,0)', $2::bigint)::tid
  AND {time} < $3
"""


async def expire(dsn: str, settings: Settings) -> Mapping[str, int] | None:
    """Delete once what is too old; by table, how many rows (chunks of a hypertable) went.

    None if another run is at it. Raises DatabaseError, DatabaseUnavailableError.
    """
    async with connect(dsn) as connection:
        with explained():
            # Ends with the connection.
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
                return None
            return {
                table: await _expire_table(connection, table, age)
                for table, age in retention_of(settings).items()
                if table in TIMES
            }


async def keeps_itself(dsn: str) -> bool:
    """Whether the server deletes by itself what is too old. Raises DatabaseError."""
    async with connect(dsn) as connection:
        with explained():
            return bool(await connection.fetchval(COMMUNITY))


async def _expire_table(connection: asyncpg.Connection, table: str, age: timedelta) -> int:
    oldest = await connection.fetchval(NOW) - age
    if table == "positions" and await connection.fetchval(IS_HYPERTABLE):
        return int(await connection.fetchval(DROP_CHUNKS, oldest))
    statement = DELETE.format(table=table, time=TIMES[table])
    pages = await connection.fetchval(SIZE, table)
    deleted = 0
    for first in range(0, pages, PAGES):
        done = await connection.execute(statement, first, first + PAGES, oldest)
        deleted += int(done.rpartition(" ")[2])
    return deleted


def run(data_dir: Path) -> int:
    """Delete once in the database of DIPPER_DSN, else in that below ``data_dir``; the exit code."""
    try:
        deleted = asyncio.run(_run(data_dir))
    except SettingsError as error:
        tell(error.problems)
        return EXIT_FAILED
    except DatabaseError as error:
        tell([str(error)])
        return EXIT_FAILED
    if deleted is None:
        print("another run is deleting already", file=sys.stderr)
    elif not deleted:
        print("the settings keep everything for ever", file=sys.stderr)
    else:
        for table, count in deleted.items():
            print(f"{table}: {count} deleted", file=sys.stderr)
    return 0


async def _run(data_dir: Path) -> Mapping[str, int] | None:
    settings = load_settings()
    async with database_of(data_dir) as dsn:
        return await expire(dsn, settings)
