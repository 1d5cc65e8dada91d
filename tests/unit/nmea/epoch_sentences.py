"""Sentences for the tests of epochs, and an assembler that is fed in short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.model import Fix
from services.nmea.epoch import Assembler, Outcome, Rejected, Undated
from services.nmea.gga import GGA
from services.nmea.gll import GLL
from services.nmea.gns import GNS
from services.nmea.gsa import GSA
from services.nmea.gst import GST
from services.nmea.gsv import GSV
from services.nmea.readings import Typed
from services.nmea.rmc import RMC
from services.nmea.vtg import VTG
from services.nmea.zda import ZDA

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
DAY = 20_000
"""2024-10-04."""

LAT, LON = 28.0, 120.7


def at(seconds: float) -> int:
    """Time of day."""
    return round(seconds * SECOND_US)


def utc(seconds: float, day: int = DAY) -> int:
    """Time."""
    return day * DAY_US + at(seconds)


def rmc(
    seconds: float | None,
    talker: str = "GN",
    *,
    valid: bool = True,
    lat: float | None = LAT,
    lon: float | None = LON,
    speed: float | None = 36.0,
    course: float | None = 90.0,
    day: int | None = DAY,
    mode: str | None = None,
) -> RMC:
    time = None if seconds is None else at(seconds)
    return RMC(talker, time, valid, lat, lon, speed, course, day, mode)


def gga(
    seconds: float | None,
    talker: str = "GN",
    *,
    quality: int = 1,
    lat: float | None = LAT,
    lon: float | None = LON,
    used: int | None = 9,
    hdop: float | None = 0.9,
    altitude: float | None = 12.0,
    separation: float | None = 8.0,
    age: float | None = None,
) -> GGA:
    time = None if seconds is None else at(seconds)
    return GGA(talker, time, lat, lon, quality, used, hdop, altitude, separation, age)


def gns(
    seconds: float,
    talker: str = "GN",
    *,
    mode: str = "AN",
    lat: float | None = LAT,
    altitude: float | None = 13.0,
    used: int | None = 14,
) -> GNS:
    return GNS(talker, at(seconds), lat, LON, mode, used, 0.7, altitude, 8.5, None)


def gll(
    seconds: float,
    talker: str = "GN",
    *,
    valid: bool = True,
    mode: str | None = None,
    lat: float | None = LAT,
) -> GLL:
    return GLL(talker, lat, LON, at(seconds), valid, mode)


def vtg(talker: str = "GN", *, course: float | None = 91.0, speed: float | None = 35.0) -> VTG:
    return VTG(talker, course, speed, None)


def zda(seconds: float, day: int | None = DAY, talker: str = "GN") -> ZDA:
    return ZDA(talker, at(seconds), day)


def gst(seconds: float, talker: str = "GN") -> GST:
    return GST(talker, at(seconds), 1.5, 2.5, 3.5)


def gsa(talker: str = "GN", system: str | None = "gps", *satellites: int) -> GSA:
    return GSA(talker, 3, satellites, 2.0, 1.0, 1.7, system)


def gsv(
    talker: str, total: int, number: int, in_view: int, system: str, signal: str | None = None
) -> GSV:
    return GSV(talker, total, number, in_view, system, signal, ())


def line(number: int) -> bytes:
    """A line to tell apart from others."""
    return b"$line %d" % number


def feed(
    assembler: Assembler, sentences: Iterable[Typed], first: int = 1
) -> list[tuple[int, Outcome]]:
    """All outcomes, each with the number of the sentence that brought it out."""
    return [
        (number, outcome)
        for number, sentence in enumerate(sentences, first)
        for outcome in assembler.feed(sentence, line(number), number, 1000 + number)
    ]


def assemble(sentences: Iterable[Typed]) -> list[Outcome]:
    """All outcomes of a stream from its beginning to its end."""
    assembler = Assembler("TRUCK-1", "run-1")
    outcomes = [outcome for _, outcome in feed(assembler, sentences)]
    return [*outcomes, *assembler.flush()]


def fixes(outcomes: Sequence[Outcome]) -> list[Fix]:
    """The fixes among outcomes, dated or not."""
    return [
        outcome.fix if isinstance(outcome, Undated) else outcome
        for outcome in outcomes
        if not isinstance(outcome, Rejected)
    ]


def one_fix(*sentences: Typed) -> Fix:
    """The one fix that these sentences make."""
    (outcome,) = assemble(sentences)
    assert isinstance(outcome, Fix)
    return outcome


def lines_of(outcomes: Sequence[Outcome]) -> int:
    """How many lines the outcomes account for."""
    return sum(
        outcome.lines
        if isinstance(outcome, Fix)
        else len(outcome.lines)
        if isinstance(outcome, Undated)
        else 1
        for outcome in outcomes
    )
