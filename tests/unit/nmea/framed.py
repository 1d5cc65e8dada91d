"""Sentences for the tests of the reader."""

from __future__ import annotations

from functools import reduce
from operator import xor

from services.nmea.read import read_line
from services.nmea.readings import Reading


def framed(body: str | bytes, start: bytes = b"$") -> bytes:
    """A whole sentence; the checksum byte by byte, so not by the code under test."""
    raw = body if isinstance(body, bytes) else body.encode("ascii")
    return b"%b%b*%02X" % (start, raw, reduce(xor, raw, 0))


def readings(line: bytes, *, allow_missing_checksum: bool = False) -> list[Reading]:
    """What a line says, without the bytes."""
    pairs = read_line(line, allow_missing_checksum=allow_missing_checksum)
    return [reading for _, reading in pairs]


def read_one(line: bytes) -> Reading:
    """What a line of one piece says."""
    (reading,) = readings(line)
    return reading
