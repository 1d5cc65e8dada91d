"""The vocabulary that every part of Dipper shares: values only, no behaviour, no I/O.

Conventions: times are integer microseconds since 1970-01-01T00:00:00Z; latitude and longitude
are WGS-84 degrees, north and east positive; units stand in the names where they are not SI base
units. A value the stream did not give is ``None``, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

FixQuality = Literal[
    "none",
    "gnss",
    "dgnss",
    "pps",
    "rtk_fixed",
    "rtk_float",
    "estimated",
    "manual",
    "simulated",
]

FIX_QUALITIES: tuple[FixQuality, ...] = (
    "none",
    "gnss",
    "dgnss",
    "pps",
    "rtk_fixed",
    "rtk_float",
    "estimated",
    "manual",
    "simulated",
)
"""Every fix quality; the index is the value of GGA's quality field (NMEA 0183, 0 to 8)."""


class Fix(NamedTuple):
    """One epoch of one terminal: what all its sentences of one UTC time say together."""

    terminal: str
    time_us: int | None
    """UTC; None while the stream has given no date (then the fix can't be stored)."""
    time_of_day_us: int | None
    """Microseconds since midnight UTC as sent: all there is of the time before a date is known."""
    lat: float | None
    lon: float | None
    altitude_m: float | None
    """Above mean sea level."""
    geoid_separation_m: float | None
    speed_kmh: float | None
    course_deg: float | None
    """Course over ground, true."""
    heading_deg: float | None
    """Where the bow points, true (HDT, THS)."""
    fix: FixQuality
    satellites_used: int | None
    satellites_used_by: Mapping[str, int] | None
    """Satellites used per constellation (``gps``, ``beidou`` …), from GSA."""
    satellites_in_view_by: Mapping[str, int] | None
    """Satellites in view per constellation, from GSV."""
    hdop: float | None
    vdop: float | None
    pdop: float | None
    lat_error_m: float | None
    """Standard deviation (GST)."""
    lon_error_m: float | None
    altitude_error_m: float | None
    differential_age_s: float | None
    talkers: tuple[str, ...]
    """Talkers of the epoch's sentences in the order of their first sentence."""
    lines: int
    """How many lines of the stream this fix accounts for in the loss ledger."""
    received_at_us: int
    """When the epoch's last line was read; for latency only, it decides nothing."""
    run: str
    """The ingest run that read it; empty offline."""


class Waypoint(NamedTuple):
    """The part of a fix that says where its terminal was: all that zones need of it."""

    terminal: str
    time_us: int | None
    lat: float | None
    lon: float | None
    fix: str


class Source(NamedTuple):
    """Where a record came from: its place in the topic before."""

    partition: int
    offset: int


class EnrichedFix(NamedTuple):
    """A fix with the zones it lies in."""

    fix: Fix
    zones: tuple[str, ...]
    """Ids of the zones that contain the fix, sorted."""
    late: bool
    """Older than a fix of the same terminal that was seen before it."""
    source: Source


class ZoneEvent(NamedTuple):
    """A terminal entered or left a zone. ``id`` is a hash of the other fields but lat and lon."""

    id: str
    terminal: str
    zone: str
    zone_version: str
    kind: Literal["enter", "exit"]
    time_us: int
    lat: float
    lon: float


class Message(NamedTuple):
    """A valid sentence that is no part of a fix: a BeiDou short message, an AIS report, a text."""

    id: str
    """Hash of terminal, time and line: a line sent again gets the same id."""
    terminal: str
    time_us: int | None
    """UTC of the terminal's last epoch before the line; None if there was none with a date."""
    talker: str
    sentence: str
    fields: Mapping[str, object]
    line: bytes
    received_at_us: int
    run: str


class Reject(NamedTuple):
    """A line that gave nothing, with the reason (see ``services.nmea.reasons``)."""

    terminal: str | None
    reason: str
    line: bytes
    """The raw bytes, at most ``MAX_REJECT_BYTES`` of them."""
    received_at_us: int
    run: str


MAX_REJECT_BYTES = 1024


class DeadLetter(NamedTuple):
    """A record that is not what its topic holds, passed on so that it is counted."""

    value: bytes
    reason: str
    source: Source


class Tally(NamedTuple):
    """What one ingest run has read and published so far: cumulative, a later one replaces it.

    Once published, ``lines_read - lines_pending == lines_used + sum(lines_rejected.values())``.
    Everything it counts lies below its offsets, and what the run publishes later at or above them.
    """

    run: str
    sequence: int
    lines_read: int
    lines_pending: int
    """Lines of epochs that are still open: neither used nor rejected yet."""
    lines_used: int
    lines_control: int
    """The part of lines_used that gave no record: logins, identification, acknowledgements."""
    lines_rejected: Mapping[str, int]
    fixes_published: int
    messages_published: int
    fix_offsets: Mapping[int, int]
    """Per partition of the fix topic, the offset after this run's last record there."""
    message_offsets: Mapping[int, int]
    """The same of the message topic."""
    reject_offsets: Mapping[int, int]
    """The same of the reject topic."""
    lines_repeated: int
    """Lines whose records may be in the log more than once, because a reply was lost."""
    final: bool
    """The run has stopped in order and publishes no more; False if it lives or was killed."""


class ZoneState(NamedTuple):
    """Enrich's memory of one terminal, as of the input record ``source`` (included)."""

    terminal: str
    source: Source
    generation: int
    last_time_us: int
    inside: Mapping[str, str]
    """Zone id to zone version, for the zones that the last fix with a position lay in."""
