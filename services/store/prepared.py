"""A batch as rows, dead letters and counts: what building makes and writing takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from services.log.base import Batch, Record
from services.model import MAX_REJECT_BYTES

UNDECODABLE = "undecodable"
"""Reason: the record is not what its topic holds."""
REFUSED = "refused_by_database"
"""Reason: the record is what it should be, but the database takes no such value."""

LONGEST_NAME = 255

Row = tuple[Any, ...]
Count = tuple[str, str]
"""Run (empty where none is meant) and name of a counter of the ledger."""

STORED = "stored"
DUPLICATE = "duplicate"
DEAD_LETTERED = "dead_lettered/"
"""With a reason behind it."""
FOREIGN = "foreign"
"""Records of the enriched topic that say of no fix that they come from it."""
LINES = "lines"
REJECTED = "rejected/"
"""With a reason behind it."""


class Dead(NamedTuple):
    """A record that gives no row in its table, and why."""

    record: Record
    reason: str
    detail: str
    counted: bool = True
    """False where the ledger has no place for it: it stands for nothing that was published."""


class Moments(NamedTuple):
    """Between which times the fixes of a batch lie, in microseconds since 1970; for latency."""

    first_time_us: int
    last_time_us: int
    first_received_at_us: int
    last_received_at_us: int


class Shares(NamedTuple):
    """What kind of fixes a batch holds."""

    by_quality: Mapping[str, int]
    """How many of each quality (``services.model.FIX_QUALITIES``) that occurs."""
    beidou: int
    """How many were made with satellites of BeiDou; of fixes that do not say how many of those
    they used, those with a sentence of the talkers BD, GB or PQ."""


class Prepared(NamedTuple):
    """A batch as rows."""

    rows: Sequence[Row]
    records: Sequence[Record]
    """What each row was made of."""
    dead: list[Dead]
    counts: Mapping[Count, int]
    """What the batch adds to the ledger by run, whatever the database says to the rows."""
    unknown: set[str]
    """Terminals without an id: with these, build again once they have one."""
    redelivered: int = 0
    next_source: int = 0
    """Only for enriched fixes: the offset in the fix topic after the last one."""
    moments: Moments | None = None
    shares: Shares | None = None
    """Only for enriched fixes."""


def dead_rows(batch: Batch, dead: Iterable[Dead]) -> list[Row]:
    """Dead letters as rows of the table rejects."""
    topic, partition = batch.source
    return [
        (
            topic,
            partition,
            letter.record.offset,
            None,
            None,
            _printable(letter.reason),
            _printable(letter.detail),
            (letter.record.value or b"")[:MAX_REJECT_BYTES],
            None,
        )
        for letter in dead
    ]


def _printable(text: str) -> str:
    """What a column of type text surely takes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:LONGEST_NAME]


def dead_counts(dead: Sequence[Dead]) -> dict[str, int]:
    """How many dead letters by reason; those that stand for nothing published under foreign."""
    counts: dict[str, int] = {}
    for letter in dead:
        name = DEAD_LETTERED + _printable(letter.reason) if letter.counted else FOREIGN
        counts[name] = counts.get(name, 0) + 1
    return counts


def without(prepared: Prepared, bad: Mapping[int, str]) -> Prepared:
    """The batch without the rows that the database refused: index → what it said."""
    dead = [Dead(prepared.records[index], REFUSED, why) for index, why in sorted(bad.items())]
    keep = [index for index in range(len(prepared.rows)) if index not in bad]
    return prepared._replace(
        rows=[prepared.rows[index] for index in keep],
        records=[prepared.records[index] for index in keep],
        dead=[*prepared.dead, *dead],
    )
