"""Bugs, planted to prove that the checker finds such: ``bug NAME`` is a patch.

Each is one that telematics services have had. Where a bug shows only after a crash at the wrong
moment, the moment is a patch of its own (``crash NAME,N``), for one start only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any
from uuid import uuid4

from services.enrich import stage as enrich
from services.enrich.state import Recovered
from services.enrich.zone_source import ZoneSource
from services.ingest import replies, session
from services.ingest.publisher import Publisher
from services.log.base import ENRICHED, FIX, REJECT, ZONE_EVENT, Entry, Log
from services.log.embedded_consumer import EmbeddedConsumer
from services.store import compiled, positions, tables, transaction, writer
from services.store.stage import StoreStage
from services.store.work import Place, Work, moves_of
from services.zones import enriching, transitions
from tests.faults.patching import at_call, kill, patch, put
from tests.faults.points import put_step_by_step

EVERY = 7
"""A bug that happens now and then happens every so many times."""


@patch("bug acknowledged before durable")
def _acknowledged_early(_: str) -> None:
    original = Publisher._publish

    async def publish(self: Any, now: Any) -> None:
        told, now.settled = now.settled, {}
        for receipt, settled in told.items():
            self.waiting_bytes -= settled.size
            receipt.published(*settled)
        await asyncio.sleep(0.2)
        await original(self, now)

    put(Publisher, "_publish", publish)


@patch("bug lost future")
def _lost_future(_: str) -> None:
    """An append that nobody waits for, and that fails."""
    original, calls = Publisher._append, count(1)

    async def append(self: Any, topic: str, entries: Sequence[Entry]) -> Mapping[int, int]:
        if topic == FIX and entries and next(calls) % EVERY == 0:
            return {}
        return await original(self, topic, entries)

    put(Publisher, "_append", append)


@patch("bug rejects dropped")
def _rejects_dropped(_: str) -> None:
    original = Publisher._append

    async def append(self: Any, topic: str, entries: Sequence[Entry]) -> Mapping[int, int]:
        return {} if topic == REJECT else await original(self, topic, entries)

    put(Publisher, "_append", append)


@patch("bug open epoch acknowledged")
def _open_epoch_acknowledged(_: str) -> None:
    """A line counts as durable when it is read: the epoch that is open at a reset is lost."""
    original = session.Session.progress
    put(session.Session, "progress", lambda self: (original(self)[0], self.lines_received))


@patch("bug acknowledges too much")
def _acknowledges_too_much(_: str) -> None:
    original = replies.acknowledged
    put(replies, "acknowledged", lambda lines: original(lines + 3))


@patch("bug state before outputs")
def _state_before_outputs(_: str) -> None:
    """Enrich saves its state and offsets first and publishes what led to it later."""
    init, settle = enrich.EnrichStage.__init__, enrich.EnrichStage.settle

    def with_later(self: Any, log: Log, *arguments: Any) -> None:
        init(self, Later(log), *arguments)

    async def settled(self: Any, consumer: Any, *, final: bool) -> None:
        saves = self._metrics.checkpoints._value.get()
        await settle(self, consumer, final=final)
        if self._metrics.checkpoints._value.get() > saves:
            await self._log.catch_up()

    put(enrich.EnrichStage, "__init__", with_later)
    put(enrich.EnrichStage, "settle", settled)


class Later:
    """A log that publishes enrich's outputs when it is told to."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._later: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, topic: str, entries: Sequence[Entry], **named: Any) -> Any:
        if topic in (ENRICHED, ZONE_EVENT):
            self._later.append((topic, entries, named))
            return {}
        return await self._log.append(topic, entries, **named)

    async def catch_up(self) -> None:
        while self._later:
            topic, entries, named = self._later.pop(0)
            await self._log.append(topic, entries, **named)


@patch("crash state before outputs")
def _crash_before_outputs(number: str) -> None:
    at_call(Later, "catch_up", int(number), kill)


@patch("bug offset plus one")
def _offset_plus_one(_: str) -> None:
    original = EmbeddedConsumer.commit

    async def commit(self: Any, offsets: Mapping[Any, int]) -> None:
        moved = {at: offset + (at.topic == FIX) for at, offset in offsets.items()}
        await original(self, moved)

    put(EmbeddedConsumer, "commit", commit)


@patch("bug zone state lost")
def _zone_state_lost(_: str) -> None:
    """After a restart nobody knows who was where."""
    put(enrich, "recover", lambda _: Recovered({}, {}, {}, 0, (), 0))


@patch("bug late fixes move")
def _late_fixes_move(_: str) -> None:
    original = transitions.fold

    def fold(state: Any, terminal: str, time_us: int, *rest: Any) -> Any:
        if state is not None and time_us < state.last_time_us:
            state = state._replace(last_time_us=time_us - 1)
        return original(state, terminal, time_us, *rest)

    put(enriching, "fold", fold)


