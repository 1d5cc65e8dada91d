"""Batches on their way into the database, and what follows from them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.log.base import ENRICHED, FIX, TALLY, Batch, TopicPartition
from services.store import tables
from services.store.prepared import DUPLICATE, STORED, Count, Moments, Prepared, Shares, dead_counts
from services.store.tables import Table
from services.store.transaction import Move

TOGETHER_RECORDS = 500
"""Batches of at most so many records in all go in one transaction; larger ones gain more by going
at the same time as others, each in its own."""


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
    shares: Shares | None = None
    """The same."""


class Place(NamedTuple):
    """Where a partition is in the database."""

    next: int
    next_source: int


class Waiting(NamedTuple):
    """A batch and whoever waits for it."""

    batch: Batch
    done: asyncio.Future[StoredBatch]


class Work(NamedTuple):
    """A batch that is ready to be written."""

    waiting: Waiting
    place: Place
    prepared: Prepared

    @property
    def source(self) -> TopicPartition:
        """The partition it comes from."""
        return self.waiting.batch.source

    @property
    def table(self) -> Table:
        """Where its rows go."""
        return tables.TABLES[self.source.topic]

    @property
    def after(self) -> Place:
        """Where the partition is once it is stored."""
        return Place(self.waiting.batch.next_offset, self.prepared.next_source)


def groups_of(waiting: Sequence[Waiting]) -> list[list[Waiting]]:
    """What goes together in a transaction; each partition at most once."""
    groups: list[list[Waiting]] = []
    records, sources = 0, set[TopicPartition]()
    for each in waiting:
        records += len(each.batch.records)
        if records > TOGETHER_RECORDS or each.batch.source in sources or not groups:
            groups.append([])
            records, sources = len(each.batch.records), set()
        groups[-1].append(each)
        sources.add(each.batch.source)
    return groups


def moves_of(works: Sequence[Work]) -> list[Move]:
    """How the offsets move; in order, so that two stores wait for each other's locks and don't
    deadlock."""
    moves = []
    for work in works:
        before, after = work.place, work.after
        moves.append(Move(work.source, before.next, after.next))
        if work.source.topic == ENRICHED:
            fixes = TopicPartition(FIX, work.source.partition)
            moves.append(Move(fixes, before.next_source, after.next_source))
    return sorted(moves)


def outcome(work: Work, new: int) -> StoredBatch:
    """When ``new`` of its rows were new."""
    batch, prepared = work.waiting.batch, work.prepared
    return StoredBatch(
        source=batch.source,
        records=len(batch.records),
        stored=new,
        duplicate=len(prepared.rows) - new,
        dead_lettered=dead_counts(prepared.dead),
        redelivered=prepared.redelivered,
        moments=prepared.moments,
        shares=prepared.shares,
    )


def counts_of(done: StoredBatch, prepared: Prepared) -> dict[Count, int]:
    """What a batch adds to the ledger. A tally is no loss and no gain: it has its own table."""
    counts = {("", name): count for name, count in done.dead_lettered.items()}
    if done.source.topic != TALLY:
        counts |= {("", STORED): done.stored, ("", DUPLICATE): done.duplicate}
    return {**counts, **prepared.counts}
