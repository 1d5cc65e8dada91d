"""A batch of the log into the database: one transaction, exactly once.

The rows are copied to a temporary table first: while that waits for this process it holds no
lock that another waits for. Then the offsets move by compare and set, which ends a batch that
someone else has stored, and keeps out anyone else until the commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self

import asyncpg

from services.log.base import ENRICHED, FIX, TALLY, Batch, TopicPartition
from services.runtime.database import CONNECT_TIMEOUT_S, RowError, explained, open_pool
from services.runtime.loop import SeekTo
from services.store import tables
from services.store.positions import build_positions, latest_rows
from services.store.prepared import (
    DUPLICATE,
    STORED,
    Count,
    Moments,
    Prepared,
    dead_counts,
    dead_rows,
    without,
)
from services.store.rows import build_rows, newest_tallies
from services.store.tables import Table
from services.store.terminals import Terminals
from services.store.transaction import (
    Move,
    add_counts,
    copy_rows,
    find_refused,
    insert_if_new,
    merge,
    move_offsets,
    prepare_connection,
)

CAREFUL_BATCHES = 20
"""After a batch with a key that was there already, so many go the slower way that expects it."""


class Fenced(SeekTo):
    """Someone else has stored this batch or a part of it: read on where the database is."""


class StoredBatch(NamedTuple):
    """What became of a batch."""

    source: TopicPartition
    records: int
    stored: int
    duplicate: int
    dead_lettered: Mapping[str, int]
    """By reason; ``foreign`` for records that stand for nothing that was published."""
    redelivered: int
    """Fixes that an earlier batch has stored, and that are not counted again."""
    moments: Moments | None
    """Of the fixes among the rows."""


class _Place(NamedTuple):
    """Where a partition is in the database."""

    next: int
    next_source: int


class StoreWriter:
    """Stores batches of several partitions at a time; those of one partition one by one."""

    def __init__(self, pool: asyncpg.Pool, timeout_s: float = 60.0) -> None:
        self._pool = pool
        self._timeout_s = timeout_s
        self._terminals = Terminals()
        self._places: dict[TopicPartition, _Place] = {}
        self._careful: dict[TopicPartition, int] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; those that don't answer are dropped."""
        try:
            await asyncio.wait_for(self._pool.close(), CONNECT_TIMEOUT_S)
        except TimeoutError:
            self._pool.terminate()

    async def ping(self) -> None:
        """Raises DatabaseUnavailableError if the database does not answer."""
        with explained():
            await self._pool.execute("SELECT 1", timeout=CONNECT_TIMEOUT_S)

    async def offsets(self, topic: str) -> dict[int, int]:
        """Per partition the offset to read from; a partition that is missing starts at 0.

        Call it when partitions are gained: others may have stored them since.
        Raises DatabaseError.
        """
        with explained():
            rows = await self._pool.fetch(tables.ALL_OFFSETS, topic)
        for place in [place for place in self._places if place.topic == topic]:
            del self._places[place]
        return dict(rows)

    async def store(self, batch: Batch) -> StoredBatch:
        """Store a batch; durable on return.

        Raises Fenced, DatabaseUnavailableError (nothing is stored, or the reply to the commit
        was lost: the same batch again puts it right), DatabaseError.
        """
        with explained():
            async with self._pool.acquire(timeout=self._timeout_s) as connection:
                place = await self._place(connection, batch.source)
                if batch.records and batch.records[0].offset < place.next:
                    raise Fenced(batch.source, place.next)
                prepared = await self._prepare(connection, batch, place)
                return await self._write(connection, batch, place, prepared)

    async def _place(self, connection: asyncpg.Connection, source: TopicPartition) -> _Place:
        if source not in self._places:
            topics = [source.topic, FIX] if source.topic == ENRICHED else [source.topic]
            await connection.execute(tables.BEGIN_OFFSETS, topics, source.partition)
            found = dict(await connection.fetch(tables.READ_OFFSETS, topics, source.partition))
            self._places[source] = _Place(found[source.topic], found.get(FIX, 0))
        return self._places[source]

    async def _prepare(
        self, connection: asyncpg.Connection, batch: Batch, place: _Place
    ) -> Prepared:
        while True:
            if batch.source.topic == ENRICHED:
                prepared = build_positions(batch, self._terminals.ids, place.next_source)
            else:
                prepared = build_rows(batch, self._terminals.ids)
            if not prepared.unknown:
                return newest_tallies(prepared) if batch.source.topic == TALLY else prepared
            await self._terminals.resolve(connection, prepared.unknown)

    async def _write(
        self, connection: asyncpg.Connection, batch: Batch, place: _Place, prepared: Prepared
    ) -> StoredBatch:
        try:
            return await self._transact(connection, batch, place, prepared)
        except RowError:
            table = tables.TABLES[batch.source.topic]
            bad = await find_refused(connection, table, prepared.rows)
            if not bad:
                raise
            return await self._transact(connection, batch, place, without(prepared, bad))

    async def _transact(
        self, connection: asyncpg.Connection, batch: Batch, place: _Place, prepared: Prepared
    ) -> StoredBatch:
        table = tables.TABLES[batch.source.topic]
        rows = prepared.rows
        after = _Place(batch.next_offset, prepared.next_source)
        async with connection.transaction():
            latest = latest_rows(rows) if table is tables.POSITIONS else []
            await copy_rows(connection, table, rows)
            await copy_rows(connection, tables.LATEST, latest)
            await self._move(connection, batch.source, place, after)
            stored = await self._insert(connection, table, batch.source, len(rows))
            if latest:
                await connection.execute(tables.LATEST.merge)
            if prepared.dead:
                await copy_rows(connection, tables.REJECTS, dead_rows(batch, prepared.dead))
                await connection.execute(tables.REJECTS.merge)
            done = StoredBatch(
                source=batch.source,
                records=len(batch.records),
                stored=stored,
                duplicate=len(rows) - stored,
                dead_lettered=dead_counts(prepared.dead),
                redelivered=prepared.redelivered,
                moments=prepared.moments,
            )
            await add_counts(connection, batch.source, _counts(done, prepared))
        self._places[batch.source] = after
        return done

    async def _move(
        self,
        connection: asyncpg.Connection,
        source: TopicPartition,
        before: _Place,
        after: _Place,
    ) -> None:
        moves = [Move(source.topic, before.next, after.next)]
        if source.topic == ENRICHED:
            moves.append(Move(FIX, before.next_source, after.next_source))
        if not await move_offsets(connection, source.partition, moves):
            del self._places[source]
            raise Fenced(source, (await self._place(connection, source)).next)

    async def _insert(
        self, connection: asyncpg.Connection, table: Table, source: TopicPartition, rows: int
    ) -> int:
        """From the staged rows; returns how many are new.

        A plain INSERT takes a third less of the server's time than one that expects conflicts,
        and terminals seldom send the same fix again; when they do, they do it for a while.
        """
        if not rows:
            return 0
        if table is tables.TALLIES:
            return await merge(connection, table)
        careful = self._careful.pop(source, 0)
        if careful:
            self._careful[source] = careful - 1
        elif await insert_if_new(connection, table):
            return rows
        else:
            self._careful[source] = CAREFUL_BATCHES
        stored = await merge(connection, table)
        if table is tables.POSITIONS and stored < rows:
            await connection.execute(tables.COMPLETE_POSITIONS)
        return stored


def _counts(done: StoredBatch, prepared: Prepared) -> dict[Count, int]:
    """What a batch adds to the ledger. A tally is no loss and no gain: it has its own table."""
    counts = {("", name): count for name, count in done.dead_lettered.items()}
    if done.source.topic != TALLY:
        counts |= {("", STORED): done.stored, ("", DUPLICATE): done.duplicate}
    return {**counts, **prepared.counts}


async def open_store(dsn: str, connections: int = 4, timeout_s: float = 60.0) -> StoreWriter:
    """A writer on a database that `dipper migrate` has prepared.

    Raises DatabaseError (wrong address, no rights, tables missing), DatabaseUnavailableError.
    """
    return StoreWriter(await open_pool(dsn, connections, timeout_s, prepare_connection), timeout_s)
