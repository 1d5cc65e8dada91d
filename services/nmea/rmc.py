"""RMC: recommended minimum specific GNSS data (NMEA 0183, IEC 61162-1).

    $--RMC,hhmmss.ss,A,ddmm.mm,N,dddmm.mm,E,knots,course,ddmmyy,variation,E,mode,status*hh
           1         2 3       4 5        6 7     8      9      10         11 12  13

Field 12 came with NMEA 2.3, field 13 with NMEA 4.1; some receivers leave out the variation.
"""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.fields import (
    DATE_DAYS,
    KMH_PER_KNOT,
    LETTERS,
    MAX_KNOTS,
    STATUS,
    TIME_OF_DAY_US,
    FieldError,
    Memo,
    position,
)

_build = tuple.__new__


class RMC(NamedTuple):
    """Time, date, position, speed and course of one epoch."""

    talker: str
    time_of_day_us: int | None
    """Microseconds since midnight UTC."""
    valid: bool
    lat: float | None
    """Degrees, north positive."""
    lon: float | None
    """Degrees, east positive."""
    speed_kmh: float | None
    course_deg: float | None
    """Over ground, true, 0 to 360 as sent."""
    date_days: int | None
    """Days since 1970-01-01."""
    mode: str | None
    """Mode indicator: A, D, E, F, M, N, P, R, S."""


def _tail(value: bytes) -> tuple[int | None, str | None]:
    fields = value.split(b",")
    if len(fields) > 8:
        raise FieldError(f"RMC: {len(fields) + 8} fields")
    return DATE_DAYS[fields[0]], LETTERS[fields[3]] if len(fields) > 3 else None


TAILS = Memo(_tail)
"""From the date on: these fields stay the same for long."""


def parse(talker: str, body: bytes) -> RMC:
    """The sentence from what stands between ``$`` and ``*``. Raises ValueError."""
    fields = body.split(b",", 9)
    if len(fields) < 10:
        raise FieldError(f"RMC: {len(fields) - 1} fields")
    lat, lon = position(fields[3], fields[4], fields[5], fields[6])
    date_days, mode = TAILS[fields[9]]
    speed: float | None = None
    course: float | None = None
    # Inline, not knots_kmh and course_deg: each call costs a twentieth of the whole sentence.
    if fields[7]:
        speed = float(fields[7])
        if not 0.0 <= speed <= MAX_KNOTS:
            raise FieldError(f"speed: {fields[7]!r}")
        speed *= KMH_PER_KNOT
    if fields[8]:
        course = float(fields[8])
        if not 0.0 <= course <= 360.0:
            raise FieldError(f"course: {fields[8]!r}")
    return _build(
        RMC,
        (
            talker,
            TIME_OF_DAY_US[fields[1]],
            STATUS[fields[2]],
            lat,
            lon,
            speed,
            course,
            date_days,
            mode,
        ),
    )
