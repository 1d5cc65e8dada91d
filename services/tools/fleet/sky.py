"""Satellites over Wenzhou: BeiDou's geostationary ones where they stand, the others drifting.

No almanac: bearings are plausible and change as slowly as real ones, that is all.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

MASK_DEG = 8
"""Satellites below this elevation are not used in the fix."""
_HOLD_S = 30
"""Bearings are worked out for every half minute only."""


class Satellite(NamedTuple):
    """One satellite in view."""

    number: int
    elevation_deg: int
    azimuth_deg: int
    carrier_to_noise_db: int


_GEOSTATIONARY = ((1, 45, 126), (2, 35, 240), (3, 54, 197), (4, 29, 111), (5, 18, 256))
_ORBITING = {
    "gps": tuple(range(1, 33)),
    "beidou": (6, 7, 8, 9, 10, 13, 16, 21, 22, 26, 29, 36, 39, 45),
}
_PERIOD_S = {"gps": 43_082, "beidou": 86_164}


@lru_cache(maxsize=256)
def _sky(constellation: str, half_minute: int) -> tuple[Satellite, ...]:
    seconds = half_minute * _HOLD_S
    seen = []
    if constellation == "beidou":
        seen = [Satellite(*place, 38 + place[1] // 10) for place in _GEOSTATIONARY]
    for number in _ORBITING[constellation]:
        angle = 2 * math.pi * seconds / _PERIOD_S[constellation] + number * 2.399963
        elevation = round(120 * math.sin(angle) - 45)
        if elevation > 0:
            azimuth = round(math.degrees(angle) * 1.7 + number * 67) % 360
            strength = 28 + elevation // 5 + (number * half_minute) % 5
            seen.append(Satellite(number, elevation, azimuth, strength))
    return tuple(seen)


def satellites(constellation: str, seconds: int) -> tuple[Satellite, ...]:
    """Those in view at a time (seconds since 1970) of ``gps`` or ``beidou``, in their order."""
    return _sky(constellation, seconds // _HOLD_S)


def used(seen: tuple[Satellite, ...]) -> tuple[int, ...]:
    """Numbers of those that a receiver uses, at most the twelve of one GSA sentence."""
    return tuple(one.number for one in seen if one.elevation_deg >= MASK_DEG)[:12]
