"""The store against bare COPY of the same rows: python -m loadtests store.

The store takes records as they lie in the log: JSON in, rows, latest positions, ledger and
offsets in one transaction. The bare ways are given rows that are ready, and do nothing else:
COPY straight into the table with its primary key, and COPY into a temporary table followed by
INSERT … ON CONFLICT DO NOTHING. Each has a connection a partition, all at the same time; they
take turns on empty tables of one database, and the best round of each counts.
"""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

import asyncpg

from loadtests.cluster import timescaledb
from loadtests.report import Report
from services.codec import encode_enriched
from services.log.base import ENRICHED, Batch, Record, TopicPartition
from services.model import EnrichedFix, Fix, Source
from services.runtime.database import open_pool
from services.runtime.embedded_postgres import EmbeddedPostgres
from services.runtime.process import COLLECT_THRESHOLDS
from services.store.positions import build_positions
from services.store.prepared import Row
from services.store.tables import POSITIONS
from services.store.transaction import prepare_connection
from services.store.writer import StoreWriter, open_store
from services.tools.migrate import migrate

PARTITIONS = 4
TERMINALS = 2_000
FIXES = 120_000
BATCH_SIZES = (250, 1_000, 5_000)
ROUNDS = 3
EMPTY = "TRUNCATE positions, latest_position, ledger, log_offsets"
STAGE = "CREATE TEMP TABLE staged (LIKE positions) ON COMMIT DELETE ROWS"
MERGE = "INSERT INTO positions SELECT * FROM staged ON CONFLICT DO NOTHING"

Load = Sequence[Sequence[Batch]]
"""Per partition its batches."""
Rows = Sequence[Sequence[list[Row]]]


class Cost(NamedTuple):
    """Of one row: time that passed, and CPU time of this process alone."""

    wall_us: float
    client_us: float


