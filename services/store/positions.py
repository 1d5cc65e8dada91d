"""Enriched fixes as rows of positions: the hot path, so it reads the record's JSON as it is.

Batches, and else records, that are just as enrich writes them are read by compiled code where there
is some (see ``compiled``), at a fraction of the time; what a record means is said here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import orjson

from services.codec import CodecError, decode_dead_letter
from services.log.base import Batch, Record
from services.model import FIX_QUALITIES
from services.store import compiled
from services.store.compiled import Plain
from services.store.prepared import (
    LINES,
    UNDECODABLE,
    Count,
    Dead,
    Moments,
    Prepared,
    Row,
    Shares,
)
from services.store.rows import POSTGRES_EPOCH_US, checked_text

QUALITY = {name: value for value, name in enumerate(FIX_QUALITIES)}
NO_COUNTS = (None, None, None, None)
MOST_LINES = 65_535
"""No epoch has more; a record that says so would spoil the ledger."""

TIME, LAT, TERMINAL_ID, FIX = 0, 1, 3, 9
"""Places in a row."""

BEIDOU_TALKERS = frozenset(("BD", "GB", "PQ"))


def build_positions(batch: Batch, ids: Mapping[str, int], next_source: int) -> Prepared:
    """The rows of a batch of ``telematics.enriched.v1``.

    Fixes whose place in the fix topic is below ``next_source`` were stored in an earlier batch:
    they are left out and counted as redelivered. Rows have the columns of the table positions,
    in its order.
    """
    if compiled.pack_batch is not None:
        packed = compiled.pack_batch(batch.records, ids, batch.source.partition, next_source)
        if packed is not None:
            return _of_packed(*packed)
    return _build_one_by_one(batch, ids, next_source)


def _of_packed(
    rows: Sequence[Row],
    records: list[Record],
    lines: Mapping[str, int],
    unknown: set[str],
    redelivered: int,
    next_source: int,
    beidou: int,
    qualities: Sequence[int],
    moments: tuple[int, int, int, int],
) -> Prepared:
    by_quality: dict[str, int] = {
        name: count for name, count in zip(FIX_QUALITIES, qualities, strict=True) if count
    }
    return Prepared(
        rows,
        records,
        [],
        _counts_of_lines(lines),
        unknown,
        redelivered,
        next_source,
        Moments(*moments) if rows else None,
        Shares(by_quality, beidou),
    )


def _counts_of_lines(lines: Mapping[str, int]) -> dict[Count, int]:
    return {(run, LINES): count for run, count in lines.items()}


def _build_one_by_one(batch: Batch, ids: Mapping[str, int], next_source: int) -> Prepared:
    """The same, for any batch."""
    rows: list[Row] = []
    records: list[Record] = []
    dead: list[Dead] = []
    unknown: set[str] = set()
    lines: dict[str, int] = {}
    received: list[int] = []
    redelivered = beidou = 0
    partition = batch.source.partition
    read_plain = compiled.read_enriched or _nothing_is_plain
    for record in batch.records:
        value = record.value
        try:
            read = read_plain(value, ids, partition) or read_enriched(value, ids, partition)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            letter, place = _dead(record, error, partition, next_source)
            if place is not None and place < next_source:
                redelivered += 1
            else:
                dead.append(letter)
                next_source = next_source if place is None else place + 1
            continue
        source, run, count, received_at_us, terminal, with_beidou, row = read
        if source < next_source:
            redelivered += 1
            continue
        if row[TERMINAL_ID] is None:
            unknown.add(terminal)
        next_source = source + 1
        lines[run] = lines.get(run, 0) + count
        beidou += with_beidou
        rows.append(row)
        records.append(record)
        received.append(received_at_us)
    counts = _counts_of_lines(lines)
    qualities = Counter(row[FIX] for row in rows)
    shares = Shares({FIX_QUALITIES[value]: count for value, count in qualities.items()}, beidou)
    moments = _moments(rows, received)
    return Prepared(rows, records, dead, counts, unknown, redelivered, next_source, moments, shares)


def read_enriched(value: bytes | None, ids: Mapping[str, int], partition: int) -> Plain:
    """A record of ``telematics.enriched.v1``, compiled or not (see ``compiled.Plain``).

    Raises AttributeError, KeyError, TypeError, ValueError for anything else.
    """
    fields = orjson.loads(value)  # type: ignore[arg-type]
    source_partition, source = fields["source"]
    if source_partition != partition or source.__class__ is not int:
        raise CodecError(f"comes from {source_partition}/{source} of the fix topic")
    terminal = checked_text(fields["terminal"])
    row = _row(fields, ids.get(terminal))
    count = fields["lines"]
    if count.__class__ is not int or not 0 <= count <= MOST_LINES:
        raise CodecError(f"{count!r:.80} is no number of lines")
    run, received_at_us = checked_text(fields["run"]), fields["received_at_us"]
    return source, run, count, received_at_us, terminal, _has_beidou(fields), row


def _nothing_is_plain(_value: bytes | None, _ids: Mapping[str, int], _partition: int) -> None:
    return None


def _has_beidou(fields: Mapping[str, Any]) -> bool:
    """Whether it was made with BeiDou's satellites; by its talkers where it does not say how many:
    a receiver's GNGSA often names no constellation, and its satellites then pass for GPS's."""
    used = fields.get("satellites_used_by") or {}
    if used.get("beidou") is None:
        return not BEIDOU_TALKERS.isdisjoint(fields.get("talkers") or ())
    return bool(used["beidou"])


def _row(fields: dict[str, Any], terminal_id: int | None) -> Row:
    get = fields.get
    used = get("satellites_used_by")
    in_view = get("satellites_in_view_by")
    return (
        (fields["time_us"] - POSTGRES_EPOCH_US,),
        get("lat"),
        get("lon"),
        terminal_id,
        get("altitude_m"),
        get("speed_kmh"),
        get("course_deg"),
        get("heading_deg"),
        get("hdop"),
        QUALITY[fields["fix"]],
        get("satellites_used"),
        *(NO_COUNTS if used is None else _counts(used)),
        *(NO_COUNTS if in_view is None else _counts(in_view)),
        fields["late"],
        fields["zones"] or None,
    )


def _counts(by_constellation: Mapping[str, int]) -> Row:
    get = by_constellation.get
    return get("gps"), get("glonass"), get("galileo"), get("beidou")


def _dead(
    record: Record, error: Exception, partition: int, next_source: int
) -> tuple[Dead, int | None]:
    """The dead letter of a record that is no fix, and its place in the fix topic if it has one.

    Without a place nothing was published that it could stand for, so it isn't counted as a fix.
    """
    try:
        letter = decode_dead_letter(record.value)
    except CodecError:
        place = _place(record, partition)
        detail = f"no enriched fix: {error!r}"
        return Dead(record, UNDECODABLE, detail, place is not None), place
    if letter.source.partition != partition or letter.source.offset.__class__ is not int:
        return Dead(record, letter.reason, "of another partition", False), None
    original = record._replace(value=letter.value)
    return Dead(original, letter.reason, "left out by enrich"), letter.source.offset


def _place(record: Record, partition: int) -> int | None:
    try:
        source_partition, offset = orjson.loads(record.value or b"")["source"]
    except (KeyError, TypeError, ValueError):
        return None
    return offset if source_partition == partition and offset.__class__ is int else None


def _moments(rows: list[Row], received: list[int]) -> Moments | None:
    if not rows:
        return None
    times = [row[TIME][0] + POSTGRES_EPOCH_US for row in rows]
    read = [each for each in received if each.__class__ is int] or times
    return Moments(min(times), max(times), min(read), max(read))


def latest_rows(rows: Iterable[Row]) -> list[Row]:
    """For each terminal its newest row that has a position, in the order of terminal ids; of
    several of one time the one that says most."""
    latest: dict[int, Row] = {}
    for row in rows:
        if row[LAT] is not None:
            held = latest.get(row[TERMINAL_ID])
            if (
                held is None
                or held[TIME] < row[TIME]
                or (held[TIME] == row[TIME] and row.count(None) < held.count(None))
            ):
                latest[row[TERMINAL_ID]] = row
    return [latest[terminal_id] for terminal_id in sorted(latest)]


def newest_last(parts: Sequence[Sequence[Row]]) -> tuple[Sequence[Row], int]:
    """The rows of several batches, ``latest_rows`` of them last, and how many come before those.

    So a row that is a terminal's latest has to be sent only once, and a terminal's rows enter the
    index in the order of time, which fills its pages.
    """
    if compiled.newest_last is not None:
        ordered = compiled.newest_last([*parts])
        if ordered is not None:
            return ordered
    rows = list(chain.from_iterable(parts))
    latest = latest_rows(rows)
    last = {id(row) for row in latest}
    others = [row for row in rows if id(row) not in last]
    return others + latest, len(others)
