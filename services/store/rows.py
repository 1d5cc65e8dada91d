"""Batches of the log as rows of tables. Pure: what the database makes of them is elsewhere.

A record that can't be read becomes a dead letter here; it never keeps the others from being
stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
from services.store.prepared import (
    LINES,
    LONGEST_NAME,
    REJECTED,
    UNDECODABLE,
    Count,
    Dead,
    Prepared,
    Row,
)

POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01T00:00:00Z, where PostgreSQL's clock begins."""


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
    rows: list[Row] = []
    records: list[Record] = []
    dead: list[Dead] = []
    counts: dict[Count, int] = {}
    unknown: set[str] = set()
    for record in batch.records:
        try:
            row, count = build(batch, record, ids)
        except UnknownTerminalError as error:
            unknown.add(str(error))
        except (AttributeError, TypeError, ValueError) as error:
            dead.append(Dead(record, UNDECODABLE, str(error)))
        else:
            rows.append(row)
            records.append(record)
            if count is not None:
                counts[count] = counts.get(count, 0) + 1
    return Prepared(rows, records, dead, counts, unknown)


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
        _offsets(tally.fix_offsets),
        _offsets(tally.message_offsets),
        _offsets(tally.reject_offsets),
        int(tally.lines_repeated),
        bool(tally.final),
    )
    return row, None


def _offsets(ends: Mapping[int, int]) -> str:
    return orjson.dumps({str(partition): int(end) for partition, end in ends.items()}).decode()


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
