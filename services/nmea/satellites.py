"""Satellites used and in view per constellation, and dilutions of precision, of one epoch."""

from __future__ import annotations

from collections.abc import Sequence

from services.nmea.constellations import UNKNOWN, constellation
from services.nmea.gsa import GSA
from services.nmea.gsv import GSV


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
        if gsa.system is not None and gsa.system != UNKNOWN:
            used.setdefault(gsa.system, set()).update(gsa.satellites)
        else:
            for satellite in gsa.satellites:
                used.setdefault(constellation(gsa.talker, (satellite,)), set()).add(satellite)
    return {name: len(satellites) for name, satellites in used.items() if satellites}


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
        complete = gsv.number == gsv.total and len(groups.pop(key, ())) == gsv.total
        if complete and gsv.in_view is not None:
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