def make_load(batch_size: int, fixes: int = FIXES) -> Load:
    """A fleet at 1 Hz, what RMC and GGA give of each fix; a fix in ten is in a zone.

    About so many fixes: each partition has as many whole batches.
    """
    source = random.Random(7)
    per_partition = TERMINALS // PARTITIONS
    return [
        [
            _batch(partition, start, batch_size, per_partition, source)
            for start in range(0, max(fixes // PARTITIONS, batch_size), batch_size)
        ]
        for partition in range(PARTITIONS)
    ]


def _batch(partition: int, start: int, size: int, terminals: int, source: random.Random) -> Batch:
    records = []
    for offset in range(start, start + size):
        second, number = divmod(offset, terminals)
        fix = _fix(f"truck-{partition}-{number:05}", second, source)
        zones = ("harbour",) if offset % 10 == 0 else ()
        value = encode_enriched(EnrichedFix(fix, zones, False, Source(partition, offset)))
        records.append(Record(offset, fix.terminal.encode(), value))
    return Batch(TopicPartition(ENRICHED, partition), records, start + size)


def _fix(terminal: str, second: int, source: random.Random) -> Fix:
    known = {
        "terminal": terminal,
        "time_us": 1_760_000_000_000_000 + second * 1_000_000,
        "lat": round(source.uniform(27.9, 28.1), 7),
        "lon": round(source.uniform(120.6, 121.2), 7),
        "altitude_m": 12.5,
        "speed_kmh": round(source.uniform(0, 90), 3),
        "course_deg": round(source.uniform(0, 360), 2),
        "fix": "gnss",
        "satellites_used": 12,
        "hdop": 0.9,
        "talkers": ("GN",),
        "lines": 2,
        "received_at_us": 1_760_000_000_300_000 + second * 1_000_000,
        "run": "load",
    }
    return Fix(**{**dict.fromkeys(Fix._fields), **known})  # type: ignore[arg-type]


async def measure(
    dsn: str, batch_size: int, fixes: int = FIXES, rounds: int = ROUNDS
) -> dict[str, Cost]:
    """Microseconds a row of each way: ``store``, ``copy`` and ``merge``, and ``build`` without
    a database."""
    load = make_load(batch_size, fixes)
    pool = await open_pool(dsn, PARTITIONS, 60, _prepare_bare)
    best: dict[str, Cost] = {}
    async with await open_store(dsn, PARTITIONS) as store:
        for _ in range(rounds):
            await _store_round(pool, store, load, best)
            ids = dict(await pool.fetch("SELECT name, id FROM terminals"))
            rows = _build_round(load, ids, best)
            await _bare_round(pool, rows, "copy", _copy_straight, best)
            await _bare_round(pool, rows, "merge", _copy_and_merge, best)
    await pool.close()
    return best


async def _store_round(
    pool: asyncpg.Pool, store: StoreWriter, load: Load, best: dict[str, Cost]
) -> None:
    await pool.execute(EMPTY)
    await store.offsets(ENRICHED)

    async def one(batches: Sequence[Batch]) -> None:
        for batch in batches:
            await store.store(batch)

    fixes = _count([[batch.records for batch in batches] for batches in load])
    await _timed("store", lambda: _all([one(batches) for batches in load]), fixes, best)
    assert await pool.fetchval("SELECT count(*) FROM positions") == fixes


def _build_round(load: Load, ids: dict[str, int], best: dict[str, Cost]) -> Rows:
    began = process_time()
    built = [[build_positions(batch, ids, 0).rows for batch in batches] for batches in load]
    cost = (process_time() - began) / _count(built) * 1e6
    best["build"] = min(best.get("build", Cost(cost, cost)), Cost(cost, cost))
    # The bare ways are given tuples: that compiled code has packed rows already is not theirs.
    return [[list(rows) for rows in batches] for batches in built]


async def _bare_round(
    pool: asyncpg.Pool,
    rows: Rows,
    name: str,
    write: Callable[[asyncpg.Connection, list[Row]], Awaitable[object]],
    best: dict[str, Cost],
) -> None:
    await pool.execute(EMPTY)

    async def one(batches: Sequence[list[Row]]) -> None:
        async with pool.acquire() as connection:
            for batch in batches:
                async with connection.transaction():
                    await write(connection, batch)

    fixes = _count(rows)
    await _timed(name, lambda: _all([one(batches) for batches in rows]), fixes, best)
    assert await pool.fetchval("SELECT count(*) FROM positions") == fixes


async def _copy_straight(connection: asyncpg.Connection, rows: list[Row]) -> None:
    await connection.copy_records_to_table("positions", records=rows, columns=POSITIONS.columns)


async def _copy_and_merge(connection: asyncpg.Connection, rows: list[Row]) -> None:
    await connection.copy_records_to_table("staged", records=rows, columns=POSITIONS.columns)
    await connection.execute(MERGE)


async def _prepare_bare(connection: asyncpg.Connection) -> None:
    await prepare_connection(connection)
    await connection.execute(STAGE)


async def _all(ways: Sequence[Awaitable[None]]) -> None:
    await asyncio.gather(*ways)


def _count(batches: Sequence[Sequence[Sequence[object]]]) -> int:
    return sum(len(batch) for part in batches for batch in part)


async def _timed(
    name: str, work: Callable[[], Awaitable[None]], fixes: int, best: dict[str, Cost]
) -> None:
    # The load is no garbage: without this, collecting it again and again would be measured.
    gc.collect()
    gc.freeze()
    began, cpu = perf_counter(), process_time()
    await work()
    wall, cpu = perf_counter() - began, process_time() - cpu
    gc.unfreeze()
    cost = Cost(wall / fixes * 1e6, cpu / fixes * 1e6)
    best[name] = min(best.get(name, cost), cost)


async def store_scenario(
    command: str, log: str = "embedded", fixes: int = FIXES, rounds: int = ROUNDS
) -> Report:
    """Measure all sizes of batch on a database of its own (with ``kafka``, TimescaleDB), in a
    process that is set up as a service is. Raises LoadError."""
    gc.set_threshold(*COLLECT_THRESHOLDS)
    report = Report("store", command)
    async with AsyncExitStack() as stack:
        if log == "kafka":
            dsn = stack.enter_context(timescaledb())
        else:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="dipper-load-"))
            dsn = await stack.enter_async_context(EmbeddedPostgres(Path(directory) / "postgres"))
        await migrate(dsn)
        for size in BATCH_SIZES:
            _report(report, size, await measure(dsn, size, fixes, rounds))
    database = "TimescaleDB" if log == "kafka" else "the embedded PostgreSQL"
    report.notes.append(f"Best of {rounds} rounds in turns, on {database}; every row was counted.")
    return report


def _report(report: Report, size: int, best: dict[str, Cost]) -> None:
    case = f"batches of {size:,}"
    store = best["store"]
    for name, against in (("merge", "bare COPY + ON CONFLICT"), ("copy", "bare COPY")):
        ratio = best[name].wall_us / store.wall_us
        report.add(f"store, {case}", 1e6 / store.wall_us, "rows/s", against, ratio)
        report.add(f"{against}, {case}", 1e6 / best[name].wall_us, "rows/s")
    report.add(f"store, {case}, CPU of its process", store.client_us, "µs/row")
    report.add(f"JSON to rows, {case}", best["build"].wall_us, "µs/row")
