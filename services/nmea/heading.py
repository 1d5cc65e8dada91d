"""HDT and THS: where the bow points (NMEA 0183, IEC 61162-1).

    $--HDT,heading,T*hh
    $--THS,heading,mode*hh

THS's mode: A autonomous, E estimated, M manual, S simulated, V not valid.
"""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.fields import LETTERS, FieldError, number


class HDT(NamedTuple):
    """True heading."""

    talker: str
    heading_deg: float | None
    """True, 0 to 360 as sent."""


class THS(NamedTuple):
    """True heading with its mode."""

    talker: str
    heading_deg: float | None
    """True, 0 to 360 as sent; None in mode V, whatever was sent."""
    mode: str | None


def parse_hdt(talker: str, body: bytes) -> HDT:
    """The sentence from what stands between ``$`` and ``*``. Raises ValueError."""
    fields = body.split(b",")
    if not 2 <= len(fields) <= 3 or fields[2:] not in ([], [b"T"], [b""]):
        raise FieldError(f"HDT: {fields!r}")
    return HDT(talker, number("heading", fields[1], 0.0, 360.0))


def parse_ths(talker: str, body: bytes) -> THS:
    """The sentence from what stands between ``$`` and ``*``. Raises ValueError."""
    fields = body.split(b",")
    if len(fields) != 3:
        raise FieldError(f"THS: {len(fields) - 1} fields")
    mode = LETTERS[fields[2]]
    heading = number("heading", fields[1], 0.0, 360.0)
    return THS(talker, None if mode == "V" else heading, mode)
