"""GST: pseudorange error statistics (NMEA 0183, IEC 61162-1).

$--GST,hhmmss.ss,rms,major,minor,orientation,latitude,longitude,altitude*hh
       1         2   3     4     5           6        7         8
"""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.fields import TIME_OF_DAY_US, FieldError, number


class GST(NamedTuple):
    """Standard deviations of one fix, in metres."""

    talker: str
    time_of_day_us: int | None
    """Microseconds since midnight UTC."""
    lat_error_m: float | None
    lon_error_m: float | None
    altitude_error_m: float | None


def parse(talker: str, body: bytes) -> GST:
    """The sentence from what stands between ``$`` and ``*``. Raises ValueError."""
    fields = body.split(b",")
    if not 9 <= len(fields) <= 10:
        raise FieldError(f"GST: {len(fields) - 1} fields")
    return GST(
        talker,
        TIME_OF_DAY_US[fields[1]],
        number("standard deviation", fields[6], 0.0, 1e9),
        number("standard deviation", fields[7], 0.0, 1e9),
        number("standard deviation", fields[8], 0.0, 1e9),
    )
