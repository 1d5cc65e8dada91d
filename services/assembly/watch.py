"""A slow look into the database for the metrics: does the ledger balance, how many chunks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg

from services.runtime.database import DatabaseError, connect, explained
from services.store.metrics import LedgerMetrics
from services.tools.ledger import read_ledger
from services.tools.ledger_sums import Ledger

logger = logging.getLogger(__name__)

LOOK_TIMEOUT_S = 60.0
HAS_CHUNKS = "SELECT to_regclass('timescaledb_information.chunks') IS NOT NULL"
COUNT_CHUNKS = """
SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'positions'
"""


@asynccontextmanager
async def watched(
    dsn: str,
    metrics: LedgerMetrics,
    every_s: float,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[None]:
    """While the block runs, look every ``every_s`` seconds, on a connection of its own."""
    watching = asyncio.create_task(_watch(dsn, metrics, every_s, clock), name="ledger watch")
    watching.add_done_callback(_tell_failure)
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait((watching,))


async def look(dsn: str, metrics: LedgerMetrics, clock: Callable[[], float]) -> None:
    """Read the ledger and show it. Raises DatabaseError, OSError."""
    async with asyncio.timeout(LOOK_TIMEOUT_S), connect(dsn) as connection:
        ledger = await read_ledger(connection)
        chunks = await count_chunks(connection)
    _show(ledger, metrics)
    metrics.chunks.set(chunks)
    metrics.checked.set(clock())


async def _watch(
    dsn: str, metrics: LedgerMetrics, every_s: float, clock: Callable[[], float]
) -> None:
    while True:
        try:
            await look(dsn, metrics, clock)
        except (DatabaseError, OSError) as error:
            # The store itself tells what is away; the time of the last look tells the rest.
            logger.debug("the ledger was not looked at: %s", error)
        await asyncio.sleep(every_s)


def _tell_failure(watching: asyncio.Task[None]) -> None:
    if not watching.cancelled() and (error := watching.exception()) is not None:
        logger.error("the ledger is no longer looked at", exc_info=error)


async def count_chunks(connection: asyncpg.Connection) -> int:
    """Chunks of the table positions; 0 without TimescaleDB. Raises DatabaseError."""
    with explained():
        if not await connection.fetchval(HAS_CHUNKS):
            return 0
        return int(await connection.fetchval(COUNT_CHUNKS))


def _show(ledger: Ledger, metrics: LedgerMetrics) -> None:
    metrics.balanced.set(ledger.balanced)
    metrics.problems.set(len(ledger.problems))
    lines = ledger.lines
    for state, count in (
        ("used", lines.used),
        ("rejected", sum(lines.rejected.values())),
        ("in_flight", lines.in_flight),
        ("untallied", lines.untallied),
    ):
        metrics.lines.labels(state).set(count)
    for name, flow in (
        ("fixes", ledger.fixes),
        ("events", ledger.events),
        ("messages", ledger.messages),
        ("rejects", ledger.rejects),
    ):
        metrics.records.labels(name, "published").set(flow.published)
        metrics.records.labels(name, "stored").set(flow.stored)
        metrics.records.labels(name, "duplicate").set(flow.duplicate)
        metrics.records.labels(name, "dead_lettered").set(sum(flow.dead_lettered.values()))
        if name != "events":
            # Nobody tells how many of these are on their way.
            metrics.records.labels(name, "in_flight").set(flow.in_flight)
