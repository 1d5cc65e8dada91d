"""The sentences of one epoch → one Fix: which sentence's word counts for which value.

Where several sentences of one kind are there (two talkers in one second), the first that says
something wins, but the combined solution, talker GN, overrides the others. docs/decoding.md
has the rules as a table.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.model import Fix, FixQuality
from services.nmea import core
from services.nmea.fix_quality import gga_quality, gll_quality, gns_quality, rmc_quality
from services.nmea.gga import GGA
from services.nmea.gll import GLL
from services.nmea.gns import GNS
from services.nmea.gsa import GSA
from services.nmea.gst import GST
from services.nmea.gsv import GSV
from services.nmea.heading import HDT, THS
from services.nmea.readings import Typed
from services.nmea.rmc import RMC
from services.nmea.satellites import first_dops, used_by_constellation, view_by_constellation
from services.nmea.vtg import VTG

COMBINED = "GN"
"""The talker of a solution from several constellations."""


_Chosen = tuple[
    RMC | None,
    GGA | None,
    GNS | None,
    GLL | None,
    VTG | None,
    GST | None,
    HDT | THS | None,
    list[GSA],
    list[GSV],
    tuple[str, ...],
]
"""The one sentence of each kind whose word counts, all GSA and GSV, and the talkers."""

_build = tuple.__new__


def build_fix(
    terminal: str,
    time_us: int | None,
    time_of_day_us: int,
    sentences: Sequence[Typed],
    received_at_us: int,
    run: str,
) -> Fix:
    """The Fix of an epoch.

    ``sentences`` are all sentences of the epoch in the order of the stream, at least one; every
    one of them counts as a line. The fix has a position exactly if its quality is not ``none``.
    """
    if core.plain_fix is not None:
        fix = core.plain_fix(terminal, time_us, time_of_day_us, sentences, received_at_us, run)
        if fix is not None:
            return fix
    rmc, gga, gns, gll, vtg, gst, heading, gsas, gsvs, talkers = _choose(sentences)
    quality, lat, lon = _position(gga, gns, rmc, gll)
    altitude_m = separation_m = speed_kmh = course_deg = None
    satellites_used = hdop = vdop = pdop = age_s = None
    if gga is not None:
        _, _, _, _, gga_says, satellites_used, hdop, altitude_m, separation_m, age_s = gga
        if gga_says == 0:
            altitude_m = separation_m = None
    if gns is not None:
        satellites_used = gns.satellites_used if satellites_used is None else satellites_used
        hdop = gns.hdop if hdop is None else hdop
        altitude_m = gns.altitude_m if altitude_m is None else altitude_m
        separation_m = gns.geoid_separation_m if separation_m is None else separation_m
        age_s = gns.differential_age_s if age_s is None else age_s
    if rmc is not None:
        speed_kmh = rmc.speed_kmh
        course_deg = rmc.course_deg
    if vtg is not None:
        speed_kmh = vtg.speed_kmh if speed_kmh is None else speed_kmh
        course_deg = vtg.course_deg if course_deg is None else course_deg
    if gsas:
        pdop, gsa_hdop, vdop = first_dops(gsas)
        hdop = gsa_hdop if hdop is None else hdop
    lat_error_m = lon_error_m = altitude_error_m = None
    if gst is not None:
        _, _, lat_error_m, lon_error_m, altitude_error_m = gst
    if quality == "none":
        altitude_m = separation_m = speed_kmh = course_deg = None
        lat_error_m = lon_error_m = altitude_error_m = None
    # tuple.__new__ takes half the time of the class's own, and this is done for every fix.
    return _build(
        Fix,
        (
            terminal,
            time_us,
            time_of_day_us,
            lat,
            lon,
            altitude_m,
            separation_m,
            speed_kmh,
            course_deg,
            None if heading is None else heading.heading_deg,
            quality,
            satellites_used,
            used_by_constellation(gsas) if gsas else None,
            view_by_constellation(gsvs) if gsvs else None,
            hdop,
            vdop,
            pdop,
            lat_error_m,
            lon_error_m,
            altitude_error_m,
            age_s,
            talkers,
            len(sentences),
            received_at_us,
            run,
        ),
    )


def _position(
    gga: GGA | None, gns: GNS | None, rmc: RMC | None, gll: GLL | None
) -> tuple[FixQuality, float | None, float | None]:
    """Quality, latitude and longitude by the first kind that reports a position at all.

    A GGA that says "no fix" does not overrule an RMC that has one: receivers that send both
    disagree for an epoch or two while the fix comes or goes.
    """
    if gga is not None and (quality := gga_quality(gga)) != "none":
        return quality, gga.lat, gga.lon
    if gns is not None and (quality := gns_quality(gns)) != "none":
        return quality, gns.lat, gns.lon
    if rmc is not None and (quality := rmc_quality(rmc)) != "none":
        return quality, rmc.lat, rmc.lon
    if gll is not None and (quality := gll_quality(gll)) != "none":
        return quality, gll.lat, gll.lon
    return "none", None, None


def _choose(sentences: Sequence[Typed]) -> _Chosen:
    rmc: RMC | None = None
    gga: GGA | None = None
    gns: GNS | None = None
    gll: GLL | None = None
    vtg: VTG | None = None
    gst: GST | None = None
    heading: HDT | THS | None = None
    gsas: list[GSA] = []
    gsvs: list[GSV] = []
    talkers: tuple[str, ...] = ()
    for sentence in sentences:
        if sentence[0] not in talkers:
            talkers += (sentence[0],)
        if isinstance(sentence, GSV):
            gsvs.append(sentence)
        elif isinstance(sentence, GSA):
            gsas.append(sentence)
        elif isinstance(sentence, RMC):
            if rmc is None or _overrides(sentence, rmc):
                rmc = sentence
        elif isinstance(sentence, GGA):
            if gga is None or _overrides(sentence, gga):
                gga = sentence
        elif isinstance(sentence, GNS):
            if gns is None or _overrides(sentence, gns):
                gns = sentence
        elif isinstance(sentence, GLL):
            if gll is None or _overrides(sentence, gll):
                gll = sentence
        elif isinstance(sentence, VTG):
            if vtg is None or _overrides(sentence, vtg):
                vtg = sentence
        elif isinstance(sentence, GST):
            if gst is None or _overrides(sentence, gst):
                gst = sentence
        elif isinstance(sentence, (HDT, THS)) and (
            heading is None or _overrides(sentence, heading)
        ):
            heading = sentence
    return rmc, gga, gns, gll, vtg, gst, heading, gsas, gsvs, talkers


def _overrides(later: Typed, earlier: Typed) -> bool:
    """Whether the later of two sentences of a kind is the one that counts."""
    if _says_something(later) != _says_something(earlier):
        return _says_something(later)
    return later.talker == COMBINED != earlier.talker


def _says_something(sentence: Typed) -> bool:
    match sentence:
        case GGA():
            return gga_quality(sentence) != "none"
        case GNS():
            return gns_quality(sentence) != "none"
        case RMC():
            return rmc_quality(sentence) != "none"
        case GLL():
            return gll_quality(sentence) != "none"
        case VTG():
            return sentence.speed_kmh is not None
        case GST():
            return sentence.lat_error_m is not None
        case HDT() | THS():
            return sentence.heading_deg is not None
        case _:
            return True
