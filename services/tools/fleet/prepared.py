"""Sentences for load tests: positions prepared once, an epoch then costs about a microsecond.

A checksum is an XOR, so that of a sentence is the XOR of those of its parts: the parts that stay
(a position) and the part that is the same for all terminals (the time) are folded only once.
GSA and GSV carry no time: those of a receiver are the same bytes for half a minute.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from services.nmea.checksum import checksum
from services.tools.fleet.receiver import (
    KNOT_KMH,
    SECOND_US,
    Receiver,
    angle,
    clock_text,
    date_text,
    write_sky,
)
from services.tools.fleet.terminal import Terminal, state

_HEX = [b"%02X" % number for number in range(256)]
_LINES = b"$%bRMC,%b,A,%b,%b,,,A*%b\r\n$%bGGA,%b,%b*%b\r\n"
_HALF_MINUTE_US = 30 * SECOND_US


class Place(NamedTuple):
    """One position of a terminal as the parts of its sentences, with their XORs."""

    talker: bytes
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
    talker, rmc, rmc_check, gga, gga_check = place
    return _LINES % (
        talker,
        now.clock,
        rmc,
        now.date,
        _HEX[rmc_check ^ now.both_check],
        talker,
        now.clock,
        gga,
        _HEX[gga_check ^ now.clock_check],
    )


def sky(receiver: Receiver, time_us: int) -> bytes:
    """The GSA and GSV that belong to an epoch of this time."""
    return write_sky(receiver, time_us // _HALF_MINUTE_US)


def _place(terminal: Terminal, time_us: int) -> Place:
    true = state(terminal, time_us)
    talker = terminal.receiver.talker
    where = angle(true.lat, 2, b"N") + b"," + angle(true.lon, 3, b"E")
    rmc = b"%b,%.2f,%.2f" % (where, true.speed_kmh / KNOT_KMH, true.course_deg)
    gga = b"%b,1,%02d,%.1f,%.1f,M,9.8,M,," % (where, 18, 0.8, terminal.altitude_m)
    rmc_frame, gga_frame = checksum(talker + b"RMC,,A,,,,,A"), checksum(talker + b"GGA,,")
    return Place(talker, rmc, rmc_frame ^ checksum(rmc), gga, gga_frame ^ checksum(gga))
