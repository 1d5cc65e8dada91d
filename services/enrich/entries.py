"""The records that go out: enriched fixes and dead letters, each in the place of its input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter

from services.codec import encode_dead_letter, splice_enriched
from services.log.base import DELETED_UNREAD, FIX, Batch, Entry, Record
from services.model import Source, Waypoint
from services.zones.enriching import Enriched

UNDECODABLE = "undecodable"

Letter = tuple[int, Entry]
"""A dead letter with the offset of what it stands for."""

plain_entries: (
    Callable[[list[Record], list[Enriched], int], tuple[list[Entry], list[int]]] | None
) = None
"""Most of ``enriched_entries``, compiled; the second list has the indices of records that it leaves
to Python."""
try:
    import services.enrich._entries as _entries  # noqa: PLR0402
except ImportError:
    pass  # The Python code below does all of it.
else:
    _entries.setup(Entry)
    plain_entries = _entries.plain_entries


def enriched_entries(
    records: list[Record],
    fixes: Sequence[Waypoint],
    results: list[Enriched],
    partition: int,
) -> list[Entry]:
    """A record of ``telematics.enriched.v1`` for each of the fix topic and what zones say of it."""
    if plain_entries is None:
        return [
            _enriched_entry(record, fix, result, partition)
            for record, fix, result in zip(records, fixes, results, strict=True)
        ]
    entries, odd = plain_entries(records, results, partition)
    for at in odd:
        entries[at] = _enriched_entry(records[at], fixes[at], results[at], partition)
    return entries


def letter_for_undecodable(record: Record, partition: int) -> Letter:
    """In the place of a record of the fix topic that is no fix."""
    source = Source(partition, record.offset)
    letter = encode_dead_letter(record.value, UNDECODABLE, source)
    return record.offset, Entry(record.key, letter)


def letter_for_deleted(batch: Batch) -> Letter:
    """One dead letter at the last place of records that are gone: the store's ledger passes over
    the others, and so shows them as lost."""
    last = batch.next_offset - 1
    text = f"the log has deleted {batch.first_offset} to {last} of {FIX}/{batch.source.partition}"
    source = Source(batch.source.partition, last)
    return last, Entry(None, encode_dead_letter(text.encode(), DELETED_UNREAD, source))


def by_offset(
    records: Sequence[Record], entries: Sequence[Entry], letters: Sequence[Letter]
) -> list[Entry]:
    """Entries of these records and dead letters in the order of their places in the fix topic."""
    offsets = [record.offset for record in records]
    both = sorted([*zip(offsets, entries, strict=True), *letters], key=itemgetter(0))
    return [entry for _, entry in both]


def _enriched_entry(record: Record, fix: Waypoint, result: Enriched, partition: int) -> Entry:
    value = splice_enriched(
        record.value or b"", result.zones, result.late, Source(partition, record.offset)
    )
    # Half the time of Entry(…), for every fix.
    return tuple.__new__(Entry, (record.key or fix.terminal.encode(), value))
