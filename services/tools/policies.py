"""What TimescaleDB does by itself, from the settings: chunks, columnstore, refresh, retention; and
on every server, which roles may read what.

Every run of ``dipper migrate`` puts them in force anew, so a changed setting counts from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import asyncpg

from services.runtime.settings import Settings

REFRESH_EVERY = timedelta(minutes=10)
REFRESH_BEHIND = timedelta(minutes=10)
"""Hours that ended so long ago are kept; most late fixes have come by then."""

COMMUNITY = """
SELECT EXISTS (
    SELECT FROM schema_migrations WHERE name = 'community' AND applied_at IS NOT NULL)
"""
IS_HYPERTABLE = """
SELECT EXISTS (
    SELECT FROM schema_migrations WHERE name = 'timescaledb' AND applied_at IS NOT NULL)
"""
REFRESH = """
SELECT add_continuous_aggregate_policy(
    'terminal_hour_aggregate', start_offset => $1::interval, end_offset => $2::interval,
    schedule_interval => $3::interval)
"""
RETAINED = {"positions": "positions", "hours": "terminal_hour_aggregate"}
"""What TimescaleDB's own policies delete, by chunks."""
EXPIRE_JOBS = """
SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = 'expire_rows_job'
"""
EXPIRE = """
SELECT add_job('expire_rows_job', INTERVAL '1 day',
               config => jsonb_build_object('table', $1::text, 'older_than', $2::interval))
"""


async def apply_policies(connection: asyncpg.Connection, settings: Settings) -> list[str]:
    """Put the settings in force; gives a sentence for each that this server can't keep.

    The database has all migrations that it can have. Raises what asyncpg raises.
    """
    retention = retention_of(settings)
    unkept = [_missing(role) for role in await _readers(connection)]
    if await connection.fetchval(IS_HYPERTABLE):
        await connection.execute(
            "SELECT set_chunk_time_interval('positions', $1::interval)",
            timedelta(hours=settings.chunk_hours),
        )
    if not await connection.fetchval(COMMUNITY):
        return unkept
    async with connection.transaction():
        await _columnstore(connection, settings.columnstore_after_days)
        await _refresh(connection, retention.get("positions"))
        await _retention(connection, retention)
    return unkept


async def _readers(connection: asyncpg.Connection) -> list[str]:
    """Give the reader roles their rights; those that are missing and can't be made."""
    if not await connection.fetchval("SELECT to_regproc('grant_readers') IS NOT NULL"):
        return []
    return [row[0] for row in await connection.fetch("SELECT grant_readers()")]


def _missing(role: str) -> str:
    return (
        f"the role {role} is missing, and this user may not make it: let an administrator run "
        f"CREATE ROLE {role} NOLOGIN, then run `dipper migrate` again"
    )


def retention_of(settings: Settings) -> Mapping[str, timedelta]:
    """By table, the age at which its rows are deleted; tables that keep all are not there."""
    days = {
        "positions": settings.retention_positions_days,
        "latest_position": settings.retention_latest_position_days,
        "hours": settings.retention_hours_days,
        "zone_events": settings.retention_zone_events_days,
        "messages": settings.retention_messages_days,
        "rejects": settings.retention_rejects_days,
    }
    return {table: timedelta(days=count) for table, count in days.items() if count}


async def _columnstore(connection: asyncpg.Connection, after_days: int) -> None:
    await connection.execute("CALL remove_columnstore_policy('positions', if_exists => true)")
    if after_days:
        await connection.execute(
            f"CALL add_columnstore_policy('positions', after => INTERVAL '{after_days} days')"
        )


async def _refresh(connection: asyncpg.Connection, oldest: timedelta | None) -> None:
    """However old a late fix is, its hour is computed again, but never one whose fixes may be
    deleted: that would empty it."""
    await connection.execute(
        "SELECT remove_continuous_aggregate_policy('terminal_hour_aggregate', if_exists => true)"
    )
    await connection.execute(REFRESH, oldest, REFRESH_BEHIND, REFRESH_EVERY)


async def _retention(connection: asyncpg.Connection, retention: Mapping[str, timedelta]) -> None:
    for relation in RETAINED.values():
        await connection.execute(f"SELECT remove_retention_policy('{relation}', if_exists => true)")
    for job in await connection.fetch(EXPIRE_JOBS):
        await connection.execute("SELECT delete_job($1)", job["job_id"])
    for table, age in retention.items():
        if table in RETAINED:
            await connection.execute(
                f"SELECT add_retention_policy('{RETAINED[table]}', $1::interval)", age
            )
        else:
            await connection.execute(EXPIRE, table, age)
