"""Batches of the log into the database, exactly once.

Batches that come at the same time go together while they are small: a transaction costs as much
as some hundred rows. In it the offsets move first, by compare and set: that ends what someone else
has stored, and keeps out anyone else until the commit. In the usual case it is a single statement
(``at_once``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain
from types import TracebackType
from typing import Self

import asyncpg

from services.log.base import ENRICHED, FIX, TALLY, Batch, TopicPartition
from services.runtime.database import CONNECT_TIMEOUT_S, RowError, explained, open_pool
from services.runtime.loop import SeekTo
from services.store import tables
from services.store.at_once import store_at_once
from services.store.positions import build_positions, latest_rows
from services.store.prepared import Prepared, dead_rows, without
from services.store.rows import build_rows, newest_tallies
from services.store.server import tell_what_is_lacking
from services.store.terminals import Terminals
from services.store.transaction import (
    KeyTakenError,
    add_counts,
    find_refused,
    insert,
    merge,
    move_offsets,
    prepare_connection,
    run_with_rows,
)
from services.store.work import (
    Place,
    StoredBatch,
    Waiting,
    Work,
    counts_of,
    groups_of,
    moves_of,
    outcome,
)

CAREFUL_BATCHES = 20
"""After a batch with a key that was there already, so many go the slower way that expects it."""
CLOSE_S = 0.3
"""How long letting go of the database may take: what matters is committed by then."""


class Fenced(SeekTo):
    """Someone else has stored this batch or a part of it: read on where the database is."""


class _FailedError(Exception):
    """The rows of one of several batches could not be written."""

    def __init__(self, index: int, reason: RowError) -> None:
        super().__init__(str(reason))
        self.index = index
        self.reason = reason


class _MovedError(Exception):
    """An offset is not where it was expected."""


class StoreWriter:
    """Stores batches of several partitions at a time; those of one partition one by one."""

    def __init__(self, pool: asyncpg.Pool, timeout_s: float = 60.0) -> None:
        self._pool = pool
        self._timeout_s = timeout_s
        self._terminals = Terminals()
        self._places: dict[TopicPartition, Place] = {}
        self._careful: dict[TopicPartition, int] = {}
        self._waiting: list[Waiting] = []
        self._storing: set[asyncio.Task[None]] = set()

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
        """Close the connections; those that are busy or don't answer are dropped: a transaction
        that nobody waits for any more is as good as one that fails."""
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_S)
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
        waiting = Waiting(batch, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            task = asyncio.create_task(self._store_waiting())
            self._storing.add(task)
            task.add_done_callback(self._storing.discard)
        return await waiting.done

    async def _store_waiting(self) -> None:
        """All that have come until this task got its turn."""
        waiting, self._waiting = self._waiting, []
        await asyncio.gather(*(self._store_together(group) for group in groups_of(waiting)))

    async def _store_together(self, group: Sequence[Waiting]) -> None:
        try:
            with explained():
                async with self._pool.acquire(timeout=self._timeout_s) as connection:
                    works = await self._prepare_all(connection, group)
                    await self._write(connection, works)
        except Exception as error:  # noqa: BLE001 - whoever waits for a batch deals with it
            for waiting in group:
                if not waiting.done.done():
                    waiting.done.set_exception(error)

    async def _place(self, connection: asyncpg.Connection, source: TopicPartition) -> Place:
        if source not in self._places:
            topics = [source.topic, FIX] if source.topic == ENRICHED else [source.topic]
            await connection.execute(tables.BEGIN_OFFSETS, topics, source.partition)
            found = dict(await connection.fetch(tables.READ_OFFSETS, topics, source.partition))
            self._places[source] = Place(found[source.topic], found.get(FIX, 0))
        return self._places[source]

    async def _prepare_all(
        self, connection: asyncpg.Connection, group: Sequence[Waiting]
    ) -> list[Work]:
        """Those that are not behind what is stored."""
        works = []
        for waiting in group:
            batch = waiting.batch
            place = await self._place(connection, batch.source)
            if batch.first_offset < place.next:
                _answer(waiting, Fenced(batch.source, place.next))
            else:
                prepared = await self._prepare(connection, batch, place)
                works.append(Work(waiting, place, prepared))
        return works

    async def _prepare(
        self, connection: asyncpg.Connection, batch: Batch, place: Place
    ) -> Prepared:
        while True:
            if batch.source.topic == ENRICHED:
                prepared = build_positions(batch, self._terminals.ids, place.next_source)
            else:
                prepared = build_rows(batch, self._terminals.ids)
            if not prepared.unknown:
                return newest_tallies(prepared) if batch.source.topic == TALLY else prepared
            await self._terminals.resolve(connection, prepared.unknown)

    async def _write(self, connection: asyncpg.Connection, works: list[Work]) -> None:
        """In one statement, or step by step in one transaction; again without what can't be
        written, or with more care."""
        if works and not any(work.source in self._careful for work in works):
            stored = await store_at_once(connection, works)
            if stored is not None:
                self._tell(works, stored)
                return
        while works:
            try:
                stored = await self._transact(connection, works)
            except _MovedError:
                works = await self._still_ours(connection, works)
            except _FailedError as failed:
                work = works[failed.index]
                works[failed.index] = await self._mended(connection, work, failed.reason)
            else:
                self._tell(works, stored)
                return

    def _tell(self, works: Sequence[Work], stored: Sequence[StoredBatch]) -> None:
        """Those who wait for what is committed now."""
        for work, done in zip(works, stored, strict=True):
            self._places[work.source] = work.after
            _answer(work.waiting, done)

    async def _transact(
        self, connection: asyncpg.Connection, works: Sequence[Work]
    ) -> list[StoredBatch]:
        stored = []
        async with connection.transaction():
            if not await move_offsets(connection, moves_of(works)):
                raise _MovedError
            for index, work in enumerate(works):
                try:
                    new = await self._insert(connection, work)
                except RowError as error:
                    raise _FailedError(index, error) from error
                stored.append(outcome(work, new))
            await self._insert_what_follows(connection, works)
            counts = {
                work.source: counts_of(done, work.prepared)
                for work, done in zip(works, stored, strict=True)
            }
            await add_counts(connection, counts)
        return stored

    async def _insert(self, connection: asyncpg.Connection, work: Work) -> int:
        """The rows of a batch; returns how many are new.

        A plain INSERT takes a third less of the server's time than one that expects conflicts,
        and terminals seldom send the same fix again; when they do, they do it for a while.
        """
        table, rows = work.table, work.prepared.rows
        careful = self._careful.pop(work.source, 0)
        if not careful and table is not tables.TALLIES:
            await insert(connection, table, rows)
            return len(rows)
        if careful > 1:
            self._careful[work.source] = careful - 1
        new = await merge(connection, table, rows)
        if table is tables.POSITIONS and new < len(rows):
            await run_with_rows(connection, tables.COMPLETE_POSITIONS, rows)
        return new

    async def _insert_what_follows(
        self, connection: asyncpg.Connection, works: Sequence[Work]
    ) -> None:
        """Latest positions and dead letters, of all batches together."""
        positions = [work for work in works if work.table is tables.POSITIONS]
        latest = latest_rows(row for work in positions for row in work.prepared.rows)
        await merge(connection, tables.LATEST, latest)
        letters = [dead_rows(work.waiting.batch, work.prepared.dead) for work in works]
        await merge(connection, tables.REJECTS, list(chain.from_iterable(letters)))

    async def _still_ours(
        self, connection: asyncpg.Connection, works: Sequence[Work]
    ) -> list[Work]:
        """Without those whose offset someone else has moved; they are told."""
        ours = []
        for work in works:
            self._places.pop(work.source, None)
            place = await self._place(connection, work.source)
            if place == work.place:
                ours.append(work)
            else:
                _answer(work.waiting, Fenced(work.source, place.next))
        return ours

    async def _mended(self, connection: asyncpg.Connection, work: Work, reason: RowError) -> Work:
        """What to try instead of a batch whose rows could not be written."""
        if isinstance(reason, KeyTakenError):
            self._careful[work.source] = CAREFUL_BATCHES + 1
            return work
        bad = await find_refused(connection, work.table, work.prepared.rows)
        if not bad:
            raise reason
        return work._replace(prepared=without(work.prepared, bad))


def _answer(waiting: Waiting, result: StoredBatch | Fenced) -> None:
    """Unless nobody waits any more."""
    if waiting.done.done():
        return
    if isinstance(result, Fenced):
        waiting.done.set_exception(result)
    else:
        waiting.done.set_result(result)


async def open_store(dsn: str, connections: int = 4, timeout_s: float = 60.0) -> StoreWriter:
    """A writer on a database that `dipper migrate` has prepared.

    Raises DatabaseError (wrong address, no rights, tables missing), DatabaseUnavailableError.
    """
    pool = await open_pool(dsn, connections, timeout_s, prepare_connection)
    with explained():
        await tell_what_is_lacking(pool)
    return StoreWriter(pool, timeout_s)
