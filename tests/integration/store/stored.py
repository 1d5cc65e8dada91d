"""What the tests of the store ask the database."""

from __future__ import annotations

import asyncpg

from tests.integration.store.records import START_US


async def counters(database: asyncpg.Connection, topic: str) -> dict[str, int]:
    rows = await database.fetch(
        "SELECT concat_ws(' ', nullif(run, ''), name), count FROM ledger WHERE topic = $1", topic
    )
    return dict(rows)


async def seconds(database: asyncpg.Connection) -> list[int]:
    rows = await database.fetch(
        "SELECT extract(epoch FROM time)::bigint - $1 FROM positions ORDER BY time",
        START_US // 1_000_000,
    )
    return [row[0] for row in rows]
