"""VTG: course over ground and ground speed (NMEA 0183, IEC 61162-1).

$--VTG,course,T,magnetic,M,knots,N,km/h,K,mode*hh
       1      2 3        4 5     6 7    8 9
$--VTG,course,magnetic,knots,km/h*hh                (before NMEA 2.0)
       1      2        3     4
"""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.fields import (
    LETTERS,
    FieldError,
    course_deg,
    knots_kmh,
    speed_kmh,
)

_UNITS = ((2, b"T"), (4, b"M"), (6, b"N"), (8, b"K"))


class VTG(NamedTuple):
    """Course and speed, without a time."""

    talker: str
    course_deg: float | None
    """Over ground, true, 0 to 360 as sent."""
    speed_kmh: float | None
    """As sent in km/h; where that is empty, from the knots."""
    mode: str | None


def parse(talker: str, body: bytes) -> VTG:
    """The sentence in either form, from what stands between ``$`` and ``*``. Raises ValueError."""
    fields = body.split(b",")
    count = len(fields)
    if count == 5:
        return VTG(talker, course_deg(fields[1]), _speed(fields[3], fields[4]), None)
    if not 9 <= count <= 11:
        raise FieldError(f"VTG: {count - 1} fields")
    for place, unit in _UNITS:
        if fields[place] != unit and fields[place]:
            raise FieldError(f"VTG: unit {fields[place]!r} in place of {unit!r}")
    mode = LETTERS[fields[9]] if count > 9 else None
    return VTG(talker, course_deg(fields[1]), _speed(fields[5], fields[7]), mode)


def _speed(knots: bytes, kmh: bytes) -> float | None:
    return speed_kmh(kmh) if kmh else knots_kmh(knots)