@patch("bug event id by chance")
def _event_id_by_chance(_: str) -> None:
    put(transitions, "content_id", lambda *_: uuid4().hex)


@patch("bug zones forgotten")
def _zones_forgotten(_: str) -> None:
    """Now and then a batch is enriched with no zones."""
    original, calls = ZoneSource.refresh_if_due, count(1)

    async def refresh(self: Any) -> None:
        await original(self)
        if not hasattr(self, "right"):
            self.right, self.none = self.index, type(self.index)(())
        self.index = self.none if next(calls) % EVERY == 0 else self.right

    put(ZoneSource, "refresh_if_due", refresh)


@patch("bug commit before write")
def _commit_before_write(_: str) -> None:
    """The store moves its offset in a transaction of its own, before the rows."""
    original, move = writer.StoreWriter._transact, transaction.move_offsets

    async def transact(self: Any, connection: Any, works: Any) -> Any:
        await move(connection, moves_of(works))
        return await original(self, connection, works)

    async def moved(*_: Any) -> bool:
        return True

    put_step_by_step()
    put(writer.StoreWriter, "_transact", transact)
    put(writer, "move_offsets", moved)


@patch("crash commit before write")
def _crash_before_write(number: str) -> None:
    put_step_by_step()
    at_call(
        writer.StoreWriter,
        "_insert",
        int(number),
        kill,
        when=lambda _, __, work: work.table is tables.POSITIONS,
    )


@patch("bug no compare and set")
def _no_compare_and_set(_: str) -> None:
    """Who reads a batch a second time stores and counts it a second time."""

    async def prepare_all(self: Any, connection: Any, group: Any) -> Any:
        works = []
        for waiting in group:
            await self._place(connection, waiting.batch.source)
            place = Place(waiting.batch.records[0].offset, 0)
            prepared = await self._prepare(connection, waiting.batch, place)
            works.append(Work(waiting, place, prepared))
        return works

    async def gained(_: Any, consumer: Any, partitions: Any) -> None:
        for place in partitions:
            consumer.seek(place, 0)

    same = "AND held.next = moved.expected"
    assert same in tables.MOVE_OFFSETS
    tables.MOVE_OFFSETS = tables.MOVE_OFFSETS.replace(same, "")
    put(writer.StoreWriter, "_prepare_all", prepare_all)
    put(StoreStage, "gained", gained)


@patch("bug failed batch dropped")
def _failed_batch_dropped(_: str) -> None:
    """An insert fails, the failure is logged, and then the batch counts as stored."""
    original, calls = writer.StoreWriter._insert, count(1)

    async def insert(self: Any, connection: Any, work: Any) -> int:
        if work.table is tables.POSITIONS and next(calls) % EVERY == 0:
            return len(work.prepared.rows)
        return await original(self, connection, work)

    put_step_by_step()
    put(writer.StoreWriter, "_insert", insert)


@patch("bug counted twice")
def _counted_twice(_: str) -> None:
    original, calls = transaction.add_counts, count(1)

    async def add(connection: Any, counts: Any) -> None:
        fixes = any(source.topic == ENRICHED for source in counts)
        for _ in range(1 + (fixes and next(calls) % EVERY == 0)):
            await original(connection, counts)

    put_step_by_step()
    put(writer, "add_counts", add)


def _put_row(row: Callable[[dict[str, Any], int | None], Any]) -> None:
    """Compiled code has no seam for a bug, so Python code reads the records."""
    put(compiled, "pack_batch", None)
    put(compiled, "read_enriched", None)
    put(positions, "_row", row)


@patch("bug speed in knots")
def _speed_in_knots(_: str) -> None:
    original = positions._row

    def row(fields: dict[str, Any], terminal_id: int | None) -> Any:
        if (speed := fields.get("speed_kmh")) is not None:
            fields["speed_kmh"] = speed / 1.852
        return original(fields, terminal_id)

    _put_row(row)


@patch("bug empty is zero")
def _empty_is_zero(_: str) -> None:
    original = positions._row

    def row(fields: dict[str, Any], terminal_id: int | None) -> Any:
        if fields.get("lat") is None:
            fields |= {"lat": 0.0, "lon": 0.0}
        return original(fields, terminal_id)

    _put_row(row)


@patch("bug memory kept")
def _memory_kept(_: str) -> None:
    """Every batch stays in memory, or as good as that."""
    hoard: list[bytearray] = []
    original = StoreStage.handle

    async def handle(self: Any, batch: Any) -> None:
        if len(hoard) < 40:
            hoard.append(bytearray(b"x" * (6 << 20)))
        await original(self, batch)

    put(StoreStage, "handle", handle)


@patch("bug stalls")
def _stalls(_: str) -> None:
    """A consumer that stops in silence."""
    original, calls = StoreStage.handle, count(1)

    async def handle(self: Any, batch: Any) -> None:
        if next(calls) > 30:
            await asyncio.Event().wait()
        await original(self, batch)

    put(StoreStage, "handle", handle)
