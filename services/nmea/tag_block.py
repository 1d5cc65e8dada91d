"""TAG blocks: what a talker's network adds before a sentence (NMEA 0183 v4, IEC 61162-450).

\\s:<source>,c:<unix time>,g:<group>,n:<line>…*hh\\$GPGGA,…
"""

from __future__ import annotations

import re
from typing import NamedTuple

from services.nmea.checksum import HEX_BYTES, checksum
from services.nmea.identity import TERMINAL

START = re.compile(rb"\\(?=[A-Za-z]:)")
BLOCK = re.compile(rb"\\[A-Za-z]:[^\\$!]*\\")


class TagBlock(NamedTuple):
    """A TAG block whose checksum holds."""

    source: str | None
    """The source (``s:``); None if there is none or it is no terminal name."""


def parse(block: bytes) -> TagBlock | None:
    """The block from its bytes, backslashes included; None if its checksum is wrong or missing."""
    body, star, digits = block[1:-1].rpartition(b"*")
    if not star or HEX_BYTES.get(digits) != checksum(body):
        return None
    for parameter in body.split(b","):
        if parameter[:2] == b"s:" and TERMINAL.fullmatch(parameter[2:]):
            return TagBlock(parameter[2:].decode("ascii"))
    return TagBlock(None)
