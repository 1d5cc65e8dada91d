"""What receivers of different makers say about one epoch, byte for byte as they would."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from services.tools.fleet.motion import State
from services.tools.fleet.sky import Satellite, satellites, used
from services.tools.sentence import sentence

SECOND_US = 1_000_000
KNOT_KMH = 1.852
GEOID_SEPARATION_M = 9.8
"""Round Wenzhou (EGM96)."""
_NO_COURSE_BELOW_KMH = 0.5
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Epoch(NamedTuple):
    """All that a receiver knows at one time."""

    time_us: int
    state: State
    altitude_m: float
    hdop: float
    ship: bool


class Receiver(NamedTuple):
    """How a kind of receiver talks."""

    name: str
    talker: bytes
    """Of RMC, GGA and the like."""
    constellations: tuple[tuple[str, bytes, bytes], ...]
    """Constellation, talker of its GSV, NMEA 4.10 system id of its GSA (empty: none)."""
    extra: tuple[str, ...]
    """Sentences besides RMC, GGA, GSA and GSV, in order."""
    sky_every_s: int
    """GSV go out in every so-manieth second."""


RECEIVERS = (
    Receiver("multi-band", b"GN", (("gps", b"GP", b"1"), ("beidou", b"GB", b"4")), ("VTG",), 1),
    Receiver(
        "single-chip",
        b"GN",
        (("gps", b"GP", b""), ("beidou", b"BD", b"")),
        ("GLL", "VTG", "ZDA"),
        1,
    ),
    Receiver("beidou-only", b"BD", (("beidou", b"BD", b""),), (), 5),
    Receiver("standard-gb", b"GB", (("beidou", b"GB", b"4"),), ("ZDA",), 2),
)


def write_epoch(receiver: Receiver, epoch: Epoch) -> bytes:
    """One epoch's sentences as the receiver sends them, each with checksum and CR LF."""
    seconds = epoch.time_us // SECOND_US
    skies = [
        (satellites(constellation, seconds), talker, system)
        for constellation, talker, system in receiver.constellations
    ]
    clock, date = clock_text(epoch.time_us), date_text(seconds)
    place = _place(epoch.state)
    in_use = [used(seen) for seen, _, _ in skies]
    bodies = [_gga(receiver.talker, clock, place, epoch, sum(map(len, in_use)))]
    for numbers, (_, _, system) in zip(in_use, skies, strict=True):
        bodies.append(_gsa(receiver.talker, numbers, epoch.hdop, system))
    if epoch.time_us % SECOND_US == 0 and seconds % receiver.sky_every_s == 0:
        for seen, talker, system in skies:
            bodies += _gsv(talker, seen, b"1" if system else b"")
    bodies.append(_rmc(receiver.talker, clock, place, epoch.state, date))
    bodies += [_EXTRA[kind](receiver.talker, clock, place, epoch) for kind in receiver.extra]
    if epoch.ship:
        bodies.append(b"HEHDT,%.1f,T" % epoch.state.course_deg)
    return b"".join(map(sentence, bodies))


@lru_cache(maxsize=64)
def write_sky(receiver: Receiver, half_minute: int) -> bytes:
    """GSA and GSV of all constellations, as they stay for half a minute (counted since 1970)."""
    bodies = []
    skies = [
        (satellites(constellation, half_minute * 30), talker, system)
        for constellation, talker, system in receiver.constellations
    ]
    for seen, _, system in skies:
        bodies.append(_gsa(receiver.talker, used(seen), 0.8, system))
    for seen, talker, system in skies:
        bodies += _gsv(talker, seen, b"1" if system else b"")
    return b"".join(map(sentence, bodies))


def _gga(talker: bytes, clock: bytes, place: bytes, epoch: Epoch, in_use: int) -> bytes:
    heights = b"%.1f,M,%.1f,M,," % (epoch.altitude_m, GEOID_SEPARATION_M)
    return b"%bGGA,%b,%b,1,%02d,%.1f,%b" % (talker, clock, place, in_use, epoch.hdop, heights)


def _rmc(talker: bytes, clock: bytes, place: bytes, state: State, date: bytes) -> bytes:
    motion = b"%.2f,%b" % (state.speed_kmh / KNOT_KMH, _course(state))
    return b"%bRMC,%b,A,%b,%b,%b,,,A" % (talker, clock, place, motion, date)


def _gsa(talker: bytes, numbers: tuple[int, ...], hdop: float, system: bytes) -> bytes:
    slots = b",".join([b"%02d" % number for number in numbers] + [b""] * (12 - len(numbers)))
    body = b"%bGSA,A,3,%b,%.1f,%.1f,%.1f" % (talker, slots, hdop * 1.9, hdop, hdop * 1.6)
    return body + b"," + system if system else body


def _gsv(talker: bytes, seen: tuple[Satellite, ...], signal: bytes) -> list[bytes]:
    total = max(-(-len(seen) // 4), 1)
    bodies = []
    for number in range(total):
        parts = [b"%bGSV,%d,%d,%02d" % (talker, total, number + 1, len(seen))]
        parts += [b"%02d,%02d,%03d,%02d" % one for one in seen[4 * number : 4 * number + 4]]
        bodies.append(b",".join([*parts, signal] if signal else parts))
    return bodies


def _vtg(talker: bytes, _clock: bytes, _place: bytes, epoch: Epoch) -> bytes:
    state = epoch.state
    speeds = b"%.2f,N,%.2f,K,A" % (state.speed_kmh / KNOT_KMH, state.speed_kmh)
    return b"%bVTG,%b,T,,M,%b" % (talker, _course(state), speeds)


def _gll(talker: bytes, clock: bytes, place: bytes, _: Epoch) -> bytes:
    return b"%bGLL,%b,%b,A,A" % (talker, place, clock)


def _zda(talker: bytes, clock: bytes, _place: bytes, epoch: Epoch) -> bytes:
    date = date_text(epoch.time_us // SECOND_US)
    return b"%bZDA,%b,%b,%b,20%b,00,00" % (talker, clock, date[:2], date[2:4], date[4:])


_EXTRA = {"VTG": _vtg, "GLL": _gll, "ZDA": _zda}


def clock_text(time_us: int) -> bytes:
    """``hhmmss.sss``."""
    seconds, fraction_us = divmod(time_us % (86_400 * SECOND_US), SECOND_US)
    minutes, second = divmod(seconds, 60)
    return b"%02d%02d%02d.%03d" % (*divmod(minutes, 60), second, fraction_us // 1000)


def date_text(seconds: int) -> bytes:
    """``ddmmyy`` of a time in seconds since 1970."""
    return _date_of_day(seconds // 86_400)


@lru_cache(maxsize=8)
def _date_of_day(days: int) -> bytes:
    return f"{date.fromordinal(_EPOCH_ORDINAL + days):%d%m%y}".encode()


def _place(state: State) -> bytes:
    return b"%b,%b" % (
        angle(state.lat, 2, b"N" if state.lat >= 0 else b"S"),
        angle(state.lon, 3, b"E" if state.lon >= 0 else b"W"),
    )


def angle(degrees: float, digits: int, side: bytes) -> bytes:
    """``dddmm.mmmmm,E``: degrees and minutes, rounded together so that 60 minutes never show."""
    whole, rest = divmod(round(abs(degrees) * 6_000_000), 6_000_000)
    return b"%0*d%02d.%05d,%b" % (digits, whole, *divmod(rest, 100_000), side)


def _course(state: State) -> bytes:
    # At rest a course means nothing; receivers leave it out.
    return b"%.2f" % state.course_deg if state.speed_kmh >= _NO_COURSE_BELOW_KMH else b""
