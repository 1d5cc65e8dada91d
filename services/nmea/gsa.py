"""GSA: dilution of precision and active satellites (NMEA 0183, IEC 61162-1).

    $--GSA,A,mode,id,… (12 ids),pdop,hdop,vdop,system*hh
           1 2    3 … 14        15   16   17   18

The system id came with NMEA 4.1. Some BeiDou receivers put a number of their own there.
"""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.constellations import BY_SYSTEM, QZSS_IDS, UNKNOWN, constellation
from services.nmea.fields import COUNTS, DILUTION, FieldError, Table

_MODES: Table[int | None] = Table("GSA mode", {b"": None, b"1": 1, b"2": 2, b"3": 3})


class GSA(NamedTuple):
    """The satellites of one constellation that a fix used."""

    talker: str
    mode: int | None
    """1 no fix, 2 two-dimensional, 3 three-dimensional."""
    satellites: tuple[int, ...]
    """Ids as sent."""
    pdop: float | None
    hdop: float | None
    vdop: float | None
    system: str | None
    """The constellation, by system id, else by talker, else by the ids; None if none tells."""


def parse(talker: str, body: bytes) -> GSA:
    """The sentence from what stands between ``$`` and ``*``. Raises ValueError."""
    fields = body.split(b",")
    count = len(fields)
    if not 18 <= count <= 19:
        raise FieldError(f"GSA: {count - 1} fields")
    if fields[1] not in (b"A", b"M", b""):
        raise FieldError(f"GSA: operation {fields[1]!r}")
    satellites = tuple([number for value in fields[3:15] if (number := COUNTS[value])])
    system = BY_SYSTEM.get(fields[18]) if count > 18 else None
    if talker == "PQ" and system == "qzss" and max(satellites, default=0) > QZSS_IDS:
        # Older EC2x firmware gives BeiDou QZSS's system id.
        system = "beidou"
    if system is None:
        system = constellation(talker, satellites)
    return GSA(
        talker,
        _MODES[fields[2]],
        satellites,
        DILUTION[fields[15]],
        DILUTION[fields[16]],
        DILUTION[fields[17]],
        None if system == UNKNOWN else system,
    )
