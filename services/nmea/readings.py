"""What a piece of a line can turn out to be."""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.gga import GGA
from services.nmea.gll import GLL
from services.nmea.gns import GNS
from services.nmea.gsa import GSA
from services.nmea.gst import GST
from services.nmea.gsv import GSV
from services.nmea.heading import HDT, THS
from services.nmea.identity import Identification
from services.nmea.rmc import RMC
from services.nmea.tag_block import TagBlock
from services.nmea.vtg import VTG
from services.nmea.zda import ZDA


class Other(NamedTuple):
    """A sentence with a valid checksum that is none of the typed ones."""

    talker: str
    """``P`` for proprietary sentences."""
    sentence: str
    """The rest of the address, such as ``SRFEPE`` of ``$PSRFEPE`` or ``VDM`` of ``!AIVDM``."""
    fields: list[bytes]
    """The data fields."""


class Control(NamedTuple):
    """A sentence of Dipper's own, ``$PDPR,<command>,…``, with a valid checksum."""

    command: str
    arguments: tuple[str, ...]


class Bad(NamedTuple):
    """Nothing that can be used; ``reason`` is one of ``reasons.REASONS``."""

    reason: str


Typed = RMC | GGA | GNS | GLL | VTG | ZDA | GSA | GSV | GST | HDT | THS
Reading = Typed | Other | Control | Identification | TagBlock | Bad
Pair = tuple[bytes, Reading]
"""A piece's bytes and what they say."""
