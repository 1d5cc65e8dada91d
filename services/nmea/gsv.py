"""GSV: satellites in view (NMEA 0183, IEC 61162-1).

    $--GSV,total,number,in view,id,elevation,azimuth,snr,… (to 4 satellites),signal*hh
           1     2      3       4  5         6       7

The signal id came with NMEA 4.1. Quectel's EG25 adds the system id after it and sends BeiDou
as talker PQ. Some receivers leave out the last satellite's empty fields.
"""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.constellations import BY_SYSTEM, constellation
from services.nmea.fields import COUNTS, FieldError


class GSV(NamedTuple):
    """One of several sentences that list a constellation's satellites in view."""

    talker: str
    total: int
    """How many sentences the list has."""
    number: int
    """Which of them this is, from 1."""
    in_view: int | None
    constellation: str
    signal: str | None
    """Signal id as sent (hexadecimal)."""
    satellites: tuple[int, ...]
    """Ids in this sentence, as sent."""


def parse(talker: str, body: bytes) -> GSV:
    """The sentence from what stands between ``$`` and ``*``. Raises ValueError."""
    fields = body.split(b",")
    count = len(fields)
    if count < 4:
        raise FieldError(f"GSV: {count - 1} fields")
    total, number = COUNTS[fields[1]], COUNTS[fields[2]]
    if total is None or number is None:
        raise FieldError("GSV: no sentence number")
    over = (count - 4) % 4
    signal = system = None
    if over == 1:
        signal = _signal(fields[-1])
        count -= 1
    elif over == 2 and talker == "PQ":
        signal = _signal(fields[-2])
        system = BY_SYSTEM.get(fields[-1])
        count -= 2
    satellites = tuple([sent for value in fields[4:count:4] if (sent := COUNTS[value])])
    name = system or constellation(talker, satellites)
    return GSV(talker, total, number, COUNTS[fields[3]], name, signal, satellites)


def _signal(value: bytes) -> str | None:
    if value and not value.isalnum():
        raise FieldError(f"GSV: signal {value!r}")
    return value.decode("ascii") or None
