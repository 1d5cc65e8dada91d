"""Records and batches for tests of the store, short to write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from services.codec import (
    content_id,
    encode_enriched,
    encode_message,
    encode_reject,
    encode_tally,
    encode_zone_event,
)
from services.log.base import ENRICHED, Batch, Record, TopicPartition
from services.model import (
    EnrichedFix,
    Fix,
    Message,
    Reject,
    Source,
    Tally,
    ZoneEvent,
)

START_US = 1_760_000_000_000_000
RUN = "run-1"


def fix(second: int, terminal: str = "TRUCK-1", **changes: Any) -> Fix:
    """A fix that many seconds after the start, with everything that RMC and GGA give."""
    made = Fix(
        terminal=terminal,
        time_us=START_US + second * 1_000_000,
        time_of_day_us=None,
        lat=28.0 + second / 1000,
        lon=120.5,
        altitude_m=12.5,
        geoid_separation_m=9.5,
        speed_kmh=36.0,
        course_deg=90.0,
        heading_deg=None,
        fix="gnss",
        satellites_used=12,
        satellites_used_by={"gps": 5, "beidou": 7},
        satellites_in_view_by=None,
        hdop=0.75,
        vdop=None,
        pdop=None,
        lat_error_m=None,
        lon_error_m=None,
        altitude_error_m=None,
        differential_age_s=None,
        talkers=("GN",),
        lines=2,
        received_at_us=START_US + second * 1_000_000 + 250_000,
        run=RUN,
    )
    return made._replace(**changes)


def enriched(each: Fix, source: int, zones: Sequence[str] = (), partition: int = 0) -> bytes:
    """That fix as enrich publishes it."""
    return encode_enriched(EnrichedFix(each, tuple(zones), False, Source(partition, source)))


def batch(topic: str, values: Iterable[bytes | None], start: int = 0, partition: int = 0) -> Batch:
    """Records at dense offsets from ``start``."""
    records = [Record(start + index, None, value) for index, value in enumerate(values)]
    return Batch(TopicPartition(topic, partition), records, start + len(records))


def fix_batch(fixes: Iterable[Fix], start: int = 0, partition: int = 0) -> Batch:
    """A batch of the enriched topic whose sources are at the same offsets as itself."""
    values = [enriched(each, start + index, (), partition) for index, each in enumerate(fixes)]
    return batch(ENRICHED, values, start, partition)


def event(second: int, kind: str = "enter", terminal: str = "TRUCK-1") -> bytes:
    """A zone event."""
    name = content_id(terminal, "harbour", "1", kind, second)
    time_us = START_US + second * 1_000_000
    made = ZoneEvent(name, terminal, "harbour", "1", kind, time_us, 28.0, 120.5)  # type: ignore[arg-type]
    return encode_zone_event(made)


def message(line: bytes = b"$BDTXT,1*00", terminal: str = "TRUCK-1", **changes: Any) -> bytes:
    """A message."""
    made = Message(
        id=content_id(terminal, line),
        terminal=terminal,
        time_us=START_US,
        talker="BD",
        sentence="TXT",
        fields={"text": "hello"},
        line=line,
        received_at_us=START_US,
        run=RUN,
    )
    return encode_message(made._replace(**changes))


def reject(line: bytes = b"junk", reason: str = "not_nmea", terminal: str | None = None) -> bytes:
    """A reject."""
    return encode_reject(Reject(terminal, reason, line, START_US, RUN))


def tally(sequence: int = 1, **changes: Any) -> bytes:
    """A tally; empty but for the changes."""
    made = Tally(RUN, sequence, 0, 0, 0, 0, {}, 0, 0, {}, {}, {}, 0, final=False)
    return encode_tally(made._replace(**changes))
