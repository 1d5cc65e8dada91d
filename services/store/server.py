"""What the store's server can and can't do: told once, and set for each session."""

from __future__ import annotations

import logging

import asyncpg

logger = logging.getLogger(__name__)

SKIPPED = "SELECT DISTINCT skipped FROM schema_migrations WHERE applied_at IS NULL"
LACKING = {
    "extension timescaledb": "the database is PostgreSQL without TimescaleDB: positions is one "
    "table without chunks, hourly figures are computed when asked for, nothing is compressed",
    "timescaledb community": "the database has TimescaleDB's Apache-2 edition: hourly figures are "
    "computed when asked for, nothing is compressed",
}
"""By what the migrations required and the server did not have, worst first."""

ANY_LATE_ROWS = """
SELECT set_config(name, '0', false) FROM pg_settings
WHERE name = 'timescaledb.max_tuples_decompressed_per_dml_transaction'
"""
"""A batch with late fixes of many terminals may look into more columns than TimescaleDB lets a
transaction do by default; it would be refused, and tried again for ever."""


def lacking(skipped: set[str]) -> str | None:
    """What a database lacks, as a sentence; None if nothing. ``skipped`` are requirements of
    migrations that it could not have."""
    return next((said for requirement, said in LACKING.items() if requirement in skipped), None)


async def tell_what_is_lacking(pool: asyncpg.Pool) -> None:
    """One line in the log, if there is anything to tell."""
    said = lacking({row["skipped"] for row in await pool.fetch(SKIPPED)})
    if said is not None:
        logger.info("%s", said)
