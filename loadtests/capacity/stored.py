"""How much room rows take in a database, stored as the service does it."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from services.log.base import ENRICHED, Batch, Entry, Record, TopicPartition
from services.store.writer import open_store
from services.tools.migrate import migrate

BATCH = 1_000
SOURCE = TopicPartition(ENRICHED, 3)
IS_HYPERTABLE = "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"
PLAIN = """
SELECT pg_table_size('positions') AS heap, pg_indexes_size('positions') AS index
"""
CHUNKS = """
SELECT sum(table_bytes + coalesce(toast_bytes, 0)) AS heap, sum(index_bytes) AS index
FROM chunks_detailed_size('positions')
"""
COMPRESS = "SELECT compress_chunk(chunk) FROM show_chunks('positions') AS chunk"
COLUMNS = """
SELECT sum(after_compression_table_bytes + coalesce(after_compression_toast_bytes, 0)) AS heap,
       sum(after_compression_index_bytes) AS index
FROM chunk_columnstore_stats('positions')
"""
WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"


async def stored_sizes(dsn: str, entries: Sequence[Entry]) -> dict[str, float]:
    """Bytes a row of positions: heap, index, write-ahead log, and as columns where there are."""
    await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    try:
        before = await connection.fetchval(WAL)
        await connection.close()
        await _store(dsn, entries)
        connection = await asyncpg.connect(dsn)
        written = await connection.fetchval(WAL) - before
        hypertable = bool(await connection.fetchval(IS_HYPERTABLE))
        rows = await connection.fetchval("SELECT count(*) FROM positions")
        plain = await connection.fetchrow(CHUNKS if hypertable else PLAIN)
        found = {
            "rows": float(rows),
            "heap": float(plain["heap"]) / rows,
            "index": float(plain["index"]) / rows,
            "write-ahead log": float(written) / rows,
        }
        if hypertable:
            await connection.execute(COMPRESS)
            columns = await connection.fetchrow(COLUMNS)
            found["columnstore, heap"] = float(columns["heap"]) / rows
            found["columnstore, index"] = float(columns["index"]) / rows
        return found
    finally:
        await connection.close()


async def _store(dsn: str, entries: Sequence[Entry]) -> None:
    async with await open_store(dsn, connections=1) as writer:
        for start in range(0, len(entries), BATCH):
            records = [
                Record(offset, key, value)
                for offset, (key, value) in enumerate(entries[start : start + BATCH], start)
            ]
            await writer.store(Batch(SOURCE, records, start + len(records)))
