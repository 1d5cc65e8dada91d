"""GNS: GNSS fix data (NMEA 0183, IEC 61162-1).

    $--GNS,hhmmss.ss,ddmm.mm,N,dddmm.mm,E,mode,used,hdop,altitude,separation,age,station,status*hh
           1         2       3 4        5 6    7    8    9        10          11  12      13

The mode has one letter a constellation: GPS, GLONASS, Galileo, BeiDou, QZSS, NavIC in this order.
"""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.fields import (
    COUNTS,
    DILUTION,
    TIME_OF_DAY_US,
    FieldError,
    altitude_m,
    differential_age_s,
    geoid_separation_m,
    position,
)


class GNS(NamedTuple):
    """Time, position and mode per constellation of one fix."""

    talker: str
    time_of_day_us: int | None
    """Microseconds since midnight UTC."""
    lat: float | None
    """Degrees, north positive."""
    lon: float | None
    """Degrees, east positive."""
    mode: str
    """As sent, such as ``AAN``."""
    satellites_used: int | None
    hdop: float | None
    altitude_m: float | None
    """Above mean sea level."""
    geoid_separation_m: float | None
    differential_age_s: float | None


def parse(talker: str, body: bytes) -> GNS:
    """The sentence from what stands between ``$`` and ``*``. Raises ValueError."""
    fields = body.split(b",")
    if not 11 <= len(fields) <= 17:
        raise FieldError(f"GNS: {len(fields) - 1} fields")
    mode = fields[6]
    if mode and not (mode.isalpha() and mode.isupper()):
        raise FieldError(f"GNS: mode {mode!r}")
    lat, lon = position(fields[2], fields[3], fields[4], fields[5])
    return GNS(
        talker,
        TIME_OF_DAY_US[fields[1]],
        lat,
        lon,
        mode.decode("ascii"),
        COUNTS[fields[7]],
        DILUTION[fields[8]],
        altitude_m(fields[9]),
        geoid_separation_m(fields[10]),
        differential_age_s(fields[11]) if len(fields) > 11 else None,
    )
