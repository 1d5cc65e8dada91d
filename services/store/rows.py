"""Batches of the log as rows of tables. Pure: what the database makes of them is elsewhere.

A record that can't be read becomes a dead letter here; it never keeps the others from being
stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from services.codec import (
    CodecError,
    decode_message,
    decode_reject,
    decode_tally,
    decode_zone_event,
)
from services.log.base import MESSAGE, REJECT, TALLY, ZONE_EVENT, Batch, Record
from services.model import MAX_REJECT_BYTES, Message, Reject, Tally, ZoneEvent

UNDECODABLE = "undecodable"
"""Reason: the record is not what its topic holds."""
REFUSED = "refused_by_database"
"""Reason: the record is what it should be, but the database takes no such value."""

POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01T00:00:00Z, where PostgreSQL's clock begins."""
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


class Prepared(NamedTuple):
    """A batch as rows."""

    rows: list[Row]
    records: list[Record]
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


class UnknownTerminalError(Exception):
    """A terminal that has no id yet."""


def checked_text(value: object) -> str:
    """A name that a column of type text takes. Raises CodecError."""
    if not isinstance(value, str) or "\0" in value or len(value) > LONGEST_NAME:
        raise CodecError(f"{value!r:.80} is no name")
    return value


def stamp(time_us: int | None) -> tuple[int] | None:
    """A time as asyncpg takes a timestamptz in its tuple format."""
    return None if time_us is None else (time_us - POSTGRES_EPOCH_US,)


def build_rows(batch: Batch, ids: Mapping[str, int]) -> Prepared:
    """The rows of a batch of zone events, messages, rejects or tallies."""
    build = BUILDERS[batch.source.topic]
    prepared = Prepared([], [], [], {}, set())
    counts: dict[Count, int] = {}
    for record in batch.records:
        try:
            row, count = build(batch, record, ids)
        except UnknownTerminalError as error:
            prepared.unknown.add(str(error))
        except (CodecError, TypeError, ValueError) as error:
            prepared.dead.append(Dead(record, UNDECODABLE, str(error)))
        else:
            prepared.rows.append(row)
            prepared.records.append(record)
            if count is not None:
                counts[count] = counts.get(count, 0) + 1
    return prepared._replace(counts=counts)


def _terminal_id(ids: Mapping[str, int], name: str) -> int:
    found = ids.get(name)
    if found is None:
        raise UnknownTerminalError(checked_text(name))
    return found


def _event_row(batch: Batch, record: Record, ids: Mapping[str, int]) -> tuple[Row, Count | None]:
    event: ZoneEvent = decode_zone_event(record.value)
    row = (
        event.id,
        stamp(event.time_us),
        event.lat,
        event.lon,
        _terminal_id(ids, event.terminal),
        event.zone,
        event.zone_version,
        event.kind,
    )
    return row, None


def _message_row(batch: Batch, record: Record, ids: Mapping[str, int]) -> tuple[Row, Count | None]:
    message: Message = decode_message(record.value)
    row = (
        message.id,
        stamp(message.time_us),
        stamp(message.received_at_us),
        _terminal_id(ids, message.terminal),
        message.talker,
        message.sentence,
        orjson.dumps(message.fields).decode(),
        message.line,
    )
    return row, (checked_text(message.run), LINES)


def _reject_row(batch: Batch, record: Record, ids: Mapping[str, int]) -> tuple[Row, Count | None]:
    reject: Reject = decode_reject(record.value)
    row = (
        batch.source.topic,
        batch.source.partition,
        record.offset,
        stamp(reject.received_at_us),
        reject.terminal,
        reject.reason,
        None,
        reject.line[:MAX_REJECT_BYTES],
        reject.run,
    )
    return row, (checked_text(reject.run), REJECTED + checked_text(reject.reason))


def _tally_row(batch: Batch, record: Record, ids: Mapping[str, int]) -> tuple[Row, Count | None]:
    tally: Tally = decode_tally(record.value)
    offsets = {str(partition): int(end) for partition, end in tally.fix_offsets.items()}
    row = (
        checked_text(tally.run),
        int(tally.sequence),
        tally.lines_read,
        tally.lines_pending,
        tally.lines_used,
        tally.lines_control,
        orjson.dumps(tally.lines_rejected).decode(),
        tally.fixes_published,
        tally.messages_published,
        orjson.dumps(offsets).decode(),
    )
    return row, None


Builder = Callable[[Batch, Record, Mapping[str, int]], tuple[Row, Count | None]]

BUILDERS: Mapping[str, Builder] = {
    ZONE_EVENT: _event_row,
    MESSAGE: _message_row,
    REJECT: _reject_row,
    TALLY: _tally_row,
}


def newest_tallies(prepared: Prepared) -> Prepared:
    """Only the newest row of each run: the others say less."""
    by_sequence = sorted(range(len(prepared.rows)), key=lambda index: prepared.rows[index][1])
    keep = sorted({prepared.rows[index][0]: index for index in by_sequence}.values())
    return prepared._replace(
        rows=[prepared.rows[index] for index in keep],
        records=[prepared.records[index] for index in keep],
    )


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
