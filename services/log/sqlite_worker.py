"""The one thread that owns the SQLite log's connection.

Group commit: what arrives while a transaction is being made durable goes into the next one
together, so the disk is waited for once for all of them.
"""

from __future__ import annotations

import asyncio
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from services.log import sqlite_queries
from services.log.base import Entry, LogError, TopicPartition
from services.log.sqlite_file import connect, in_plain_words
from services.log.sqlite_plan import Append, Plan, plan
from services.log.sqlite_queries import Place
from services.log.tail import Block

Result = TypeVar("Result")

MAX_JOINED = 512
"""Calls that one transaction serves at most."""


@dataclass(slots=True)
class Call:
    """A function to run on the connection; one that writes runs within the transaction."""

    run: Callable[[sqlite3.Connection], Any]
    writes: bool
    done: asyncio.Future[Any]


Job = Append | Call
Outcome = tuple[asyncio.Future[Any], Any]
"""A future and what it gets: a result, or an exception."""
NewBlocks = Sequence[tuple[TopicPartition, Block]]


class Worker:
    """Runs jobs in their own thread. ``appended`` is called in the event loop with the blocks
    of each durable transaction, before the appends that made them return."""

    def __init__(
        self,
        path: Path,
        appended: Callable[[NewBlocks], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._appended = appended
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._ends: dict[Place, int] = {}
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="dipper-log", daemon=True)
        self._opened: asyncio.Future[None] = self._loop.create_future()

    async def start(self) -> None:
        """Open the file. Raises LogError."""
        self._thread.start()
        await self._opened

    async def stop(self) -> None:
        """Finish what was handed in, then close the file."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def call(
        self, run: Callable[[sqlite3.Connection], Result], *, writes: bool = False
    ) -> asyncio.Future[Result]:
        """Run a function on the connection, in the thread."""
        done: asyncio.Future[Result] = self._loop.create_future()
        self._hand_in(Call(run, writes, done))
        return done

    def append(
        self, topic: str, compacted: bool, parts: Mapping[Place, list[Entry]]
    ) -> asyncio.Future[Mapping[Place, int]]:
        """Append; gives the offset after the last entry of each partition."""
        done: asyncio.Future[Mapping[Place, int]] = self._loop.create_future()
        self._hand_in(Append(topic, compacted, parts, done))
        return done

    def _hand_in(self, job: Job) -> None:
        if self._ended:
            raise LogError(f"the log {self._path} has stopped")
        self._jobs.put(job)

    def _work(self) -> None:
        try:
            connection = connect(self._path)
            self._ends = sqlite_queries.ends(connection)
        except (LogError, sqlite3.Error) as error:
            known = error if isinstance(error, LogError) else in_plain_words(error, self._path)
            self._deliver([], [(self._opened, known)])
            return
        self._deliver([], [(self._opened, None)])
        jobs: list[Job | None] = []
        try:
            while not jobs or jobs[-1] is not None:
                jobs = self._next_jobs()
                self._do(connection, [job for job in jobs if job is not None])
        finally:
            connection.close()
            self._end([job for job in jobs if job is not None])

    def _end(self, jobs: Sequence[Job]) -> None:
        """Nobody must wait for a thread that is gone, in whatever way it went."""
        self._ended = True
        left = list(jobs)
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is not None:
                left.append(job)
        ended = LogError(f"the log {self._path} has stopped")
        self._deliver([], [(job.done, ended) for job in left])

    def _next_jobs(self) -> list[Job | None]:
        jobs = [self._jobs.get()]
        while jobs[-1] is not None and len(jobs) < MAX_JOINED:
            try:
                jobs.append(self._jobs.get_nowait())
            except Empty:
                break
        return jobs

    def _do(self, connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
        appends = [job for job in jobs if isinstance(job, Append)]
        writes = [job for job in jobs if isinstance(job, Call) and job.writes]
        if appends or writes:
            self._write(connection, appends, writes)
        for job in jobs:
            if isinstance(job, Call) and not job.writes:
                try:
                    self._deliver([], [(job.done, job.run(connection))])
                except (sqlite3.Error, ValueError) as error:
                    self._deliver([], [(job.done, in_plain_words(error, self._path))])

    def _write(
        self, connection: sqlite3.Connection, appends: Sequence[Append], calls: Sequence[Call]
    ) -> None:
        planned = plan(self._ends, appends)
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._write_plan(connection, planned)
            outcomes: list[Outcome] = [(call.done, call.run(connection)) for call in calls]
            connection.execute("COMMIT")
        except (sqlite3.Error, ValueError, OverflowError, struct.error) as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            known = in_plain_words(error, self._path)
            jobs: tuple[Job, ...] = (*appends, *calls)
            self._deliver([], [(job.done, known) for job in jobs])
            return
        self._ends.update(planned.ends)
        outcomes.extend(
            (append.done, result) for append, result in zip(appends, planned.results, strict=True)
        )
        blocks = [
            (TopicPartition(write.topic, place.partition), block)
            for place, write in planned.writes.items()
            for block in write.blocks
        ]
        self._deliver(blocks, outcomes)

    def _write_plan(self, connection: sqlite3.Connection, planned: Plan) -> None:
        now_s = int(self._clock())
        grown = {}
        for place, write in planned.writes.items():
            put = sqlite_queries.write_newest if write.compacted else sqlite_queries.write_block
            for block in write.blocks:
                put(connection, place, block, now_s)
            grown[place] = planned.ends[place], sum(block.bytes for block in write.blocks)
        sqlite_queries.advance_ends(connection, grown)

    def _deliver(self, blocks: NewBlocks, outcomes: Sequence[Outcome]) -> None:
        self._loop.call_soon_threadsafe(self._settle, blocks, outcomes)

    def _settle(self, blocks: NewBlocks, outcomes: Sequence[Outcome]) -> None:
        if blocks:
            self._appended(blocks)
        for done, result in outcomes:
            if done.done():
                continue
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)
