"""RMC and GGA for load tests: positions prepared once, a sentence then costs under a microsecond.

A checksum is an XOR, so that of a sentence is the XOR of those of its parts: the parts that stay
(a position) and the part that is the same for all terminals (the time) are folded only once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from services.nmea.checksum import checksum
from services.tools.fleet.receiver import KNOT_KMH, SECOND_US, angle, clock_text, date_text
from services.tools.fleet.terminal import Terminal, state

_HEX = [b"%02X" % number for number in range(256)]
_LINES = b"$GNRMC,%b,A,%b,%b,,,A*%b\r\n$GNGGA,%b,%b*%b\r\n"
_RMC_FRAME = checksum(b"GNRMC,,A,,,,,A")
_GGA_FRAME = checksum(b"GNGGA,,")


class Place(NamedTuple):
    """One position of a terminal as the parts of its sentences, with their XORs."""

    rmc: bytes
    rmc_check: int
    gga: bytes
    gga_check: int


class Moment(NamedTuple):
    """One time as the parts of all sentences of that time, with their XORs."""

    clock: bytes
    clock_check: int
    date: bytes
    both_check: int


def prepare(terminal: Terminal, start_us: int, seconds: int) -> list[Place]:
    """One place a second."""
    return [_place(terminal, start_us + second * SECOND_US) for second in range(seconds)]


@lru_cache(maxsize=1024)
def moment(time_us: int) -> Moment:
    """The texts of a time, milliseconds shown."""
    clock, date = clock_text(time_us), date_text(time_us // SECOND_US)
    check = checksum(clock)
    return Moment(clock, check, date, check ^ checksum(date))


def epoch(place: Place, now: Moment) -> bytes:
    """RMC and GGA of a terminal at a time: one fix, two lines."""
    return _LINES % (
        now.clock,
        place.rmc,
        now.date,
        _HEX[place.rmc_check ^ now.both_check],
        now.clock,
        place.gga,
        _HEX[place.gga_check ^ now.clock_check],
    )


def _place(terminal: Terminal, time_us: int) -> Place:
    true = state(terminal, time_us)
    where = angle(true.lat, 2, b"N") + b"," + angle(true.lon, 3, b"E")
    rmc = b"%b,%.2f,%.2f" % (where, true.speed_kmh / KNOT_KMH, true.course_deg)
    gga = b"%b,1,%02d,%.1f,%.1f,M,9.8,M,," % (where, 18, 0.8, terminal.altitude_m)
    return Place(rmc, _RMC_FRAME ^ checksum(rmc), gga, _GGA_FRAME ^ checksum(gga))
