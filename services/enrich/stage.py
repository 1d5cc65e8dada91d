"""The enrich service: a batch of fixes in, enriched fixes and zone events out.

Order of every step: outputs durable, then state durable, then offsets committed. A crash
anywhere repeats inputs, never skips them, and a repeated input gives the same records.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import itemgetter

from services.codec import decode_waypoints, encode_zone_event
from services.enrich.entries import (
    Letter,
    by_offset,
    enriched_entries,
    letter_for_deleted,
    letter_for_undecodable,
)
from services.enrich.metrics import EnrichMetrics
from services.enrich.state import recover, state_entries, state_key
from services.enrich.zone_source import ZoneSource
from services.log.base import (
    ENRICHED,
    FIX,
    ZONE_EVENT,
    ZONE_STATE,
    Batch,
    Consumer,
    Entry,
    Log,
    LogUnavailableError,
    Record,
    TopicPartition,
)
from services.model import Source, Waypoint
from services.zones.enriching import QUIET, Enriched, enrich_fixes
from services.zones.transitions import TerminalZones

logger = logging.getLogger(__name__)

_TERMINAL = itemgetter(Waypoint._fields.index("terminal"))


@dataclass(slots=True)
class _Partition:
    """What is in memory of one partition of the fix topic."""

    generation: int
    states: dict[str, TerminalZones]
    keys: dict[str, int]
    applied: dict[str, int]
    """Terminals whose recovered state is ahead of the committed offset, until that is reached."""
    obsolete: list[bytes]
    next_offset: int | None = None
    dirty: set[str] = field(default_factory=set)


class EnrichStage:
    """The zones of each fix, and the events of each terminal (a ``runtime.loop.Stage``)."""

    passing: tuple[type[Exception], ...] = (LogUnavailableError,)

    def __init__(
        self,
        log: Log,
        zones: ZoneSource,
        metrics: EnrichMetrics,
        checkpoint_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._log = log
        self._metrics = metrics
        self._zones = zones
        self._checkpoint_s = checkpoint_s
        self._clock = clock
        self._checkpointed = clock()
        self._partitions: dict[int, _Partition] = {}

    async def gained(self, consumer: Consumer, partitions: Collection[TopicPartition]) -> None:
        """Load the zone state of each partition; start at the committed offsets."""
        await self._zones.refresh()
        committed = await consumer.committed()
        for place in partitions:
            stored = recover(await self._log.read_compacted(ZONE_STATE, place.partition))
            if stored.unreadable:
                logger.error(
                    "%d zone states of partition %d can't be read and are left aside",
                    stored.unreadable,
                    place.partition,
                )
            start = committed.get(place, 0)
            self._partitions[place.partition] = _Partition(
                max(consumer.generation, stored.generation + 1),
                stored.states,
                stored.keys,
                {name: last for name, last in stored.applied.items() if last >= start},
                list(stored.obsolete),
            )
            consumer.seek(place, start)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Forget; what was not settled the next owner computes again."""
        for place in partitions:
            self._partitions.pop(place.partition, None)

    async def handle(self, batch: Batch) -> None:
        """Publish what the batch gives. State changes only once that is durable."""
        await self._zones.refresh_if_due()
        number = batch.source.partition
        partition = self._partitions[number]
        records, fixes, letters = _decode(batch)
        if batch.deleted:
            letters.append(letter_for_deleted(batch))
        read = len(fixes)
        if partition.applied:
            records, fixes = _without_applied(records, fixes, partition.applied)
        known = partition.states
        states = {name: known[name] for name in {*map(_TERMINAL, fixes)} if name in known}
        results = enrich_fixes(self._zones.index, states, fixes)
        enriched = enriched_entries(records, fixes, results, number)
        if letters:
            enriched = by_offset(records, enriched, letters)
        told = [result for result in results if result is not QUIET]
        events = [
            Entry(event.terminal.encode(), encode_zone_event(event))
            for result in told
            for event in result.events
        ]
        await self._publish(number, enriched, events)
        partition.states.update(states)
        partition.dirty.update(states)
        partition.next_offset = batch.next_offset
        self._metrics.fixes.inc(len(fixes))
        self._count(told)
        self._metrics.dead_letters.inc(len(letters))
        self._metrics.skipped_fixes.inc(read - len(fixes))

    async def settle(self, consumer: Consumer, *, final: bool) -> None:
        """Publish the state of terminals that moved, then commit the offsets it includes."""
        now = self._clock()
        if not final and now - self._checkpointed < self._checkpoint_s:
            return
        self._checkpointed = now
        moved = {
            number: partition
            for number, partition in self._partitions.items()
            if partition.next_offset is not None
        }
        if not moved:
            return
        await asyncio.gather(*(self._save(number, each) for number, each in moved.items()))
        offsets = {
            TopicPartition(FIX, number): each.next_offset
            for number, each in moved.items()
            if each.next_offset is not None
        }
        await consumer.commit(offsets)
        for partition in moved.values():
            partition.next_offset = None
        self._metrics.checkpoints.inc()
        self._metrics.show_inside(
            (state for each in self._partitions.values() for state in each.states.values()),
            self._zones.kinds,
        )

    async def _publish(
        self, number: int, enriched: Sequence[Entry], events: Sequence[Entry]
    ) -> None:
        if not events:
            # Most batches: two tasks would cost as much as ten fixes.
            await self._log.append(ENRICHED, enriched, partition=number)
            return
        await asyncio.gather(
            self._log.append(ENRICHED, enriched, partition=number),
            self._log.append(ZONE_EVENT, events, partition=number),
        )

    def _count(self, told: Sequence[Enriched]) -> None:
        self._metrics.late_fixes.inc(sum(result.late for result in told))
        for result in told:
            for event in result.events:
                self._metrics.zone_events.labels(event.kind).inc()

    async def _save(self, number: int, partition: _Partition) -> None:
        dirty = sorted(partition.dirty)
        source = Source(number, (partition.next_offset or 0) - 1)
        entries = state_entries(partition.states, dirty, source, partition.generation)
        await self._log.append(ZONE_STATE, entries, partition=number)
        replaced = [
            state_key(name, partition.keys[name])
            for name in dirty
            if partition.keys.get(name, partition.generation) != partition.generation
        ]
        tombstones = [Entry(key, None) for key in (*replaced, *partition.obsolete)]
        if tombstones:
            await self._log.append(ZONE_STATE, tombstones, partition=number)
        partition.keys.update(dict.fromkeys(dirty, partition.generation))
        partition.obsolete.clear()
        partition.dirty.clear()
        self._metrics.state_records.inc(len(entries))


def _decode(batch: Batch) -> tuple[list[Record], list[Waypoint], list[Letter]]:
    """The batch's fixes with their records, and dead letters for what is none."""
    records = [*batch.records]
    waypoints = decode_waypoints([record.value for record in records])
    fixes = [waypoint for waypoint in waypoints if waypoint is not None]
    if len(fixes) == len(records):
        return records, fixes, []
    letters = [
        letter_for_undecodable(record, batch.source.partition)
        for record, waypoint in zip(records, waypoints, strict=True)
        if waypoint is None
    ]
    return [*compress(records, waypoints)], fixes, letters


def _without_applied(
    records: Sequence[Record], fixes: Sequence[Waypoint], applied: dict[str, int]
) -> tuple[list[Record], list[Waypoint]]:
    """Leave out fixes that a recovered state includes: their outputs were durable before it."""
    kept = [
        record.offset > applied.get(fix.terminal, -1)
        for record, fix in zip(records, fixes, strict=True)
    ]
    if records and records[-1].offset >= max(applied.values()):
        applied.clear()
    return [*compress(records, kept)], [*compress(fixes, kept)]
