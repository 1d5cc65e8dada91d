"""Kind and class of terminals in the database, as the compacted terminal topic says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

import asyncpg

from services.log.base import TERMINAL, Log, LogError
from services.runtime.database import DatabaseError, connect, explained
from services.store.tables import ADD_LISTED, CHANGE_LISTED, TAKE_OFF_LIST
from services.terminals.records import Terminal, decode_terminal

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0


class TerminalList:
    """Brings the table to what the topic says, whenever that has changed. Several processes may
    do so at a time."""

    def __init__(self, log: Log, dsn: str) -> None:
        self._log = log
        self._dsn = dsn
        self._ends: Mapping[int, int] = {}

    async def refresh(self) -> None:
        """Take over changes. Raises LogError, DatabaseError."""
        ends = await self._log.end_offsets(TERMINAL)
        # A topic that never held a record is no list, one whose records are all gone an empty one.
        if ends == self._ends or not any(ends.values()):
            return
        records = await self._log.read_compacted(TERMINAL)
        async with connect(self._dsn) as connection:
            with explained():
                await write_list(connection, _decode(records.values()))
        self._ends = ends

    async def run(self) -> None:
        """Refresh at intervals, until cancelled; what fails is tried again at the next."""
        while True:
            try:
                await self.refresh()
            except (LogError, DatabaseError) as error:
                logger.warning("the table of terminals is not brought up to date: %s", error)
            await asyncio.sleep(LOOK_EVERY_S)


@asynccontextmanager
async def listing(log: Log, dsn: str) -> AsyncIterator[None]:
    """While the block runs, the table follows the topic."""
    running = asyncio.create_task(TerminalList(log, dsn).run(), name="terminal list")
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait((running,))


async def write_list(connection: asyncpg.Connection, terminals: Collection[Terminal]) -> None:
    """Make the table say what the list says; rows that say it already are not written.

    Names are sorted, so that two who write at a time wait for each other and don't deadlock.
    """
    rows = sorted(terminals)
    columns = (
        [terminal.name for terminal in rows],
        [terminal.kind for terminal in rows],
        [terminal.terminal_class for terminal in rows],
    )
    async with connection.transaction():
        await connection.execute(ADD_LISTED, *columns)
        await connection.execute(CHANGE_LISTED, *columns)
        await connection.execute(TAKE_OFF_LIST, columns[0])


def _decode(values: Collection[bytes]) -> list[Terminal]:
    terminals = []
    for value in values:
        try:
            terminals.append(decode_terminal(value))
        except ValueError as error:
            logger.error("a record of %s can't be read: %s", TERMINAL, error)
    return terminals
