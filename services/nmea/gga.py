"""GGA: global positioning system fix data (NMEA 0183, IEC 61162-1).

$--GGA,hhmmss.ss,ddmm.mm,N,dddmm.mm,E,quality,used,hdop,altitude,M,separation,M,age,station*hh
       1         2       3 4        5 6       7    8    9        10 11         12 13 14
"""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.fields import (
    COUNTS,
    DILUTION,
    MAX_ALTITUDE_M,
    MIN_ALTITUDE_M,
    TIME_OF_DAY_US,
    FieldError,
    Memo,
    Table,
    differential_age_s,
    geoid_separation_m,
    position,
)

_build = tuple.__new__

QUALITIES: Table[int] = Table(
    "quality",
    {
        b"": 0,
        **{b"%d" % value: value for value in range(9)},
        **{b"0%d" % value: value for value in range(9)},
        # NovAtel's and Unicore's own value for a fix with SBAS corrections, which is differential.
        b"9": 2,
    },
)
"""0 none, 1 GNSS, 2 differential, 3 PPS, 4 RTK fixed, 5 RTK float, 6 estimated, 7 manual,
8 simulated."""


class GGA(NamedTuple):
    """Time, position and quality of one fix."""

    talker: str
    time_of_day_us: int | None
    """Microseconds since midnight UTC."""
    lat: float | None
    """Degrees, north positive."""
    lon: float | None
    """Degrees, east positive."""
    quality: int
    """0 to 8, see QUALITIES; 0 also where the field is empty."""
    satellites_used: int | None
    hdop: float | None
    altitude_m: float | None
    """Above mean sea level."""
    geoid_separation_m: float | None
    """Mean sea level above the ellipsoid."""
    differential_age_s: float | None


def _tail(value: bytes) -> tuple[float | None, float | None]:
    fields = value.split(b",")
    if len(fields) > 7:
        raise FieldError(f"GGA: {len(fields) + 9} fields")
    unit, separation, separation_unit, age = [*fields, b"", b"", b""][:4]
    if unit not in (b"M", b"") or separation_unit not in (b"M", b""):
        raise FieldError(f"GGA: units {unit!r}, {separation_unit!r}")
    return geoid_separation_m(separation), differential_age_s(age)


TAILS = Memo(_tail, 4096)
"""From the altitude's unit on: these fields stay the same for long."""


def parse(talker: str, body: bytes) -> GGA:
    """The sentence from what stands between ``$`` and ``*``; the last five fields may be missing.

    Raises ValueError.
    """
    fields = body.split(b",", 10)
    if len(fields) < 10:
        raise FieldError(f"GGA: {len(fields) - 1} fields")
    separation, age = TAILS[fields[10] if len(fields) > 10 else b""]
    lat, lon = position(fields[2], fields[3], fields[4], fields[5])
    altitude: float | None = None
    # Inline, not altitude_m, for speed.
    if fields[9]:
        altitude = float(fields[9])
        if not MIN_ALTITUDE_M <= altitude <= MAX_ALTITUDE_M:
            raise FieldError(f"altitude: {fields[9]!r}")
    return _build(
        GGA,
        (
            talker,
            TIME_OF_DAY_US[fields[1]],
            lat,
            lon,
            QUALITIES[fields[6]],
            COUNTS[fields[7]],
            DILUTION[fields[8]],
            altitude,
            separation,
            age,
        ),
    )
