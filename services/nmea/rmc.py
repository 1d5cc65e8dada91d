"""RMC: recommended minimum specific GNSS data (NMEA 0183, IEC 61162-1).

    $--RMC,hhmmss.ss,A,ddmm.mm,N,dddmm.mm,E,knots,course,ddmmyy,variation,E,mode,status*hh
           0         1 2       3 4        5 6     7      8      9         10 11  12

Field 11 came with NMEA 2.3, field 12 with NMEA 4.1; some receivers leave out the variation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.nmea.fields import (
    COURSE_DEG,
    DATE_DAYS,
    LETTERS,
    POSITION,
    SPEED_KNOTS_KMH,
    STATUS,
    TIME_OF_DAY_US,
    FieldError,
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


def parse(talker: str, fields: Sequence[bytes]) -> RMC:
    """The sentence from its data fields. Raises FieldError."""
    count = len(fields)
    if not 9 <= count <= 16:
        raise FieldError(f"RMC: {count} fields")
    lat, lon = POSITION[fields[2], fields[3], fields[4], fields[5]]
    return _build(
        RMC,
        (
            talker,
            TIME_OF_DAY_US[fields[0]],
            STATUS[fields[1]],
            lat,
            lon,
            SPEED_KNOTS_KMH[fields[6]],
            COURSE_DEG[fields[7]],
            DATE_DAYS[fields[8]],
            LETTERS[fields[11]] if count > 11 else None,
        ),
    )
