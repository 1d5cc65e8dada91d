"""Questions that the tests of the cluster ask it, and waiting for an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from services.tools.local_cluster import LocalCluster

PATIENCE_S = 90.0
"""How long a test waits for what must come; it is never waited out when all is well."""
POLL_S = 0.1

POSITIONS = "SELECT * FROM fixes ORDER BY terminal, time"
EVENTS = "SELECT * FROM zone_crossings ORDER BY id"


async def rows(dsn: str, query: str, *arguments: object) -> list[tuple[Any, ...]]:
    """What the database answers."""
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query, *arguments)]
    finally:
        await connection.close()


async def until(
    holds: Callable[[], Awaitable[bool]], what: str, cluster: LocalCluster | None = None
) -> None:
    """Wait for something that nobody announces, while all of the cluster runs."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await holds():
                if cluster is not None:
                    cluster.check()
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {PATIENCE_S:.0f} s") from None


async def settled_ledger(cluster: LocalCluster) -> dict[str, Any]:
    """The ledger once nothing is on its way any more; it balances."""
    seen: list[dict[str, Any]] = [{}]

    async def is_settled() -> bool:
        seen.append(await cluster.ledger())
        ledger = seen[-1]
        calm = ledger == seen[-2] and ledger["fixes"]["in_flight"] == 0
        return calm and bool(ledger["balanced"])

    await until(is_settled, "a balanced ledger with nothing in flight")
    return seen[-1]
