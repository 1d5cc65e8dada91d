"""Retention as a part of the store, where the database does not keep it by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.runtime.database import DatabaseError
from services.runtime.settings import Settings
from services.tools.expire import expire, keeps_itself
from services.tools.policies import retention_of

logger = logging.getLogger(__name__)

EVERY_S = 3_600.0
"""Ages are days, so an hour more or less is no matter."""


@asynccontextmanager
async def expiring(dsn: str, settings: Settings) -> AsyncIterator[None]:
    """While the block runs, delete what is too old every hour, on a connection of its own."""
    if not retention_of(settings):
        yield
        return
    deleting = asyncio.create_task(_delete(dsn, settings), name="retention")
    deleting.add_done_callback(_tell_failure)
    try:
        yield
    finally:
        deleting.cancel()
        await asyncio.wait((deleting,))


async def _delete(dsn: str, settings: Settings) -> None:
    while True:
        try:
            if not await keeps_itself(dsn):
                await _delete_once(dsn, settings)
        except (DatabaseError, OSError) as error:
            logger.warning("old rows are not deleted now, but in an hour: %s", error)
        await asyncio.sleep(EVERY_S)


async def _delete_once(dsn: str, settings: Settings) -> None:
    deleted = await expire(dsn, settings) or {}
    for table, count in deleted.items():
        if count:
            logger.info("retention: %d of %s deleted", count, table)


def _tell_failure(deleting: asyncio.Task[None]) -> None:
    if not deleting.cancelled() and (error := deleting.exception()) is not None:
        logger.error("old rows are no longer deleted", exc_info=error)
