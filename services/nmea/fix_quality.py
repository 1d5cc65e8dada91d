"""What each kind of sentence says about the quality of the fix.

Every function gives ``none`` also for a sentence without a position: a quality that nothing was
measured with says nothing. Sources: NMEA 0183 (GGA field 6; the mode indicators of RMC, GLL and
GNS since NMEA 2.3).
"""

from __future__ import annotations

from services.model import FIX_QUALITIES, FixQuality
from services.nmea.gga import GGA
from services.nmea.gll import GLL
from services.nmea.gns import GNS
from services.nmea.rmc import RMC

MODES: dict[str, FixQuality] = {
    "R": "rtk_fixed",
    "F": "rtk_float",
    "P": "pps",
    "D": "dgnss",
    "A": "gnss",
    "E": "estimated",
    "M": "manual",
    "S": "simulated",
    "N": "none",
}
"""Mode indicator to quality, the best first: GNS gives one letter a constellation."""

INVALID_YET_GIVEN = frozenset(("estimated", "manual", "simulated"))
"""NMEA has the status V also for these modes: their position was given, not measured."""


def gga_quality(gga: GGA) -> FixQuality:
    """By the quality field; ``none`` also if the field is empty."""
    if not gga.quality or gga.lat is None or gga.lon is None:
        return "none"
    return FIX_QUALITIES[gga.quality] if gga.quality < len(FIX_QUALITIES) else "none"


def gns_quality(gns: GNS) -> FixQuality:
    """By the best of the mode letters."""
    if gns.lat is None or gns.lon is None:
        return "none"
    for letter, quality in MODES.items():
        if letter in gns.mode:
            return quality
    return "none"


def rmc_quality(rmc: RMC) -> FixQuality:
    """By the mode letter, or by the status where no letter is sent (before NMEA 2.3)."""
    if rmc.lat is None or rmc.lon is None:
        return "none"
    return _by_status(rmc.valid, rmc.mode)


def gll_quality(gll: GLL) -> FixQuality:
    """By the mode letter, or by the status where no letter is sent (before NMEA 2.3)."""
    if gll.lat is None or gll.lon is None:
        return "none"
    return _by_status(gll.valid, gll.mode)


def _by_status(valid: bool, mode: str | None) -> FixQuality:
    quality = MODES.get(mode, "gnss") if mode else "gnss"
    if valid or quality in INVALID_YET_GIVEN:
        return quality
    return "none"
