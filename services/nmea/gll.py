"""GLL: geographic position, latitude and longitude (NMEA 0183, IEC 61162-1).

    $--GLL,ddmm.mm,N,dddmm.mm,E,hhmmss.ss,A,mode*hh
           1       2 3        4 5         6 7

The oldest receivers end after field 4; field 7 came with NMEA 2.3.
"""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.fields import LETTERS, STATUS, TIME_OF_DAY_US, FieldError, position


class GLL(NamedTuple):
    """Position and time of one fix."""

    talker: str
    lat: float | None
    """Degrees, north positive."""
    lon: float | None
    """Degrees, east positive."""
    time_of_day_us: int | None
    """Microseconds since midnight UTC."""
    valid: bool
    """The status as sent; without one, whether there is a position."""
    mode: str | None


def parse(talker: str, body: bytes) -> GLL:
    """The sentence from what stands between ``$`` and ``*``. Raises ValueError."""
    fields = body.split(b",")
    count = len(fields)
    if not 5 <= count <= 9:
        raise FieldError(f"GLL: {count - 1} fields")
    lat, lon = position(fields[1], fields[2], fields[3], fields[4])
    return GLL(
        talker,
        lat,
        lon,
        TIME_OF_DAY_US[fields[5]] if count > 5 else None,
        STATUS[fields[6]] if count > 6 else lat is not None,
        LETTERS[fields[7]] if count > 7 else None,
    )
