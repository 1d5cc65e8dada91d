"""VTG: course over ground and ground speed (NMEA 0183, IEC 61162-1).

$--VTG,course,T,magnetic,M,knots,N,km/h,K,mode*hh
       0      1 2        3 4     5 6    7 8
$--VTG,course,magnetic,knots,km/h*hh                (before NMEA 2.0)
       0      1        2     3
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.nmea.fields import (
    LETTERS,
    FieldError,
    course_deg,
    knots_kmh,
    speed_kmh,
)

_UNITS = ((1, b"T"), (3, b"M"), (5, b"N"), (7, b"K"))


class VTG(NamedTuple):
    """Course and speed, without a time."""

    talker: str
    course_deg: float | None
    """Over ground, true, 0 to 360 as sent."""
    speed_kmh: float | None
    """As sent in km/h; where that is empty, from the knots."""
    mode: str | None


def parse(talker: str, fields: Sequence[bytes]) -> VTG:
    """The sentence from its data fields, in either form. Raises FieldError."""
    count = len(fields)
    if count == 4:
        return VTG(talker, course_deg(fields[1]), _speed(fields[3], fields[4]), None)
    if not 8 <= count <= 10:
        raise FieldError(f"VTG: {count} fields")
    for place, unit in _UNITS:
        if fields[place] != unit and fields[place]:
            raise FieldError(f"VTG: unit {fields[place]!r} in place of {unit!r}")
    mode = LETTERS[fields[9]] if count > 8 else None
    return VTG(talker, course_deg(fields[1]), _speed(fields[5], fields[7]), mode)


def _speed(knots: bytes, kmh: bytes) -> float | None:
    return speed_kmh(kmh) if kmh else knots_kmh(knots)
