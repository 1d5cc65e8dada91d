"""Satellites used and in view per constellation, and dilutions of precision, of one epoch."""

from __future__ import annotations

from collections.abc import Sequence

from services.nmea.gsa import GSA
from services.nmea.gsv import GSV

UNKNOWN = "gnss"
"""What a GSA of talker GN without a system id gives: its ids have to tell."""

ID_RANGES: tuple[tuple[int, int, str], ...] = (
    (1, 32, "gps"),
    (33, 64, "sbas"),
    (65, 99, "glonass"),
    (152, 158, "sbas"),
    (193, 200, "qzss"),
    (201, 264, "beidou"),
    (301, 336, "galileo"),
    (401, 464, "beidou"),
)
"""First and last satellite id per constellation: NMEA 0183 below 100, receivers' habit above."""


def used_by_constellation(gsas: Sequence[GSA]) -> dict[str, int] | None:
    """Satellites used per constellation, each counted once; None without a GSA.

    Two GSA of one constellation may share its satellites (more than twelve) or repeat them (one
    per signal, one per talker): the union is right for both. A constellation that none of whose
    satellites are used is left out.
    """
    if not gsas:
        return None
    used: dict[str, set[int]] = {}
    for gsa in gsas:
        system = gsa.system or UNKNOWN
        for satellite in gsa.satellites:
            name = _constellation_of(satellite) if system == UNKNOWN else system
            used.setdefault(name, set()).add(satellite)
    return {name: len(satellites) for name, satellites in used.items()}


def view_by_constellation(gsvs: Sequence[GSV]) -> dict[str, int] | None:
    """Satellites in view per constellation, from the groups that are complete; None without one.

    A group is the messages 1 to ``total`` of one talker and signal. Several signals of one
    constellation name the same satellites again, so the largest number counts.
    """
    view: dict[str, int] = {}
    groups: dict[tuple[str, str | None], set[int]] = {}
    for gsv in gsvs:
        key = (gsv.talker, gsv.signal)
        if gsv.number == 1:
            groups[key] = {1}
        elif key in groups:
            groups[key].add(gsv.number)
        if gsv.number == gsv.total and gsv.in_view is not None:
            if len(groups.pop(key, ())) == gsv.total:
                view[gsv.constellation] = max(gsv.in_view, view.get(gsv.constellation, 0))
    return view or None


def first_dops(gsas: Sequence[GSA]) -> tuple[float | None, float | None, float | None]:
    """PDOP, HDOP and VDOP, each from the first GSA that gives it."""
    pdop = hdop = vdop = None
    for gsa in gsas:
        pdop = gsa.pdop if pdop is None else pdop
        hdop = gsa.hdop if hdop is None else hdop
        vdop = gsa.vdop if vdop is None else vdop
    return pdop, hdop, vdop


def _constellation_of(satellite: int) -> str:
    for first, last, name in ID_RANGES:
        if first <= satellite <= last:
            return name
    return UNKNOWN
