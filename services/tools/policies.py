"""What TimescaleDB does by itself, from the settings: chunks, columnstore, refresh, retention.

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
    if await connection.fetchval(IS_HYPERTABLE):
        await connection.execute(
            "SELECT set_chunk_time_interval('positions', $1::interval)",
            timedelta(hours=settings.chunk_hours),
        )
    if not await connection.fetchval(COMMUNITY):
        return [_unkept(table, age.days) for table, age in retention.items()]
    async with connection.transaction():
        await _columnstore(connection, settings.columnstore_after_days)
        await _refresh(connection, retention.get("positions"))
        await _retention(connection, retention)
    return []


def _unkept(table: str, days: int) -> str:
    return (
        f"{table} will not be deleted after {days} days, which only TimescaleDB's community "
        f"edition does by itself: let cron run CALL expire_rows('{table}', '{days} days')"
    )


def retention_of(settings: Settings) -> Mapping[str, timedelta]:
    """By table, the age at which its rows are deleted; tables that keep all are not there."""
    days = {
        "positions": settings.retention_positions_days,
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
    await connection.execute("SELECT remove_retention_policy('positions', if_exists => true)")
    for job in await connection.fetch(EXPIRE_JOBS):
        await connection.execute("SELECT delete_job($1)", job["job_id"])
    for table, age in retention.items():
        if table == "positions":
            await connection.execute("SELECT add_retention_policy('positions', $1::interval)", age)
        else:
            await connection.execute(EXPIRE, table, age)
